package malloc4j.internal.proc;

import java.io.FileInputStream;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import malloc4j.internal.os.KernelPath;

/// The kernel's text files under `/proc` and `/sys`. They look like files and are not: they have no length, one
/// read should take all, and what cannot be told is missing, unreadable or empty.
///
/// Paths begin with a slash and are below [#root], which is `/` but in tests.
///
/// Read by streams and by [RandomAccessFile], which an interrupt of the thread neither stops nor closes, as it does a
/// `FileChannel`: what is read is the same, and the thread stays interrupted. Why a file cannot be opened is told by
/// the kernel's number, not by its text, which is in the user's language.
public final class SystemFiles {
    /// The files of this machine.
    public static final SystemFiles LIVE = new SystemFiles(Path.of("/"));

    private static final int MAX_BYTES = 64 << 20; // maps of 65,530 mappings with long names is below 20 MiB

    private final Path root;

    public SystemFiles(Path root) {
        this.root = root;
    }

    public Path path(String name) {
        return root.resolve(name.substring(1));
    }

    /// A stream over a file of any length.
    public InputStream open(String name) throws IOException {
        try {
            return new FileInputStream(path(name).toFile());
        } catch (FileNotFoundException refused) {
            throw refusal(name, refused);
        }
    }

    /// A file that is read at any offset, by [#readAt].
    RandomAccessFile openAnywhere(String name) throws IOException {
        try {
            return new RandomAccessFile(path(name).toFile(), "r");
        } catch (FileNotFoundException refused) {
            throw refusal(name, refused);
        }
    }

    /// Fills the first `length` bytes from `offset` of a file, and returns how many there were.
    static int readAt(RandomAccessFile file, long offset, byte[] bytes, int length) throws IOException {
        file.seek(offset);
        int filled = 0;
        while (filled < length) {
            int count = file.read(bytes, filled, length - filled);
            if (count <= 0) {
                break;
            }
            filled += count;
        }
        return filled;
    }

    /// Why a file was not opened, which `refused` has in words alone: asked once more, of an interface that tells.
    private IOException refusal(String name, FileNotFoundException refused) {
        try {
            Files.newByteChannel(path(name)).close();
            return refused;
        } catch (AccessDeniedException forbidden) {
            return new AccessDeniedException(name);
        } catch (NoSuchFileException missing) {
            return new NoSuchFileException(name);
        } catch (FileSystemException other) {
            return new FileSystemException(name, null, other.getReason());
        } catch (IOException other) {
            return other;
        }
    }

    /// A file's bytes, up to 64 MiB.
    public byte[] bytes(String name) throws IOException {
        try (InputStream file = open(name)) {
            return file.readNBytes(MAX_BYTES);
        }
    }

    /// A file's text, without blanks at its ends.
    public String text(String name) throws IOException {
        return new String(bytes(name), StandardCharsets.UTF_8).strip();
    }

    /// A file's lines. They end with a newline: the kernel leaves other control characters in names as they are.
    public List<String> lines(String name) throws IOException {
        String text = new String(bytes(name), StandardCharsets.UTF_8);
        String[] lines = text.split("\n", -1);
        return List.of(lines).subList(0, text.endsWith("\n") || text.isEmpty() ? lines.length - 1 : lines.length);
    }

    public boolean exists(String name) {
        return Files.exists(path(name));
    }

    /// What a symbolic link holds.
    public String link(String name) throws IOException {
        return KernelPath.text(Files.readSymbolicLink(path(name)));
    }

    /// How many names a file has, that of a symbolic link's target; 1 where that is not told.
    int linkCount(String name) {
        try {
            return (Integer) Files.getAttribute(path(name), "unix:nlink");
        } catch (IOException | UnsupportedOperationException | IllegalArgumentException untold) {
            return 1;
        }
    }

    /// Whether a path leads to the file with this inode.
    boolean isFile(String name, long inode) {
        try {
            return (Long) Files.getAttribute(path(name), "unix:ino") == inode;
        } catch (IOException | UnsupportedOperationException | IllegalArgumentException missing) {
            return false; // also where the user's language has no such letters
        }
    }

    /// The names in a directory, in order; none when it cannot be read.
    public List<String> names(String directory) {
        List<String> names = new ArrayList<>();
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(path(directory))) {
            for (Path entry : entries) {
                names.add(String.valueOf(entry.getFileName()));
            }
        } catch (IOException | DirectoryIteratorException unreadable) {
            return List.of();
        }
        Collections.sort(names);
        return names;
    }

    /// Why a file could not be read, in a few words.
    public static String reason(IOException failure) {
        if (failure instanceof NoSuchFileException) {
            return "this kernel has no " + failure.getMessage();
        }
        if (failure instanceof AccessDeniedException) {
            return "not permitted to read " + failure.getMessage();
        }
        return String.valueOf(failure.getMessage());
    }
}
