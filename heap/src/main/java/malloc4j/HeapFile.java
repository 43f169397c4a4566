package malloc4j;

import java.nio.file.Files;
import java.nio.file.Path;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.KernelPath;
import malloc4j.internal.os.Linux;
import malloc4j.internal.os.LivenessLocks;
import malloc4j.internal.os.SystemCalls;
import malloc4j.internal.region.FileSource;
import malloc4j.linux.SystemCallException;

/// Opens the file of a heap, for this heap alone: a second heap, in this process or another, is refused before it has
/// changed a byte.
///
/// The lock is the creator's lane of [LivenessLocks]. The kernel drops it with the heap's last mapping, also when the
/// process is killed.
final class HeapFile {
    private static final int FLAGS =
            Linux.O_RDWR | Linux.O_CREAT | Linux.O_NOFOLLOW | Linux.O_NONBLOCK | Linux.O_CLOEXEC;

    private HeapFile() {}

    /// Opens the file at `path`, created when missing, locks and empties it. Returns its descriptor.
    ///
    /// @throws SystemCallException if it cannot be opened, is a symbolic link or no regular file, or another heap has
    /// it
    static int open(SystemCalls calls, String path) {
        long fd = calls.open(KernelPath.of(path), FLAGS, 0600);
        if (fd < 0) {
            throw new SystemCallException(
                    "open(path=" + path + ", O_RDWR|O_CREAT|O_NOFOLLOW|O_NONBLOCK|O_CLOEXEC, 0600)", fd, advice(fd));
        }
        try {
            requireRegular((int) fd, path);
            lock(calls, (int) fd, path);
            long emptied = FileSource.emptyFile(calls, (int) fd);
            if (emptied < 0) {
                throw new SystemCallException("ftruncate(path=" + path + ", byteSize=0)", emptied, "see ftruncate(2)");
            }
            return (int) fd;
        } catch (Throwable refused) {
            long unused = FileSource.closeFile(calls, (int) fd);
            throw refused;
        }
    }

    private static String advice(long result) {
        return switch ((int) -result) {
            case Errno.ELOOP ->
                "it is a symbolic link, which is not followed: give the path of the file that it leads to (Path.toRealPath)";
            case Errno.EISDIR, Errno.ENXIO, Errno.ENODEV -> "the file of a heap is a regular file: name one";
            case Errno.EMFILE -> "close files, or raise ulimit -n (RLIMIT_NOFILE)";
            default -> "check the option file, and its permissions and those of its directories";
        };
    }

    private static void requireRegular(int fd, String path) {
        if (!Files.isRegularFile(
                Path.of("/proc/thread-self/fd", Integer.toString(fd)))) { // what is open, not what has the name now
            throw new SystemCallException("open(path=" + path + ")", -Errno.ENODEV, advice(-Errno.ENODEV));
        }
    }

    private static void lock(SystemCalls calls, int fd, String path) {
        long result = LivenessLocks.take(calls, fd, LivenessLocks.CREATOR);
        if (result < 0) {
            String advice = result == -Errno.EAGAIN
                    ? inUse(LivenessLocks.holder(calls, fd, LivenessLocks.CREATOR))
                    : "the file system must have locks (fcntl(2), open file description locks): name a file on another one";
            throw new SystemCallException("fcntl(path=" + path + ", F_OFD_SETLK)", result, advice);
        }
    }

    private static String inUse(long holder) {
        long self = ProcessHandle.current().pid();
        String who = holder == self
                ? "another heap of this process, " + self + ","
                : holder > 0 ? "a heap of process " + holder : "another process";
        return who + " has the file: close that heap, or name another file";
    }
}
