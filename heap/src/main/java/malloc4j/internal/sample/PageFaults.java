package malloc4j.internal.sample;

import malloc4j.internal.memory.CollectedMemory;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.Linux;
import malloc4j.internal.os.MemoryCalls;
import malloc4j.internal.os.Mutex;
import malloc4j.internal.region.Ground;
import malloc4j.internal.region.MappingBudget;
import malloc4j.internal.region.PageGeometry;
import org.jspecify.annotations.Nullable;

/// The addresses of the latest page faults of some threads, as the kernel's performance events have them: for the JVM,
/// which throws an error for one, does not say where it was.
///
/// ```
///   a ring for each thread, mapped read-only: the kernel writes the latest record before the others, over the oldest
///  +-------------------+--------------------------------------------------+
///  | page: data_head   | page: ... | latest | one before | ...             |   a record of 32 bytes:
///  +-------------------+--------------------------------------------------+   header, pid and tid, time, address
///                                    ^ data_head
/// ```
///
/// A thread has one from its first guarded block on, up to [#MAX_THREADS]; virtual threads have none. Each page fault
/// of such a thread costs the kernel a record, some 100 ns more.
///
/// Concurrency: the lock is held while a thread is added, and while they are read.
///
/// @source [perf_event_open(2)](https://man7.org/linux/man-pages/man2/perf_event_open.2.html)
final class PageFaults {
    private static final int MAX_THREADS = 64; // 8 KiB each; the kernel lets a user have 516 KiB for each CPU

    private static final int ATTRIBUTE_BYTES = 128;
    private static final long SAMPLE_TID_TIME_ADDRESS = 2 | 4 | 8;
    private static final long EXCLUDE_KERNEL = 1 << 5;
    private static final long EXCLUDE_HYPERVISOR = 1 << 6;
    private static final long USE_CLOCK = 1 << 25;
    private static final long WRITE_BACKWARD = 1 << 27;
    private static final int CLOCK_MONOTONIC = 1; // of System.nanoTime
    private static final int CLOCK = 92; // in the attribute
    private static final int DATA_HEAD = 1024; // in the first page
    private static final int RECORD_THROTTLE = 5;
    private static final int RECORD_SAMPLE = 9;
    private static final int RECORD_BYTES = 32;
    private static final int TIME = 16; // in a record
    private static final int ADDRESS = 24;

    private final MemoryCalls calls;
    private final MappingBudget mappings;
    private final Mutex lock = new Mutex();
    private final @Nullable Thread[] threads = new @Nullable Thread[MAX_THREADS];
    private final long[] rings = new long[MAX_THREADS];
    private final int[] files = new int[MAX_THREADS];
    private @Nullable CollectedMemory attribute;
    private volatile long refusal;

    PageFaults(Ground ground) {
        this.calls = ground.calls();
        this.mappings = ground.mappings();
    }

    /// Why the kernel refuses, minus errno; 0 where it has not.
    long refusal() {
        return refusal;
    }

    /// Watches the current thread from now on, if it can be, also where the Java heap has no room for it.
    void watch() {
        try {
            watchCurrent();
        } catch (OutOfMemoryError noRoom) {
            // then its faults are guessed
        }
    }

    private void watchCurrent() {
        Thread thread = Thread.currentThread();
        if (refusal != 0 || thread.isVirtual()) {
            return;
        }
        lock.lock();
        try {
            int place = -1;
            for (int each = 0; each < MAX_THREADS; each++) {
                Thread watched = threads[each];
                if (watched == thread) {
                    if (isThrottled(rings[each])) {
                        close(each);
                        open(each, thread);
                    }
                    return;
                }
                if (place < 0 && (watched == null || !watched.isAlive())) {
                    place = each;
                }
            }
            if (place >= 0) {
                close(place);
                open(place, thread);
            }
        } finally {
            lock.unlock();
        }
    }

    private void open(int place, Thread thread) {
        if (!mappings.tryAcquire(1)) {
            return;
        }
        long file = calls.perfEventOpen(attribute().address(), 0, -1, -1, Linux.PERF_FLAG_FD_CLOEXEC);
        long ring = file;
        boolean isOpen = !Errno.isError(file);
        if (isOpen) {
            ring = calls.mmap(0, 2 * PageGeometry.PAGE_BYTES, Linux.PROT_READ, Linux.MAP_SHARED, (int) file, 0);
            if (Errno.isError(ring)) {
                calls.close((int) file);
            }
        }
        if (Errno.isError(ring)) {
            mappings.release(1);
            refusal = isPassing((int) -ring, isOpen) ? 0 : ring;
            return;
        }
        threads[place] = thread;
        rings[place] = ring;
        files[place] = (int) file;
    }

    /// Whether it may go next time: there are too many files, or too much is locked, which `mmap` answers by `EPERM`;
    /// that of `perf_event_open` itself is a filter of system calls, and lasts.
    private static boolean isPassing(int errno, boolean isOpen) {
        return errno == Errno.EMFILE
                || errno == Errno.ENFILE
                || errno == Errno.ENOMEM
                || (isOpen && errno == Errno.EPERM);
    }

    private CollectedMemory attribute() {
        CollectedMemory memory = attribute;
        if (memory == null) {
            memory = new CollectedMemory(ATTRIBUTE_BYTES);
            long address = memory.address();
            RawMemory.putInt(address, Linux.PERF_TYPE_SOFTWARE);
            RawMemory.putInt(address + 4, ATTRIBUTE_BYTES);
            RawMemory.putLong(address + 8, Linux.PERF_COUNT_SW_PAGE_FAULTS);
            RawMemory.putLong(address + 16, 1); // each of them
            RawMemory.putLong(address + 24, SAMPLE_TID_TIME_ADDRESS);
            RawMemory.putLong(address + 40, EXCLUDE_KERNEL | EXCLUDE_HYPERVISOR | USE_CLOCK | WRITE_BACKWARD);
            RawMemory.putInt(address + CLOCK, CLOCK_MONOTONIC);
            attribute = memory;
        }
        return memory;
    }

    private void close(int place) {
        if (threads[place] != null) {
            threads[place] = null;
            calls.munmap(rings[place], 2 * PageGeometry.PAGE_BYTES);
            calls.close(files[place]);
            mappings.release(1);
        }
    }

    /// A fault.
    ///
    /// @param address that was touched
    /// @param nanos when, by the clock of [System#nanoTime]
    record Fault(long address, long nanos) {}

    /// Which faults are meant.
    interface Filter {
        /// Whether a fault is, by its address and when it was.
        boolean accepts(long address, long nanos);
    }

    /// The latest fault in a range since a moment by a thread that is watched, of those that are meant; null where
    /// there is none.
    @Nullable
    Fault latestIn(long start, long byteSize, long since, Filter filter) {
        Fault latest = null;
        lock.lock();
        try {
            for (int place = 0; place < MAX_THREADS; place++) {
                Fault fault = threads[place] == null ? null : latestOf(rings[place], start, byteSize, filter);
                if (fault != null && fault.nanos > since && (latest == null || fault.nanos > latest.nanos)) {
                    latest = fault;
                }
            }
            return latest;
        } finally {
            lock.unlock();
        }
    }

    /// Whether the kernel has stopped counting, because there were too many faults at once.
    private static boolean isThrottled(long ring) {
        long head = RawMemory.getLongVolatile(ring + DATA_HEAD);
        return head != 0 && RawMemory.getInt(record(ring, head)) == RECORD_THROTTLE;
    }

    private static long record(long ring, long place) {
        return ring + PageGeometry.PAGE_BYTES + (place & (PageGeometry.PAGE_BYTES - 1));
    }

    /// The latest fault of a ring in a range, of those that are meant; null for none.
    private static @Nullable Fault latestOf(long ring, long start, long byteSize, Filter filter) {
        long head = RawMemory.getLongVolatile(ring + DATA_HEAD);
        for (long offset = 0; offset < PageGeometry.PAGE_BYTES; offset += RECORD_BYTES) {
            long record = record(ring, head + offset);
            int type = RawMemory.getInt(record);
            long address = RawMemory.getLong(record + ADDRESS);
            long nanos = RawMemory.getLong(record + TIME);
            if (type == 0) {
                return null; // never written
            }
            if (type == RECORD_SAMPLE
                    && Long.compareUnsigned(address - start, byteSize) < 0
                    && filter.accepts(address, nanos)) {
                return new Fault(address, nanos);
            }
        }
        return null;
    }

    /// Watches nobody any more.
    void close() {
        lock.lock();
        try {
            for (int place = 0; place < MAX_THREADS; place++) {
                close(place);
            }
        } finally {
            lock.unlock();
        }
    }
}
