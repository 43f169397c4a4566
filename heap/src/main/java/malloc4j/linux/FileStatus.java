package malloc4j.linux;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Instant;
import malloc4j.internal.memory.Sizes;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.Linux;
import malloc4j.internal.os.SystemCalls;
import org.jspecify.annotations.Nullable;

/// What the kernel knows of one file, read at once.
///
/// @param mode kind, special bits and permissions, as in `st_mode`
/// @param linkCount how many names it has; 0 once the last was removed
/// @param allocatedBytes the memory or disk space it takes
/// @param created when it was created; where the file system does not tell, when its status last changed
/// @source [statx(2)](https://man7.org/linux/man-pages/man2/statx.2.html), whose structure is the same everywhere
record FileStatus(
        int mode,
        int uid,
        int linkCount,
        long device,
        long inode,
        long byteSize,
        long allocatedBytes,
        Instant created) {

    private static final int MASK = Linux.STATX_BASIC_STATS | Linux.STATX_BTIME;
    private static final long STATX_BYTES = 256;
    private static final long BLOCK_BYTES = 512; // the unit of stx_blocks, whatever the file system's own

    /// The status of an open file.
    ///
    /// @throws SystemCallException if the kernel does not tell
    static FileStatus of(SystemCalls calls, int fd) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment statx = arena.allocate(STATX_BYTES, Long.BYTES);
            long result = calls.statx(fd, "", Linux.AT_EMPTY_PATH, MASK, statx.address());
            if (result < 0) {
                throw new SystemCallException("statx(fd=" + fd + ")", result, "see statx(2)");
            }
            return parse(statx);
        }
    }

    /// The status of the file at a path, or null when there is none.
    ///
    /// @param flags `AT_SYMLINK_NOFOLLOW`, or 0 to follow symbolic links
    /// @throws SystemCallException if the kernel does not tell
    static @Nullable FileStatus of(SystemCalls calls, String path, int flags) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment statx = arena.allocate(STATX_BYTES, Long.BYTES);
            long result = calls.statx(Linux.AT_FDCWD, path, flags, MASK, statx.address());
            if (result == -Errno.ENOENT) {
                return null;
            }
            if (result < 0) {
                throw new SystemCallException(
                        "statx(path=" + path + ")", result, "look at the permissions of the directories on the way");
            }
            return parse(statx);
        }
    }

    private static FileStatus parse(MemorySegment statx) {
        boolean hasBirth = (statx.get(JAVA_INT, 0) & Linux.STATX_BTIME) != 0; // stx_mask
        return new FileStatus(
                Short.toUnsignedInt(statx.get(JAVA_SHORT, 28)),
                statx.get(JAVA_INT, 20),
                statx.get(JAVA_INT, 16),
                statx.get(JAVA_LONG, 136), // stx_dev_major and stx_dev_minor, to be compared only
                statx.get(JAVA_LONG, 32),
                statx.get(JAVA_LONG, 40),
                statx.get(JAVA_LONG, 48) * BLOCK_BYTES,
                time(statx, hasBirth ? 80 : 96)); // stx_btime, stx_ctime
    }

    private static Instant time(MemorySegment statx, long offset) {
        return Instant.ofEpochSecond(statx.get(JAVA_LONG, offset), statx.get(JAVA_INT, offset + Long.BYTES));
    }

    boolean isRegular() {
        return (mode & Linux.S_IFMT) == Linux.S_IFREG;
    }

    boolean isCharacterDevice() {
        return (mode & Linux.S_IFMT) == Linux.S_IFCHR;
    }

    boolean isDevice() {
        return isCharacterDevice() || (mode & Linux.S_IFMT) == Linux.S_IFBLK;
    }

    /// What it is, in words.
    String kind() {
        return switch (mode & Linux.S_IFMT) {
            case Linux.S_IFREG -> "a regular file";
            case Linux.S_IFDIR -> "a directory";
            case Linux.S_IFCHR -> "a character device";
            case Linux.S_IFBLK -> "a block device";
            case Linux.S_IFIFO -> "a named pipe";
            case Linux.S_IFLNK -> "a symbolic link";
            case Linux.S_IFSOCK -> "a socket";
            default -> "a file of a kind that is not known";
        };
    }

    /// As the record's own, with the mode as `ls` and `chmod` take it, and the device as the kernel writes it.
    @Override
    public String toString() {
        return "FileStatus[" + kind() + ", mode=0" + Integer.toOctalString(mode & ~Linux.S_IFMT) + ", uid=" + uid
                + ", linkCount=" + linkCount + ", device=0x" + Long.toHexString(device) + ", inode=" + inode
                + ", byteSize=" + byteSize + " (" + Sizes.text(byteSize) + "), allocatedBytes=" + allocatedBytes + " ("
                + Sizes.text(allocatedBytes) + "), created=" + created + "]";
    }

    /// Whether it keeps the convention of [SharedMemoryDirectory].
    boolean isMarked() {
        return (mode & SharedMemoryDirectory.MARK) != 0;
    }

    /// Who may read, write and execute it: nine bits.
    int permissions() {
        return mode & 0777;
    }

    boolean isSameFileAs(FileStatus other) {
        return device == other.device && inode == other.inode;
    }
}
