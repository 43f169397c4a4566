package malloc4j.cli.replay;

import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.CodeSource;
import malloc4j.cli.CliException;
import org.jspecify.annotations.Nullable;

/// The trace that is replayed when none is named: `traces/sqlite.trace.gz` under the root of this project, which is
/// looked for above this program's own file.
final class BundledTrace {
    static final Path PATH = Path.of("traces", "sqlite.trace.gz");

    private BundledTrace() {}

    static Path find() {
        for (Path folder = ownFile(); folder != null; folder = folder.getParent()) {
            Path file = folder.resolve(PATH);
            if (Files.isRegularFile(file)) {
                return file;
            }
        }
        throw CliException.cannot("the bundled trace " + PATH + " is not where ./malloc4j is; name a trace");
    }

    private static @Nullable Path ownFile() {
        CodeSource source = BundledTrace.class.getProtectionDomain().getCodeSource();
        try {
            return source == null ? null : Path.of(source.getLocation().toURI());
        } catch (URISyntaxException e) {
            return null;
        }
    }
}
