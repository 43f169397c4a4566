package malloc4j.internal.os;

import java.lang.foreign.Arena;
import malloc4j.internal.memory.RawMemory;

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
public final class LivenessLocks {
    /// Nobody has the lane.
    public static final long NOBODY = Long.MIN_VALUE;

    /// Somebody has the lane and does not tell its pid.
    public static final long SOMEBODY = 0;

    /// The lane of who made a segment, or of the heap that has a file.
    public static final long CREATOR = 1L << 62;
    private static final long LANE = 1L << 32;

    /// The lane of who has a segment open.
    public static final long USERS = CREATOR + LANE;
    private static final long FIRST_ROLE = USERS + LANE;

    private static final long MAX_PID = 1L << 22; // PID_MAX_LIMIT of linux/threads.h

    // struct flock, the same on x86-64 and aarch64: l_type, l_whence (SEEK_SET is 0), l_start, l_len, l_pid (0 here).
    private static final long FLOCK_BYTES = 32;
    private static final long L_TYPE = 0;
    private static final long L_START = 8;
    private static final long L_LEN = 16;

    private LivenessLocks() {}

    /// The lane of a role.
    public static long role(int role) {
        return FIRST_ROLE + role * LANE;
    }

    /// Takes a lane for this process alone; the file must be open for writing. Returns 0, minus `EAGAIN` when
    /// somebody has it, or minus errno.
    public static long take(SystemCalls calls, int fd, long lane) {
        return lock(calls, fd, Linux.F_WRLCK, lane, ProcessHandle.current().pid() + 1);
    }

    /// Takes the users' lane together with others. Returns 0, minus `EAGAIN` when the file is being removed, or
    /// minus errno.
    public static long share(SystemCalls calls, int fd) {
        return lock(calls, fd, Linux.F_RDLCK, USERS, ProcessHandle.current().pid() + 1);
    }

    /// Takes the lanes of the creator and of the users, which works only while nobody has either; the file must be
    /// open for writing. Returns 0, minus `EAGAIN`, or minus errno.
    public static long takeWhole(SystemCalls calls, int fd) {
        return lock(calls, fd, Linux.F_WRLCK, CREATOR, 2 * LANE);
    }

    private static long lock(SystemCalls calls, int fd, int type, long start, long length) {
        try (Arena arena = Arena.ofConfined()) {
            return calls.fcntl(fd, Linux.F_OFD_SETLK, flock(arena, type, start, length));
        }
    }

    /// The pid of who has a lane by another `open` than that of `fd`, [#SOMEBODY], [#NOBODY], or minus errno if the
    /// kernel does not tell.
    public static long holder(SystemCalls calls, int fd, long lane) {
        try (Arena arena = Arena.ofConfined()) {
            long flock = flock(arena, Linux.F_WRLCK, lane, LANE);
            long result = calls.fcntl(fd, Linux.F_OFD_GETLK, flock);
            if (result < 0) {
                return result;
            }
            if ((short) RawMemory.getInt(flock + L_TYPE) == Linux.F_UNLCK) {
                return NOBODY;
            }
            long pid = RawMemory.getLong(flock + L_LEN) - 1;
            boolean ours = RawMemory.getLong(flock + L_START) == lane && pid > 0 && pid <= MAX_PID;
            return ours ? pid : SOMEBODY;
        }
    }

    private static long flock(Arena arena, int type, long start, long length) {
        long flock = arena.allocate(FLOCK_BYTES, Long.BYTES).address(); // all zero
        RawMemory.putInt(flock + L_TYPE, type); // its upper half is l_whence
        RawMemory.putLong(flock + L_START, start);
        RawMemory.putLong(flock + L_LEN, length);
        return flock;
    }
}
