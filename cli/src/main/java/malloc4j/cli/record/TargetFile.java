package malloc4j.cli.record;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import malloc4j.cli.CliException;
import org.jspecify.annotations.Nullable;

/// A file that another process is to write. Its root may be another one, in a container: then it is a file there.
///
/// @param there as the process names it, absolute
/// @param here as this command names it
record TargetFile(Path there, Path here) {
    /// @param name as it was typed, null for a name by the process's number in the current folder
    /// @throws CliException if nothing can be written there, or something is there
    static TargetFile of(long pid, @Nullable String name) {
        Path there = path(name == null ? "malloc4j-" + pid + ".trace" : name)
                .toAbsolutePath()
                .normalize();
        Path folder = there.getParent();
        if (folder == null) {
            throw CliException.wrongUsage(there + ": no file can be written there");
        }
        Path root = Path.of("/proc/" + pid + "/root");
        Path folderThere = root.resolve(folder.toString().substring(1));
        if (!Files.isDirectory(folderThere)) {
            throw CliException.wrongUsage("process " + pid + " has no folder " + folder + ": name a file by --output in"
                    + " one that it has");
        }
        Path file = root.resolve(there.toString().substring(1));
        if (Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
            throw CliException.wrongUsage(there + ": exists already, name another file by --output");
        }
        return new TargetFile(there, isSame(folder, folderThere) ? there : file);
    }

    private static Path path(String name) {
        try {
            return Path.of(name);
        } catch (InvalidPathException wrong) {
            throw CliException.wrongUsage("'" + name.replaceAll("\\p{Cntrl}", "?") + "' is no path");
        }
    }

    private static boolean isSame(Path folder, Path folderThere) {
        try {
            return Files.isSameFile(folder, folderThere);
        } catch (IOException another) {
            return false;
        }
    }
}
