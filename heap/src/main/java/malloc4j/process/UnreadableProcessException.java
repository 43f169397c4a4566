package malloc4j.process;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.NoSuchFileException;
import malloc4j.internal.os.Errno;
import malloc4j.internal.proc.ProcessEndedException;
import malloc4j.internal.proc.SystemFiles;

/// A process that could not be read: which of its files, why, and what to do about it.
///
/// ```
/// read(/proc/4711/smaps) failed: EACCES (permission denied); run as the user of that process, or as root
///                                |-- errnoName()             |- advice()
/// ```
///
/// @since 0.1.0
public final class UnreadableProcessException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private static final String OWN = "/proc/self/";

    private final String file;
    private final int errno;
    private final String advice;

    /// @param file that was read, such as `/proc/4711/smaps`
    /// @param errno the kernel's error number
    /// @param advice what the caller can do, one clause without a full stop
    UnreadableProcessException(String file, int errno, String advice) {
        super("read(" + file + ") failed: " + Errno.name(errno) + " (" + Errno.meaning(errno) + "); " + advice);
        this.file = file;
        this.errno = errno;
        this.advice = advice;
    }

    /// Why a file of a process could not be read, and what to do.
    ///
    /// @param directory of the process, such as `/proc/4711`
    /// @param name of the file in it
    static UnreadableProcessException of(SystemFiles files, String directory, String name, IOException failure) {
        String file = directory + "/" + name;
        return switch (failure) {
            case AccessDeniedException refused ->
                new UnreadableProcessException(file, Errno.EACCES, ReadPermission.advice(files, directory));
            case NoSuchFileException missing -> {
                String advice = (directory + "/").equals(OWN) ? "mount /proc" : "there is no process with this number";
                yield new UnreadableProcessException(file, Errno.ENOENT, advice);
            }
            case ProcessEndedException ended ->
                new UnreadableProcessException(file, Errno.ESRCH, "the process ended while it was read");
            default -> new UnreadableProcessException(file, Errno.EIO, String.valueOf(failure.getMessage()));
        };
    }

    /// The file that could not be read.
    public String file() {
        return file;
    }

    /// Whether there is no process of that number, or none any more. Not so of this process, where `/proc` is missing.
    public boolean isGone() {
        return (errno == Errno.ENOENT || errno == Errno.ESRCH) && !file.startsWith(OWN);
    }

    /// The kernel's error number, greater than 0.
    ///
    /// @source [errno(3)](https://man7.org/linux/man-pages/man3/errno.3.html)
    public int errno() {
        return errno;
    }

    /// The kernel's name of why, such as `EACCES`.
    public String errnoName() {
        return Errno.name(errno);
    }

    /// What to do about it, one clause.
    public String advice() {
        return advice;
    }
}
