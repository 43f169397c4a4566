package malloc4j.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.KernelPath;
import malloc4j.internal.os.Linux;
import malloc4j.internal.os.SystemCalls;

/// The open file behind a mapping: its descriptor and its length.
///
/// @param path what errors name it by
/// @param writable whether it is open for writing, so that its length can be set
record MappedFile(SystemCalls calls, String path, int fd, boolean writable) {
    private static final int OWNER_ONLY = 0600;

    /// Opens a file.
    ///
    /// @param create whether to create it when it is missing, for its owner alone
    /// @throws SystemCallException if the kernel refuses
    static MappedFile open(SystemCalls calls, Path file, boolean writable, boolean create) {
        String path = file.toString();
        int access = writable ? Linux.O_RDWR : Linux.O_RDONLY;
        int creation = create ? Linux.O_CREAT : 0;
        // Not blocking: a named pipe without a writer would keep us waiting.
        long fd = calls.open(KernelPath.of(file), access | creation | Linux.O_CLOEXEC | Linux.O_NONBLOCK, OWNER_ONLY);
        if (fd < 0) {
            String flags = (writable ? "O_RDWR" : "O_RDONLY") + (create ? "|O_CREAT" : "");
            throw Refusals.open("open(path=" + path + ", " + flags + ")", fd);
        }
        try {
            return new MappedFile(calls, path, (int) fd, writable);
        } catch (OutOfMemoryError full) {
            calls.close((int) fd);
            throw full;
        }
    }

    /// The size of the huge pages that a file on hugetlbfs is made of; 0 for any other file.
    static long hugePageByteSize(SystemCalls calls, int fd) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment answer = arena.allocate(Linux.STATFS_BYTES, Long.BYTES);
            long result = calls.fstatfs(fd, answer.address());
            if (result < 0 || answer.get(ValueLayout.JAVA_LONG, Linux.STATFS_TYPE) != Linux.HUGETLBFS_MAGIC) {
                return 0;
            }
            return answer.get(ValueLayout.JAVA_LONG, Linux.STATFS_BSIZE);
        }
    }

    /// Whether the file is one of `/proc`, which the kernel makes while it is read.
    boolean isOfProc() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment answer = arena.allocate(Linux.STATFS_BYTES, Long.BYTES);
            return calls.fstatfs(fd, answer.address()) == 0
                    && answer.get(ValueLayout.JAVA_LONG, Linux.STATFS_TYPE) == Linux.PROC_SUPER_MAGIC;
        }
    }

    FileStatus status() {
        return FileStatus.of(calls, fd);
    }

    /// The length in bytes.
    long length() {
        long length = calls.lseek(fd, 0, Linux.SEEK_END);
        if (length < 0) {
            throw Refusals.file("lseek(path=" + path + ", SEEK_END)", length);
        }
        return length;
    }

    /// Sets the length in bytes.
    void setLength(long byteSize) {
        long result = calls.ftruncate(fd, byteSize);
        if (result < 0) {
            throw Refusals.file("ftruncate(path=" + path + ", byteSize=" + byteSize + ")", result);
        }
    }

    /// Gives a part its room on the device, and leaves the length as it is.
    void preallocate(long offset, long byteSize) {
        long result;
        do {
            result = calls.fallocate(fd, Linux.FALLOC_FL_KEEP_SIZE, offset, byteSize);
        } while (result == -Errno.EINTR);
        if (result < 0) {
            throw Refusals.file(
                    "fallocate(path=" + path + ", offset=" + offset + ", byteSize=" + byteSize + ")", result);
        }
    }

    /// Gives the file its old length again after we made it `newLength`, and gives back room behind it; not when
    /// somebody else has changed it meanwhile. Returns whether it has its old length now.
    boolean restoreLength(long oldLength, long newLength) {
        long now = calls.lseek(fd, 0, Linux.SEEK_END);
        return (now == oldLength || now == newLength) && calls.ftruncate(fd, oldLength) == 0;
    }

    /// Closes the descriptor, which is gone whatever the kernel answers: see close(2).
    void close() {
        calls.close(fd);
    }
}
