package malloc4j.internal.region;

import java.io.FileInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;

/// Counts the kernel mappings (VMAs) this library may cause, in the whole process, and refuses to pass a quarter of
/// what the kernel allows: past its limit `vm.max_map_count` the JVM's own next mapping fails, and the JVM exits.
///
/// There are two counts, and a request passes when either allows it:
///
/// - `used`, what there would be if no two ranges were neighbours. Each extent and each huge block counts as
///   [#MAPPINGS_EACH], the most that one range can add: itself, and the half of the neighbour that it splits off. A
///   `Mapping` of the public API counts each of its parts and one more, a `SecretMemory` three and one more, and locks
///   each place where the number of their holders changes.
/// - `real`, since the kernel makes one mapping of neighbours: what the whole process had when `/proc/thread-self/maps`
///   was last read, and all that each change since can have added. It is read again when it stands in the way, at most
///   once in so many changes or milliseconds.
///
/// When only `real` lets there be so many, giving one range back may split what the kernel had joined. So whoever gives
/// back asks [#mayUnmap] first, and keeps the addresses, without memory, while the answer is no. From then on `used` is
/// too low, and `real` alone decides.
///
/// Extents, which small requests need, have room that nobody else can take: huge blocks, and what is given back, leave
/// them an eighth of the limit; and where mappings, secrets and locks have used up all of it, extents may pass it by as
/// much.
public final class MappingBudget {
    /// The most mappings that one more range adds.
    public static final int MAPPINGS_EACH = 2;

    private static final int DEFAULT_MAX_MAP_COUNT = 65_530; // the kernel's default, include/linux/mm.h
    private static final int MAX_DIGITS = 32;
    private static final int RECOUNT_CHANGES = 512; // reading 16,000 mappings takes some milliseconds
    private static final long RECOUNT_NANOS = 100_000_000;
    private final int limit;
    private final int reserve;
    private final LongSupplier mappingCount;
    private final LongSupplier clock;
    private final AtomicInteger used = new AtomicInteger();
    private final AtomicLong real = new AtomicLong(Integer.MAX_VALUE);
    private final AtomicLong countedNanos;
    private volatile long counted;
    private volatile boolean keptUncounted;

    /// @param limit the most mappings
    /// @param mappingCount reads how many mappings the process has
    /// @param clock as [System#nanoTime]
    MappingBudget(int limit, LongSupplier mappingCount, LongSupplier clock) {
        this.limit = limit;
        this.reserve = limit / 8;
        this.mappingCount = mappingCount;
        this.clock = clock;
        this.countedNanos = new AtomicLong(clock.getAsLong() - RECOUNT_NANOS);
    }

    /// A quarter of what the kernel allows this process.
    static MappingBudget ofProcess(LongSupplier clock) {
        return new MappingBudget(maxMapCount() / 4, MappingBudget::countMappings, clock);
    }

    /// The most mappings that this library lets itself have, but for extents.
    public int limit() {
        return limit;
    }

    /// The mappings in use now, at most.
    public int used() {
        return used.get();
    }

    /// Whether little is left by both counts: then want of mappings may be why a request was refused.
    public boolean isNearLimit() {
        int near = limit - reserve - reserve;
        return (used.get() > near || keptUncounted) && real.get() > near;
    }

    /// Counts an extent, unless that would pass the limit by more than the reserve.
    boolean tryAcquire() {
        return tryAcquire(MAPPINGS_EACH, limit + reserve);
    }

    /// Counts a huge block, unless it would take the reserve.
    boolean tryAcquireHuge() {
        return tryAcquire(MAPPINGS_EACH, limit - reserve);
    }

    void release() {
        release(MAPPINGS_EACH);
    }

    /// Counts `mappingCount` more, unless that would pass the limit.
    public boolean tryAcquire(int mappingCount) {
        return tryAcquire(mappingCount, limit);
    }

    private boolean tryAcquire(int mappingCount, int most) {
        long all = real.addAndGet(mappingCount);
        boolean fewAlone = used.addAndGet(mappingCount) <= most && !keptUncounted;
        if (fewAlone || all <= most || recount(mappingCount) <= most) {
            return true;
        }
        used.addAndGet(-mappingCount);
        real.addAndGet(-mappingCount);
        return false;
    }

    /// Counts `mappingCount` less; below 0, more, even past the limit.
    public void release(int mappingCount) {
        used.addAndGet(-mappingCount);
        real.addAndGet(Math.abs(mappingCount)); // what went may have been in the middle of others
    }

    /// Whether a range may be given back, even if the kernel must split a mapping for it.
    boolean mayUnmap() {
        boolean fewAlone = used.get() - MAPPINGS_EACH <= limit && !keptUncounted;
        return fewAlone
                || real.get() + MAPPINGS_EACH <= limit - reserve
                || recount(0) + MAPPINGS_EACH <= limit - reserve;
    }

    /// Counts an extent less whose addresses are kept as they are, a part of whatever mapping they are in.
    void releaseKept() {
        keptUncounted = true;
        release();
    }

    /// Notes that a range was moved, or made smaller, which may have split a mapping.
    void noteChange() {
        real.addAndGet(MAPPINGS_EACH);
    }

    /// Reads how many mappings the process has, unless that has just been done; what cannot be read is many. Changes
    /// that others are making meanwhile are allowed for. Returns that and what is `pending`.
    ///
    /// @param pending what the caller has counted in `real`, and not made yet
    private long recount(int pending) {
        long now = clock.getAsLong();
        long last = countedNanos.get();
        long before = real.get();
        boolean isDue = now - last >= RECOUNT_NANOS || before - counted >= RECOUNT_CHANGES;
        if (!isDue || !countedNanos.compareAndSet(last, now)) {
            return before;
        }
        long count = mappingCount.getAsLong() + pending;
        counted = count;
        return real.addAndGet(count - before);
    }

    /// As this thread's directory tells it: that of a process is empty once its first thread has ended. No mappings at
    /// all is what nobody has, so that is many as well.
    static long countMappings() {
        try (FileInputStream maps = new FileInputStream("/proc/thread-self/maps")) {
            byte[] buffer = new byte[1 << 16];
            long lines = 0;
            for (int length = maps.read(buffer); length > 0; length = maps.read(buffer)) {
                for (int index = 0; index < length; index++) {
                    lines += buffer[index] == '\n' ? 1 : 0;
                }
            }
            return lines == 0 ? Integer.MAX_VALUE : lines;
        } catch (IOException | OutOfMemoryError unreadable) { // also while the Java heap is full
            return Integer.MAX_VALUE;
        }
    }

    private static int maxMapCount() {
        // One read call takes it all: the kernel gives the file's value at offset 0 only, and Files.readString asks for
        // the first byte alone.
        try (FileInputStream file = new FileInputStream("/proc/sys/vm/max_map_count")) {
            String text = new String(file.readNBytes(MAX_DIGITS), StandardCharsets.US_ASCII);
            return (int) Math.min(Integer.MAX_VALUE, Long.parseLong(text.strip()));
        } catch (IOException | NumberFormatException unreadable) {
            return DEFAULT_MAX_MAP_COUNT;
        }
    }
}
