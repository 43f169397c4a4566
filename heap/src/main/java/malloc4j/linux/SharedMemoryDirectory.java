package malloc4j.linux;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.locks.LockSupport;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.Linux;
import malloc4j.internal.os.LivenessLocks;
import malloc4j.internal.os.SystemCalls;
import malloc4j.linux.SharedMemory.Access;
import malloc4j.linux.SharedMemory.Liveness;
import malloc4j.linux.SharedMemory.Status;
import org.jspecify.annotations.Nullable;

/// The names of shared memory: a directory, in which a segment is a file.
///
/// On Linux `shm_open` and `shm_unlink` are `open` and `unlink` in `/dev/shm`, in glibc and in musl alike. They are
/// made here as system calls: a program in C finds our segments and we find its, there is no C library's function
/// to link, and more can be done than `shm_open` does:
///
/// ```
///   create                                         open                              removeStale
///   open(O_TMPFILE): a file without a name         open(name)                        open(name)
///   mark, size, pages, contents                    marked? share the users' lane     marked? take both lanes
///   take the creator's lane                          in the way: being removed,        in the way: not stale
///   link(name): EEXIST when it is taken                 try again                    is it still that name's file?
///                                                    without a name now: try again   unlink(name)
/// ```
///
/// - A segment gets its name when it is complete, in one step. Nobody opens one that has no size yet; one whose
///   creator dies half way, or fails, never had a name.
/// - The mark is the sticky bit of the file's mode, which Linux ignores on files; `ls -l` shows it as `T`. A file
///   that has it keeps the convention of [LivenessLocks]: without a lock nobody of this library has it. A file
///   without it may be anybody's, and nothing is said of it.
/// - A stale segment is removed while both lanes are held. So of those who open it at the same time, one either has
///   the users' lane before, and it is not stale, or sees that it has lost its name.
///
/// Not covered: a name that some other program removes and gives to a new file between the last look at it and
/// `unlink`.
///
/// Concurrency: no state but the directory's.
///
/// @source [shm_overview(7)](https://man7.org/linux/man-pages/man7/shm_overview.7.html);
///     [open(2)](https://man7.org/linux/man-pages/man2/open.2.html) for `O_TMPFILE`
final class SharedMemoryDirectory {
    /// Where Linux has it.
    static final String SYSTEM = "/dev/shm";

    /// The bit of a segment's mode that says it keeps the convention.
    static final int MARK = Linux.S_ISVTX;

    private static final int MAX_NAME_BYTES = 255; // NAME_MAX of linux/limits.h, the slash not counted
    private static final int OPEN = Linux.O_CLOEXEC | Linux.O_NOFOLLOW | Linux.O_NONBLOCK; // a FIFO does not block us
    private static final int MAX_ATTEMPTS = 1000;
    private static final long PAUSE_NANOS = 1_000_000;
    private static final long ENTRIES_BYTES = 32 << 10;

    private final SystemCalls calls;
    private final String directory;

    SharedMemoryDirectory(SystemCalls calls, String directory) {
        this.calls = calls;
        this.directory = directory;
    }

    // One segment.

    SharedMemory create(String name, long byteSize, SharedMemoryOptions options) {
        SharedMemory created = tryCreate(name, byteSize, options);
        if (created == null) {
            throw new SystemCallException("link(path=" + pathOf(name) + ")", -Errno.EEXIST, adviceOnExisting(name));
        }
        return created;
    }

    SharedMemory openOrCreate(String name, long byteSize, SharedMemoryOptions options) {
        for (int attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
            SharedMemory memory = tryOpen(name, Access.READ_WRITE);
            if (memory == null) {
                memory = tryCreate(name, byteSize, options);
            }
            if (memory != null) {
                return memory;
            }
        }
        throw new SystemCallException(
                "open(path=" + pathOf(name) + ")",
                -Errno.EAGAIN,
                "the name comes and goes all the time: see who does that");
    }

    SharedMemory open(String name, Access access) {
        SharedMemory memory = tryOpen(name, access);
        if (memory == null) {
            String advice = FileStatus.of(calls, directory, 0) == null
                    ? directory + " is missing: mount a tmpfs there"
                    : "nobody has created it, or it was removed";
            throw new SystemCallException(openCall(pathOf(name), access), -Errno.ENOENT, advice);
        }
        return memory;
    }

    /// Null when the name is taken.
    private @Nullable SharedMemory tryCreate(String name, long byteSize, SharedMemoryOptions options) {
        String path = pathOf(name);
        SharedMemory.checkByteSize(byteSize, options);
        if (options.hugePageBytes() != 0) {
            throw new IllegalArgumentException(
                    "option hugePageBytes=" + options.hugePageBytes() + " is for anonymous memory only");
        }
        int mode = options.mode() | (options.persistent() ? 0 : MARK);
        long fd = calls.open(directory, Linux.O_TMPFILE | Linux.O_RDWR | Linux.O_CLOEXEC, mode);
        if (fd < 0) {
            throw new SystemCallException("open(path=" + directory + ", O_TMPFILE|O_RDWR)", fd, adviceOnCreating(fd));
        }
        SharedMemory memory = null;
        boolean named = false;
        try {
            memory = new SharedMemory(calls, (int) fd, name, path, Access.READ_WRITE, true, options);
            memory.initialise(byteSize, options.contents());
            if (!options.persistent()) {
                checkLock(path, LivenessLocks.take(calls, (int) fd, LivenessLocks.CREATOR));
            }
            long linked = calls.link("/proc/thread-self/fd/" + fd, path, Linux.AT_SYMLINK_FOLLOW);
            if (linked < 0 && linked != -Errno.EEXIST) {
                throw new SystemCallException(
                        "link(path=" + path + ")",
                        linked,
                        "/proc must be mounted, and " + directory + " writable by this user");
            }
            named = linked == 0;
            return named ? memory : null;
        } finally {
            if (!named) {
                SharedMemory.abandon(calls, (int) fd, memory);
            }
        }
    }

    /// Null when there is none of this name.
    private @Nullable SharedMemory tryOpen(String name, Access access) {
        String path = pathOf(name);
        for (int attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
            long fd = calls.open(path, access.openFlags() | OPEN, 0);
            if (fd == -Errno.ENOENT) {
                return null;
            }
            if (fd < 0) {
                if (fd != -Errno.ELOOP) {
                    requireRegular(path);
                }
                throw new SystemCallException(openCall(path, access), fd, adviceOnOpening(fd));
            }
            boolean opened = false;
            try {
                if (enter(path, (int) fd)) {
                    SharedMemory memory = new SharedMemory(
                            calls, (int) fd, name, path, access, false, SharedMemoryOptions.defaults());
                    opened = true;
                    return memory;
                }
            } finally {
                if (!opened) {
                    calls.close((int) fd);
                }
            }
            LockSupport.parkNanos(PAUSE_NANOS); // whoever removes it has one system call to go
        }
        throw new SystemCallException(
                openCall(path, access),
                -Errno.EAGAIN,
                "somebody keeps a lock on all of it: a process that was stopped while removing it, or a program that locks "
                        + "files; /proc/locks names it");
    }

    /// Takes part in an open file's convention. Returns whether it still has its name.
    private boolean enter(String path, int fd) {
        if (!regular(path, FileStatus.of(calls, fd)).isMarked()) {
            return true;
        }
        long shared = LivenessLocks.share(calls, fd);
        if (shared == -Errno.EAGAIN) {
            return false;
        }
        checkLock(path, shared);
        return FileStatus.of(calls, fd).linkCount() > 0;
    }

    private static FileStatus regular(String path, FileStatus status) {
        if (!status.isRegular()) {
            throw new IllegalStateException(
                    path + " is " + status.kind() + ", not a regular file, so it is no shared memory");
        }
        return status;
    }

    /// Tells what a name is whose file could not be opened, where that is the reason.
    private void requireRegular(String path) {
        FileStatus named = FileStatus.of(calls, path, Linux.AT_SYMLINK_NOFOLLOW);
        if (named != null) {
            FileStatus unused = regular(path, named);
        }
    }

    boolean unlink(String name) {
        String path = pathOf(name);
        long result = calls.unlink(path);
        if (result < 0 && result != -Errno.ENOENT) {
            String advice = result == -Errno.EISDIR
                    ? "it is a directory, so it is no shared memory"
                    : "only its owner, or root, removes a name in " + directory;
            throw new SystemCallException("unlink(path=" + path + ")", result, advice);
        }
        return result == 0;
    }

    boolean removeStale(String name) {
        String path = pathOf(name);
        FileStatus named = FileStatus.of(calls, path, Linux.AT_SYMLINK_NOFOLLOW);
        if (named == null || !named.isRegular() || !named.isMarked()) {
            return false;
        }
        long fd = calls.open(path, Linux.O_RDWR | OPEN, 0); // a lock that excludes others needs it writable
        if (fd == -Errno.ENOENT) {
            return false;
        }
        if (fd < 0) {
            throw new SystemCallException(openCall(path, Access.READ_WRITE), fd, adviceOnOpening(fd));
        }
        try {
            if (!FileStatus.of(calls, (int) fd).isMarked()) {
                return false;
            }
            long taken = LivenessLocks.takeWhole(calls, (int) fd);
            if (taken == -Errno.EAGAIN) {
                return false;
            }
            checkLock(path, taken);
            FileStatus now = FileStatus.of(calls, path, Linux.AT_SYMLINK_NOFOLLOW);
            return now != null && now.isSameFileAs(FileStatus.of(calls, (int) fd)) && unlink(name);
        } finally {
            calls.close((int) fd);
        }
    }

    // What there is.

    Optional<Status> status(String name) {
        String path = pathOf(name);
        FileStatus file = FileStatus.of(calls, path, Linux.AT_SYMLINK_NOFOLLOW);
        if (file == null || !file.isRegular()) {
            return Optional.empty();
        }
        long creator = LivenessLocks.NOBODY;
        Liveness liveness = Liveness.UNKNOWN;
        if (file.isMarked()) {
            long fd = calls.open(path, Linux.O_RDONLY | OPEN, 0);
            if (fd == -Errno.ENOENT) {
                return Optional.empty();
            }
            if (fd >= 0) {
                try {
                    creator = holder(calls, (int) fd, LivenessLocks.CREATOR);
                    liveness = liveness((int) fd, creator);
                } finally {
                    calls.close((int) fd);
                }
            } else if (fd != -Errno.EACCES) { // may not be read by us: unknown
                throw new SystemCallException(openCall(path, Access.READ_ONLY), fd, adviceOnOpening(fd));
            }
        }
        return Optional.of(new Status(
                name,
                file.byteSize(),
                file.allocatedBytes(),
                file.permissions(),
                file.uid(),
                file.created(),
                liveness,
                creator > 0 ? OptionalLong.of(creator) : OptionalLong.empty()));
    }

    /// As [LivenessLocks#holder].
    ///
    /// @throws SystemCallException if the kernel does not tell
    static long holder(SystemCalls calls, int fd, long lane) {
        long holder = LivenessLocks.holder(calls, fd, lane);
        if (Errno.isError(holder)) {
            throw new SystemCallException("fcntl(fd=" + fd + ", F_OFD_GETLK)", holder, "see fcntl(2)");
        }
        return holder;
    }

    private Liveness liveness(int fd, long creator) {
        if (creator != LivenessLocks.NOBODY) {
            return Liveness.CREATOR_LIVES;
        }
        return holder(calls, fd, LivenessLocks.USERS) == LivenessLocks.NOBODY ? Liveness.STALE : Liveness.ORPHANED;
    }

    List<Status> list() {
        List<Status> segments = new ArrayList<>();
        for (String name : names()) {
            status(name).ifPresent(segments::add);
        }
        segments.sort(Comparator.comparing(Status::name));
        return segments;
    }

    /// The names of all files, with the slash; without those that are no UTF-8, which no `String` stands for.
    private List<String> names() {
        List<String> names = new ArrayList<>();
        long fd = calls.open(directory, Linux.O_RDONLY | Linux.O_DIRECTORY | Linux.O_CLOEXEC, 0);
        if (fd < 0) {
            throw new SystemCallException("open(path=" + directory + ", O_DIRECTORY)", fd, adviceOnCreating(fd));
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment entries = arena.allocate(ENTRIES_BYTES, Long.BYTES);
            long filled;
            while ((filled = calls.getdents64((int) fd, entries.address(), ENTRIES_BYTES)) > 0) {
                addNames(entries.asSlice(0, filled), names);
            }
            if (filled < 0) {
                throw new SystemCallException("getdents64(path=" + directory + ")", filled, "see getdents64(2)");
            }
        } finally {
            calls.close((int) fd);
        }
        return names;
    }

    /// Reads `struct linux_dirent64`: inode and offset, 8 bytes each, length of the entry, kind, and the name with
    /// a zero.
    private static void addNames(MemorySegment entries, List<String> names) {
        long entry = 0;
        while (entry < entries.byteSize()) {
            int entryBytes = Short.toUnsignedInt(entries.get(JAVA_SHORT, entry + 16));
            MemorySegment rest = entries.asSlice(entry + 19, entryBytes - 19);
            int nameBytes = 0;
            while (rest.get(JAVA_BYTE, nameBytes) != 0) {
                nameBytes++;
            }
            byte[] bytes = rest.asSlice(0, nameBytes).toArray(JAVA_BYTE);
            String name = new String(bytes, StandardCharsets.UTF_8);
            boolean isUtf8 = Arrays.equals(name.getBytes(StandardCharsets.UTF_8), bytes);
            if (isUtf8 && !name.equals(".") && !name.equals("..")) {
                names.add("/" + name);
            }
            entry += entryBytes;
        }
    }

    // Names and advice.

    /// The path of the segment with a name.
    ///
    /// @throws IllegalArgumentException if no segment can have this name, saying why
    private String pathOf(String name) {
        String wrong = wrongWith(name);
        if (wrong != null) {
            throw new IllegalArgumentException("name \"" + name + "\" of shared memory " + wrong);
        }
        return directory + name;
    }

    private static @Nullable String wrongWith(String name) {
        if (!name.startsWith("/")) {
            return "does not begin with a slash: use \"/" + name + "\"";
        }
        byte[] bytes = name.getBytes(StandardCharsets.UTF_8);
        if (bytes.length == 1) {
            return "has nothing after the slash";
        }
        if (name.indexOf('/', 1) >= 0) {
            return "has a second slash: there are no directories in it";
        }
        if (name.equals("/.") || name.equals("/..")) {
            return "stands for a directory";
        }
        if (name.indexOf('\0') >= 0) {
            return "has a zero character, which ends a name";
        }
        if (bytes.length - 1 > MAX_NAME_BYTES) {
            return "has " + (bytes.length - 1) + " bytes in UTF-8 after the slash, more than " + MAX_NAME_BYTES;
        }
        return new String(bytes, StandardCharsets.UTF_8).equals(name) ? null : "has half a surrogate pair";
    }

    private static String openCall(String path, Access access) {
        return "open(path=" + path + ", " + (access == Access.READ_ONLY ? "O_RDONLY" : "O_RDWR") + ")";
    }

    private static void checkLock(String path, long result) {
        if (result < 0) {
            throw new SystemCallException(
                    "fcntl(path=" + path + ", F_OFD_SETLK)",
                    result,
                    "a persistent segment takes no locks, if this file system or kernel has none");
        }
    }

    private String adviceOnCreating(long result) {
        return switch ((int) -result) {
            case Errno.ENOENT -> directory + " is missing: mount a tmpfs there, or use anonymous memory";
            case Errno.EACCES, Errno.EROFS -> directory + " must be writable by this user";
            case Errno.EOPNOTSUPP, Errno.EISDIR -> directory + " must be a tmpfs: mount one there";
            case Errno.ENOSPC -> "no more files fit into " + directory + ": remove some, or mount it with more inodes";
            case Errno.EMFILE, Errno.ENFILE -> "close what is open, or raise RLIMIT_NOFILE or fs.file-max";
            default -> "see open(2)";
        };
    }

    private static String adviceOnOpening(long result) {
        return switch ((int) -result) {
            case Errno.ELOOP -> "it is a symbolic link, which is not followed";
            case Errno.EACCES ->
                "its mode and owner do not let this user: open it READ_ONLY, or let the owner set the mode";
            case Errno.EMFILE, Errno.ENFILE -> "close what is open, or raise RLIMIT_NOFILE or fs.file-max";
            default -> "see open(2)";
        };
    }

    /// What to do about a name that is taken; who has it is said as far as it can be found out.
    private String adviceOnExisting(String name) {
        String other = "open it, or take another name";
        try {
            Status status = status(name).orElse(null);
            if (status == null) {
                FileStatus named = FileStatus.of(calls, pathOf(name), Linux.AT_SYMLINK_NOFOLLOW);
                return named == null
                        ? "it was removed since: try again"
                        : "it is " + named.kind() + ", not shared memory: take another name";
            }
            return switch (status.liveness()) {
                case STALE -> "nobody has it any more: removeStale(\"" + name + "\"), and try again";
                case ORPHANED -> "its creator is gone and others still use it: open it, or unlink it and try again";
                case CREATOR_LIVES ->
                    (status.creatorPid().isPresent()
                                    ? "process " + status.creatorPid().getAsLong()
                                    : "a process") + " created it and lives: " + other;
                case UNKNOWN -> other + "; unlink it if you know that nobody uses it";
            };
        } catch (SystemCallException unknown) {
            return other;
        }
    }
}
