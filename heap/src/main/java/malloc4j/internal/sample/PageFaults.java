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
    private static final long WRITE_BACKWARD = 1 << 27;
    private static final int DATA_HEAD = 1024; // in the first page
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

    /// Watches the current thread from now on, if it can be.
    void watch() {
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
        if (!Errno.isError(file)) {
            ring = calls.mmap(0, 2 * PageGeometry.PAGE_BYTES, Linux.PROT_READ, Linux.MAP_SHARED, (int) file, 0);
            if (Errno.isError(ring)) {
                calls.close((int) file);
            }
        }
        if (Errno.isError(ring)) {
            mappings.release(1);
            refusal = ring;
            return;
        }
        threads[place] = thread;
        rings[place] = ring;
        files[place] = (int) file;
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
            RawMemory.putLong(address + 40, EXCLUDE_KERNEL | EXCLUDE_HYPERVISOR | WRITE_BACKWARD);
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
    /// @param nanos of the kernel's clock, `Long.MAX_VALUE` where it was by the thread that was preferred
    record Fault(long address, long nanos) {}

    /// The latest fault in a range by a thread that is watched, null where there is none: by `preferred`, if it has
    /// any.
    @Nullable
    Fault latestIn(long start, long byteSize, Thread preferred) {
        Fault latest = null;
        lock.lock();
        try {
            for (int place = 0; place < MAX_THREADS; place++) {
                long record = threads[place] == null ? 0 : latestRecord(rings[place], start, byteSize);
                if (record != 0) {
                    long nanos = threads[place] == preferred ? Long.MAX_VALUE : RawMemory.getLong(record + TIME);
                    if (latest == null || nanos > latest.nanos) {
                        latest = new Fault(RawMemory.getLong(record + ADDRESS), nanos);
                    }
                }
            }
            return latest;
        } finally {
            lock.unlock();
        }
    }

    /// The address of the latest record of a ring whose fault lies in a range, 0 for none.
    private static long latestRecord(long ring, long start, long byteSize) {
        long data = ring + PageGeometry.PAGE_BYTES;
        long head = RawMemory.getLongVolatile(ring + DATA_HEAD);
        for (long offset = 0; offset < PageGeometry.PAGE_BYTES; offset += RECORD_BYTES) {
            long record = data + ((head + offset) & (PageGeometry.PAGE_BYTES - 1));
            if (RawMemory.getInt(record) != RECORD_SAMPLE) {
                return 0;
            }
            if (Long.compareUnsigned(RawMemory.getLong(record + ADDRESS) - start, byteSize) < 0) {
                return record;
            }
        }
        return 0;
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
