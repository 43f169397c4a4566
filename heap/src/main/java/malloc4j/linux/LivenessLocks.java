package malloc4j.linux;

import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import malloc4j.internal.os.Linux;
import malloc4j.internal.os.SystemCalls;

/// Locks on a file that say which process has it, and that the kernel drops when that process is gone.
///
/// ```
/// offset 0      byteSize            2^62              2^62 + 2^32       2^62 + 2 * 2^32
///        | contents |  - - nothing - - | creator's lane  | users' lane     | lane of role 0  | role 1 ...
///                                      |<- pid + 1 ->|     |<- pid + 1 ->|
/// ```
///
/// A lane is 2^32 offsets past any byte that a file can have: nothing is stored, the file does not grow. Who takes
/// a lane locks its first `pid + 1` offsets, for writing (one holder; all meet at the first offset) or, in the
/// users' lane, for reading (any number). The length of the lock in the way tells the holder's pid, as the holder
/// sees it in its own pid namespace.
///
/// They are open file description locks, which belong to what `open` returned. The kernel drops them when the last
/// descriptor and the last mapping of that are gone, so also those of a process that was killed; a later process
/// with the same pid has none of them. A process asks by [#holder] without taking anything. The other kinds do not
/// serve: a process loses its `F_SETLK` locks as soon as any part of it closes any descriptor of the file, and
/// `flock` has no ranges and can only be asked by being taken.
///
/// A program that locks the whole file, from 0 to its end, by `fcntl` or `FileChannel.lock` locks the lanes too.
///
/// Concurrency: no state but the kernel's.
///
/// @source [fcntl(2)](https://man7.org/linux/man-pages/man2/fcntl.2.html), open file description locks
final class LivenessLocks {
    /// Nobody has the lane.
    static final long NOBODY = -1;

    /// Somebody has the lane and does not tell its pid.
    static final long SOMEBODY = 0;

    static final long CREATOR = 1L << 62;
    private static final long LANE = 1L << 32;
    static final long USERS = CREATOR + LANE;
    private static final long FIRST_ROLE = USERS + LANE;

    private static final long MAX_PID = 1L << 22; // PID_MAX_LIMIT of linux/threads.h

    // struct flock, the same on x86-64 and aarch64: l_type, l_whence (SEEK_SET is 0), l_start, l_len, l_pid (0 here).
    private static final long FLOCK_BYTES = 32;
    private static final long L_TYPE = 0;
    private static final long L_START = 8;
    private static final long L_LEN = 16;

    private LivenessLocks() {}

    /// The lane of a role.
    static long role(int role) {
        return FIRST_ROLE + role * LANE;
    }

    /// Takes a lane for this process alone; the file must be open for writing. Returns 0, minus `EAGAIN` when
    /// somebody has it, or minus errno.
    static long take(SystemCalls calls, int fd, long lane) {
        return lock(calls, fd, Linux.F_WRLCK, lane, ProcessHandle.current().pid() + 1);
    }

    /// Takes the users' lane together with others. Returns 0, minus `EAGAIN` when the file is being removed, or
    /// minus errno.
    static long share(SystemCalls calls, int fd) {
        return lock(calls, fd, Linux.F_RDLCK, USERS, ProcessHandle.current().pid() + 1);
    }

    /// Takes the lanes of the creator and of the users, which works only while nobody has either; the file must be
    /// open for writing. Returns 0, minus `EAGAIN`, or minus errno.
    static long takeWhole(SystemCalls calls, int fd) {
        return lock(calls, fd, Linux.F_WRLCK, CREATOR, 2 * LANE);
    }

    private static long lock(SystemCalls calls, int fd, int type, long start, long length) {
        try (Arena arena = Arena.ofConfined()) {
            return calls.fcntl(
                    fd, Linux.F_OFD_SETLK, flock(arena, type, start, length).address());
        }
    }

    /// The pid of who has a lane by another `open` than that of `fd`, [#SOMEBODY] or [#NOBODY].
    ///
    /// @throws SystemCallException if the kernel does not tell
    static long holder(SystemCalls calls, int fd, long lane) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment flock = flock(arena, Linux.F_WRLCK, lane, LANE);
            long result = calls.fcntl(fd, Linux.F_OFD_GETLK, flock.address());
            if (result < 0) {
                throw new SystemCallException("fcntl(fd=" + fd + ", F_OFD_GETLK)", result, "see fcntl(2)");
            }
            if (flock.get(JAVA_SHORT, L_TYPE) == Linux.F_UNLCK) {
                return NOBODY;
            }
            long pid = flock.get(JAVA_LONG, L_LEN) - 1;
            boolean ours = flock.get(JAVA_LONG, L_START) == lane && pid > 0 && pid <= MAX_PID;
            return ours ? pid : SOMEBODY;
        }
    }

    private static MemorySegment flock(Arena arena, int type, long start, long length) {
        MemorySegment flock = arena.allocate(FLOCK_BYTES, Long.BYTES);
        flock.set(JAVA_SHORT, L_TYPE, (short) type);
        flock.set(JAVA_LONG, L_START, start);
        flock.set(JAVA_LONG, L_LEN, length);
        return flock;
    }
}
