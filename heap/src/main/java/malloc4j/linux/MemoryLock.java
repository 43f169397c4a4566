package malloc4j.linux;

import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Collectors;
import malloc4j.internal.memory.Bits;
import malloc4j.internal.memory.Sizes;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.Linux;
import malloc4j.internal.os.LinuxCalls;
import malloc4j.internal.os.SystemCalls;
import malloc4j.internal.region.Ground;

/// Memory that is locked: its pages stay resident and are not swapped out until the lock is closed.
///
/// The kernel locks whole pages, and its locks do not nest: one `munlock` undoes any number of `mlock`s. So this
/// class counts, for the whole process, how many handles hold each page, and unlocks the pages that nobody holds
/// any more:
///
/// ```
///   pages            |    0    |    1    |    2    |    3    |
///   first handle          [=========]                              holds pages 0 and 1
///   second handle                 [=============]                  holds pages 1 and 2
///   first.close()    | munlock |  stays  |  stays  |
/// ```
///
/// ```java
/// import java.lang.foreign.Arena;
/// import java.lang.foreign.MemorySegment;
/// import malloc4j.linux.MemoryLock;
///
/// void main() {
///     try (Arena arena = Arena.ofConfined()) {
///         MemorySegment buffer = arena.allocate(10_000);
///         long before = MemoryLock.limits().lockedBytes();
///         try (MemoryLock lock = MemoryLock.lock(buffer)) { // no page fault in here, however short memory is
///             buffer.fill((byte) 1);
///             if (MemoryLock.limits().lockedBytes() < before + lock.byteSize()) {
///                 throw new AssertionError(MemoryLock.limits());
///             }
///         }
///     }
/// }
/// ```
///
/// **Limits.** A process without `CAP_IPC_LOCK` may lock as much as `RLIMIT_MEMLOCK` says, 8 MiB on most systems.
/// [#limits] tells beforehand. The kernel compares before it locks anything, so a lock beyond the limit is refused
/// as a whole; whatever else goes wrong half way is undone. The exception names the limits and what is locked.
///
/// **Not covered.** Locks that native code takes by itself are not counted: closing a handle over the same pages
/// undoes them. A mapping that goes away takes its lock with it; close the handle first. A child process inherits
/// no locks. Locked pages may still reach a disk by hibernation, and a core dump: see [SecretMemory].
///
/// **Mappings.** Where locked pages meet others the kernel splits the mapping. Each such end counts against this
/// library's share of `vm.max_map_count` ([Mapping]); beyond it a lock is refused with `ENOMEM`.
///
/// Any thread may lock and close. The counts have one lock, held over `munlock`, but not over the `mlock` of a new
/// handle, which may take long: it makes each page resident.
///
/// @source [mlock(2)](https://man7.org/linux/man-pages/man2/mlock.2.html), which `mlockall` and the rest share
/// @since 0.1.0
public final class MemoryLock implements AutoCloseable {
    /// What [#lockAll] locks.
    public enum LockAll {
        /// Everything that is mapped now: Java heap, code, stacks, libraries.
        CURRENT(Linux.MCL_CURRENT),
        /// Everything that is mapped from now on.
        FUTURE(Linux.MCL_FUTURE),
        /// With one of the others: each page only when it is first touched.
        ON_FAULT(Linux.MCL_ONFAULT);

        private final int flag;

        LockAll(int flag) {
            this.flag = flag;
        }
    }

    /// How much this process may lock, and has locked.
    ///
    /// @param softBytes `RLIMIT_MEMLOCK`, what the kernel enforces; `Long.MAX_VALUE` for no limit
    /// @param hardBytes what the process may raise it to; `Long.MAX_VALUE` for no limit
    /// @param lockedBytes what is locked now, by anybody in the process (`VmLck`)
    /// @param privileged whether the process holds `CAP_IPC_LOCK`, by which no limit applies (not in a user
    ///     namespace of its own: there the kernel does not honour it)
    public record Limits(long softBytes, long hardBytes, long lockedBytes, boolean privileged) {
        /// How many bytes more may be locked.
        public long roomBytes() {
            return privileged ? Long.MAX_VALUE : Math.max(0, softBytes - lockedBytes);
        }

        @Override
        public String toString() {
            return "RLIMIT_MEMLOCK is " + Rlimit.text(softBytes) + " (hard: " + Rlimit.text(hardBytes) + "), "
                    + Sizes.exact(lockedBytes) + " are locked, CAP_IPC_LOCK is " + (privileged ? "" : "not ") + "held";
        }
    }

    private static final String HOW_TO_RAISE = "raise the limit (ulimit -l, LimitMEMLOCK= of a systemd unit, "
            + "--ulimit memlock= of a container) or grant CAP_IPC_LOCK";

    private static final ReentrantLock LOCK = new ReentrantLock();
    private static final PageCounts HOLDERS = new PageCounts(); // under LOCK, as the two below
    private static final Set<MemoryLock> HANDLES = new HashSet<>();
    private static boolean allLocked;

    private final SystemCalls calls;
    private final long start;
    private final long end;
    private final boolean onFault;
    private volatile boolean closed; // for who prints it: the lock may be held over a long call
    private final Object kept;

    private MemoryLock(SystemCalls calls, long start, long end, boolean onFault, Object kept) {
        this.calls = calls;
        this.start = start;
        this.end = end;
        this.onFault = onFault;
        this.kept = kept;
    }

    /// Locks the pages that a segment lies in, and makes them resident.
    ///
    /// The memory of an automatic arena lives as long as the handle; any other arena must outlive it.
    ///
    /// @param segment native or mapped memory, at least one byte
    /// @throws IllegalArgumentException if the segment is empty, or of the Java heap, which has no fixed address
    /// @throws IllegalStateException if the segment's arena is closed
    /// @throws SystemCallException if the kernel refuses; nothing is locked then
    public static MemoryLock lock(MemorySegment segment) {
        return lock(LinuxCalls.instance(), segment, false);
    }

    /// Locks the pages that `[address, address + byteSize)` lies in, and makes them resident.
    ///
    /// @param address an absolute address, greater than 0; it is rounded down to a page's start
    /// @param byteSize size in bytes, at least 1; the end is rounded up to a page's end
    /// @throws IllegalArgumentException if an argument is outside its range
    /// @throws SystemCallException if the kernel refuses; nothing is locked then
    public static MemoryLock lock(long address, long byteSize) {
        return lock(LinuxCalls.instance(), address, byteSize, false, "");
    }

    /// As [#lock(MemorySegment)], but each page is locked when it is first touched. The whole range counts against
    /// the limit at once.
    ///
    /// @param segment native or mapped memory, at least one byte
    /// @throws IllegalArgumentException if the segment is empty, or of the Java heap, which has no fixed address
    /// @throws IllegalStateException if the segment's arena is closed
    /// @throws SystemCallException if the kernel refuses, or is older than Linux 4.4; nothing is locked then
    public static MemoryLock lockOnFault(MemorySegment segment) {
        return lock(LinuxCalls.instance(), segment, true);
    }

    /// As [#lock(long, long)], but each page is locked when it is first touched.
    ///
    /// @param address an absolute address, greater than 0; it is rounded down to a page's start
    /// @param byteSize size in bytes, at least 1; the end is rounded up to a page's end
    /// @throws IllegalArgumentException if an argument is outside its range
    /// @throws SystemCallException if the kernel refuses, or is older than Linux 4.4; nothing is locked then
    public static MemoryLock lockOnFault(long address, long byteSize) {
        return lock(LinuxCalls.instance(), address, byteSize, true, "");
    }

    /// Locks all memory of this process, the Java heap and every library included, until [#unlockAll]. Each call
    /// replaces what the one before said of the future. Handles that are closed meanwhile unlock nothing.
    ///
    /// With [LockAll#CURRENT], all that the JVM has committed becomes resident: give it [LockAll#ON_FAULT] too
    /// where only that is to stay which has been used. With [LockAll#FUTURE] and without `ON_FAULT`, pages are
    /// resident as soon as they are mapped or committed; memory by the program break can then no longer be proven
    /// to be ours, so a heap that asks for it gets mappings.
    ///
    /// @throws IllegalArgumentException without `CURRENT` and without `FUTURE`
    /// @throws IllegalStateException if `FUTURE` is asked for under a limit: what is mapped beyond it would be
    ///     refused to the JVM itself, whose heap could no longer grow and whose threads could not be started
    /// @throws SystemCallException if the kernel refuses; nothing is locked then
    public static void lockAll(LockAll first, LockAll... others) {
        lockAll(LinuxCalls.instance(), EnumSet.of(first, others));
    }

    /// Undoes [#lockAll]. Pages that handles hold are locked again at once; for a moment they are not.
    ///
    /// @throws SystemCallException if the kernel refuses, or does not lock a handle's pages again, because they are
    ///     no longer mapped
    public static void unlockAll() {
        unlockAll(LinuxCalls.instance());
    }

    /// What may be locked, and is.
    ///
    /// @throws UncheckedIOException if `/proc/self/status` cannot be read
    public static Limits limits() {
        return limits(LinuxCalls.instance());
    }

    /// The address of the first page that is locked.
    public long address() {
        return start;
    }

    /// The size of the pages that are locked, in bytes.
    public long byteSize() {
        return end - start;
    }

    /// Whether each page is locked only when it is first touched.
    public boolean isOnFault() {
        return onFault;
    }

    /// Unlocks the pages that no other handle holds. Once is enough, and twice is harmless.
    ///
    /// @throws SystemCallException if the kernel refuses, because pages are not mapped any more. The handle is
    ///     closed all the same
    @Override
    public void close() {
        long result = 0;
        long refusedFrom = 0;
        long refusedTo = 0;
        LOCK.lock();
        try { // without an object
            if (!HANDLES.contains(this)) {
                return;
            }
            long to;
            for (long from = nextUnheld(start); from < end && !allLocked; from = nextUnheld(to)) {
                to = HOLDERS.endOfSame(from, end);
                long unlocked = calls.munlock(from, to - from);
                if (Errno.isError(unlocked) && result == 0) {
                    result = unlocked;
                    refusedFrom = from;
                    refusedTo = to;
                }
            }
        } finally {
            letGo();
            LOCK.unlock();
            Reference.reachabilityFence(kept); // the memory must not go before its lock
        }
        if (result != 0) {
            throw new SystemCallException(
                    "munlock(" + text(refusedFrom, refusedTo) + ")",
                    result,
                    "a part of the range is not mapped any more: close a lock before its memory");
        }
    }

    @Override
    public String toString() {
        return "MemoryLock[" + text(start, end) + (onFault ? ", on fault" : "") + (closed ? ", closed]" : "]");
    }

    // The same, on given system calls.

    static MemoryLock lock(SystemCalls calls, MemorySegment segment, boolean onFault) {
        if (!segment.isNative()) {
            throw new IllegalArgumentException("a segment of the Java heap cannot be locked: the collector moves it");
        }
        if (!segment.scope().isAlive()) {
            throw new IllegalStateException("the segment's arena is closed");
        }
        return lock(calls, segment.address(), segment.byteSize(), onFault, segment);
    }

    /// @param kept what must stay reachable as long as the handle
    static MemoryLock lock(SystemCalls calls, long address, long byteSize, boolean onFault, Object kept) {
        long pageBytes = pageBytes(calls);
        if (address <= 0 || byteSize <= 0 || address > Long.MAX_VALUE - byteSize - pageBytes) {
            throw new IllegalArgumentException("address=0x" + Long.toHexString(address) + ", byteSize=" + byteSize
                    + ": the range must not be empty and must lie between 1 and 2^63 - 1");
        }
        MemoryLock handle = new MemoryLock(
                calls, Bits.alignDown(address, pageBytes), Bits.alignUp(address + byteSize, pageBytes), onFault, kept);
        handle.hold(); // before it is locked: whoever unlocks at the same moment leaves these pages alone
        try {
            long result = handle.lockPages();
            if (Errno.isError(result)) {
                throw handle.refusal(result);
            }
            return handle;
        } catch (RuntimeException | Error refused) {
            handle.undo(refused);
            throw refused;
        }
    }

    static void lockAll(SystemCalls calls, Set<LockAll> what) {
        if (!what.contains(LockAll.CURRENT) && !what.contains(LockAll.FUTURE)) {
            throw new IllegalArgumentException("ON_FAULT says how, not what: give CURRENT, FUTURE or both");
        }
        String call = "mlockall("
                + what.stream()
                        .map(flag -> "MCL_" + flag.name().replace("_", ""))
                        .collect(Collectors.joining("|")) + ")";
        if (what.contains(LockAll.FUTURE)) {
            Limits limits = limits(calls);
            if (!limits.privileged() && limits.softBytes() != Rlimit.NONE) {
                throw new IllegalStateException(call + " is not called: " + limits
                        + "; the JVM itself would be refused what it maps beyond that; " + HOW_TO_RAISE);
            }
        }
        LOCK.lock();
        try {
            int flags = what.stream().mapToInt(flag -> flag.flag).sum();
            long result = calls.mlockall(flags);
            if (Errno.isError(result)) {
                throw new SystemCallException(call, result, advice(calls, Long.MAX_VALUE));
            }
            allLocked = true;
        } finally {
            LOCK.unlock();
        }
    }

    static void unlockAll(SystemCalls calls) {
        MemoryLock refused = null;
        long refusal = 0;
        LOCK.lock();
        try {
            MemoryLock[] handles = HANDLES.toArray(new MemoryLock[0]);
            long result = calls.munlockall();
            if (Errno.isError(result)) {
                throw new SystemCallException("munlockall()", result, "see mlock(2)");
            }
            allLocked = false;
            for (int pass = 0; pass < 2; pass++) { // what is to be resident comes last and wins
                for (MemoryLock handle : handles) {
                    long locked = handle.onFault == (pass == 0) ? handle.lockPagesAgain() : 0;
                    if (Errno.isError(locked) && refused == null) {
                        refused = handle;
                        refusal = locked;
                    }
                }
            }
        } finally {
            LOCK.unlock();
        }
        if (refused != null) {
            throw refused.refusal(refusal);
        }
    }

    static Limits limits(SystemCalls calls) {
        Rlimit limit = Rlimit.read(calls, Linux.RLIMIT_MEMLOCK, "RLIMIT_MEMLOCK");
        ProcessStatus status = ProcessStatus.read();
        return new Limits(limit.soft(), limit.hard(), status.lockedBytes(), status.mayLock());
    }

    /// Unmaps a range that these pages are in, which unlocks them, and closes the handle. Returns what the kernel
    /// answered; where it refused, nothing has changed. Makes no object.
    long unmap(long address, long byteSize) {
        LOCK.lock();
        try {
            long result = calls.munmap(address, byteSize);
            if (!Errno.isError(result)) {
                letGo();
            }
            return result;
        } finally {
            LOCK.unlock();
        }
    }

    /// Counts this handle's pages, and the mappings that the kernel may split for them.
    private void hold() {
        LOCK.lock();
        boolean isHeld = false;
        try {
            HANDLES.add(this);
            int before = HOLDERS.changes();
            HOLDERS.add(start, end);
            int more = HOLDERS.changes() - before;
            if (more <= 0) {
                Ground.process().mappings().release(-more);
            } else if (!Ground.process().mappings().tryAcquire(more)) {
                HOLDERS.remove(start, end);
                throw Refusals.budget(call());
            }
            isHeld = true;
        } finally {
            if (!isHeld) {
                HANDLES.remove(this);
            }
            LOCK.unlock();
        }
    }

    /// Takes back what [#hold] counted, once. Under the lock, and without an object.
    private void letGo() {
        closed = true;
        if (HANDLES.remove(this)) {
            int before = HOLDERS.changes();
            HOLDERS.remove(start, end);
            Ground.process()
                    .mappings()
                    .release(before - HOLDERS.changes()); // where it was amid others there may be more now
        }
    }

    /// The first page from `from` on that only this handle holds, or the end.
    private long nextUnheld(long from) {
        return HOLDERS.firstHeldOnce(from, end);
    }

    /// How many handles there are; checks the counts against them.
    static int verify() {
        LOCK.lock();
        try {
            HOLDERS.verify();
            for (MemoryLock handle : HANDLES) {
                long holding = HANDLES.stream()
                        .filter(other -> other.start <= handle.start && handle.start < other.end)
                        .count();
                if (HOLDERS.holders(handle.address()) != holding) {
                    throw new AssertionError(handle + " is counted " + HOLDERS.holders(handle.address()) + " times");
                }
            }
            return HANDLES.size();
        } finally {
            LOCK.unlock();
        }
    }

    /// What to do about a lock that was refused.
    ///
    /// @param byteSize how much was asked for
    static String advice(SystemCalls calls, long byteSize) {
        Limits limits;
        try {
            limits = limits(calls);
        } catch (SystemCallException | UncheckedIOException unknown) {
            return "the limits cannot be read (" + unknown.getMessage() + "): see mlock(2)";
        }
        return limits + "; "
                + (limits.roomBytes() < byteSize
                        ? HOW_TO_RAISE
                        : "a part of the range is not mapped, memory is short, or vm.max_map_count is reached");
    }

    private long lockPages() {
        return onFault ? calls.mlock2(start, byteSize(), Linux.MLOCK_ONFAULT) : calls.mlock(start, byteSize());
    }

    /// Pages without rights, as those of a secret that nobody looks at, cannot be made resident, and stay so.
    private long lockPagesAgain() {
        long result = lockPages();
        return result == -Errno.ENOMEM ? calls.mlock2(start, byteSize(), Linux.MLOCK_ONFAULT) : result;
    }

    private SystemCallException refusal(long result) {
        return new SystemCallException(
                call(), result, result == -Errno.ENOSYS ? "mlock2 needs Linux 4.4" : advice(calls, byteSize()));
    }

    private String call() {
        return (onFault ? "mlock2(" : "mlock(") + text(start, end) + (onFault ? ", MLOCK_ONFAULT)" : ")");
    }

    /// A call that fails half way has locked the pages before.
    private void undo(Throwable refused) {
        try {
            close();
        } catch (SystemCallException unlocking) {
            refused.addSuppressed(unlocking);
        }
    }

    /// The kernel's page in bytes.
    static long pageBytes(SystemCalls calls) {
        long pageBytes = calls.sysconf(Linux._SC_PAGESIZE);
        if (Errno.isError(pageBytes)) {
            throw new SystemCallException("sysconf(_SC_PAGESIZE)", pageBytes, "see sysconf(3)");
        }
        return pageBytes;
    }

    private static String text(long from, long to) {
        return "address=0x" + Long.toHexString(from) + ", byteSize=" + (to - from);
    }
}
