package malloc4j.internal.proc;

import java.io.IOException;

/// The process that was being read has ended, or its number is another one's by now.
public final class ProcessEndedException extends IOException {
    private static final long serialVersionUID = 1L;

    ProcessEndedException(String directory, IOException cause) {
        super("the process of " + directory + " has ended", cause);
    }

    ProcessEndedException(String directory) {
        super("the process of " + directory + " has ended");
    }
}
