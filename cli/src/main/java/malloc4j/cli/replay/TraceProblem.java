package malloc4j.cli.replay;

import java.nio.file.Path;

/// A trace that breaks the format; the message is one line that names the file, the line and the reason.
final class TraceProblem extends Exception {
    private static final long serialVersionUID = 1L;

    TraceProblem(Path file, long line, String reason) {
        super(file + ": line " + line + ": " + reason, null, false, false);
    }
}
