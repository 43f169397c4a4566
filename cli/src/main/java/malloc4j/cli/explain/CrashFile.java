package malloc4j.cli.explain;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import malloc4j.cli.CliException;

/// Opens what a JVM has left, and sees what it is.
final class CrashFile {
    private static final int ELF_MAGIC = 0x7f454c46;

    private CrashFile() {}

    /// Reads an hs_err log or a core file.
    ///
    /// @throws CliException if it is neither, or broken, in one line
    static Crash read(Path path) {
        requireFile(path);
        try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "r")) {
            if (file.length() == 0) {
                throw CliException.problem(path + ": is empty");
            }
            boolean isElf = file.length() >= Integer.BYTES && file.readInt() == ELF_MAGIC;
            file.seek(0);
            return isElf ? new CoreFile(path, file).read() : HotSpotLog.read(path, file);
        } catch (IOException unreadable) {
            throw CliException.cannot(path + ": cannot be read: " + unreadable.getMessage());
        }
    }

    /// A name as it was typed.
    static Path path(String name) {
        try {
            return Path.of(name);
        } catch (InvalidPathException wrong) {
            throw CliException.wrongUsage("'" + name.replaceAll("\\p{Cntrl}", "?") + "' is no path");
        }
    }

    /// Opening a pipe would wait.
    static void requireFile(Path path) {
        if (Files.isDirectory(path)) {
            throw CliException.wrongUsage(path + ": is a directory, name a file in it");
        }
        if (Files.notExists(path)) {
            throw CliException.wrongUsage(path + ": there is no such file");
        }
        if (!Files.isRegularFile(path)) {
            throw CliException.wrongUsage(path + ": is no regular file");
        }
    }
}
