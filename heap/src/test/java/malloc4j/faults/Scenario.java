package malloc4j.faults;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.LongSupplier;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.OutOfNativeMemoryError;
import malloc4j.TestHeaps;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.RecordingCalls;
import malloc4j.linux.SystemCallException;
import org.jspecify.annotations.Nullable;

/// A scripted life of one heap that reaches every system call a heap makes, on calls that may fail.
///
/// After each step every live block must hold what was written into it, no two may overlap, and [Heap#verify]
/// must hold. A step may fail only as documented, and then has changed nothing: the model here stays as it
/// was.
///
/// The heap's mmap threshold is 1 MiB, so that blocks of their own mapping are cheap to have.
final class Scenario {
    static final long HUGE_BYTES = 1 << 20;

    private static final int KIB = 1 << 10;
    private static final int COUNTED_EACH = 8; // steps; counting is slow, and done after each failure anyway

    private static final MemorySegment ZEROES = Arena.ofAuto().allocate(2 * HUGE_BYTES);

    private record Block(long byteSize, long seed) {}

    private final RecordingCalls calls;
    private final Heap heap;
    private final int places;
    private final TreeMap<Long, Block> live = new TreeMap<>();
    private long nextSeed;
    private int reported;
    private int reportedAtLastCheck;
    private int steps;

    private Scenario(RecordingCalls calls, HeapOptions options, long seed, int places) {
        this.calls = calls;
        this.nextSeed = seed;
        this.places = places;
        this.heap = TestHeaps.create(calls, options);
    }

    /// Creates the heap, or returns null when that was refused, by an exception that names the call and the errno.
    ///
    /// @param seed decides where blocks are written into
    /// @param places in each block, of as many pages at most
    static @Nullable Scenario create(RecordingCalls calls, HeapOptions options, long seed, int places) {
        try {
            return new Scenario(calls, options, seed, places);
        } catch (SystemCallException refused) {
            List<String> injected = calls.transcript().stream()
                    .filter(RecordingCalls.Call::injected)
                    .map(call -> Errno.name(call.result()))
                    .toList();
            assertThat(refused).hasMessageContaining("(");
            assertThat(injected).anyMatch(String.valueOf(refused.getMessage())::contains);
            return null;
        }
    }

    /// How many operations reported a failure.
    int reported() {
        return reported;
    }

    /// Every operation, in an order that takes and gives back extents and mappings.
    void run() {
        List<Long> small = new ArrayList<>();
        for (int bytes = 0; bytes < 9_000; bytes += 300) {
            small.add(allocate(bytes, 0));
        }
        small.add(allocate(200, 64));
        small.add(allocate(5_000, 4 * KIB));
        long large = allocate(40 * KIB, 0);
        long aligned = allocate(100 * KIB, 64 * KIB);
        allocate(70 * KIB, 256 * KIB);
        long huge = allocate(HUGE_BYTES, 0);
        long alignedHuge = allocate(HUGE_BYTES + 5, 4 << 20);
        long zeroedSmall = allocateZeroed(3, 1_000);
        allocateZeroed(300, KIB);
        long zeroedHuge = allocateZeroed(5, 300 * KIB);

        zeroedSmall = resize(zeroedSmall, 9_000);
        resize(zeroedSmall, 90 * KIB);
        large = resize(large, 44 * KIB);
        large = resize(large, 700 * KIB);
        large = resize(large, 3 * HUGE_BYTES);
        huge = resize(huge, 9 * HUGE_BYTES);
        huge = resize(huge, 2 * HUGE_BYTES);
        huge = resize(huge, 600 * KIB);
        resize(huge, 300 * KIB);
        alignedHuge = resize(alignedHuge, 50 * KIB);
        resize(aligned, 1_000);
        resize(zeroedHuge, 2_000);

        List<Long> many = new ArrayList<>();
        for (int count = 0; count < 22; count++) {
            many.add(allocate(900 * KIB, 0));
        }
        trim();
        for (int index = 0; index < small.size(); index += 2) {
            free(small.get(index));
        }
        trim();
        many.forEach(this::free);
        trim();
        statistics();
        for (int count = 0; count < 16; count++) {
            allocate(800 * KIB, 0);
        }
        free(large);
        free(alignedHuge);
        allocateZeroed(1, 2 * HUGE_BYTES);
    }

    private long allocate(long byteSize, long byteAlignment) {
        long address =
                attempt(() -> byteAlignment == 0 ? heap.malloc(byteSize) : heap.alignedAlloc(byteAlignment, byteSize));
        if (address != 0) {
            assertThat(address % Math.max(16, byteAlignment)).as("alignment").isZero();
            adopt(address, byteSize);
        }
        checkAll();
        return address;
    }

    private long allocateZeroed(long count, long byteSize) {
        long bytes = count * byteSize;
        long address = attempt(() -> heap.calloc(count, byteSize));
        if (address != 0) {
            long differs = RawMemory.segment(address, bytes).mismatch(ZEROES.asSlice(0, bytes));
            assertThat(differs).as("first byte that is not zero").isEqualTo(-1);
            adopt(address, bytes);
        }
        checkAll();
        return address;
    }

    /// Resizes a block, or makes one where an earlier step failed to. Returns where it is now.
    private long resize(long address, long byteSize) {
        long moved = attempt(() -> heap.realloc(address, byteSize));
        if (moved != 0) {
            Block before = live.remove(address);
            if (before != null) {
                Patterns.check(moved, Math.min(before.byteSize(), byteSize), before.byteSize(), before.seed(), places);
            }
            adopt(moved, byteSize);
        }
        checkAll();
        return moved == 0 ? address : moved;
    }

    private void free(long address) {
        Block block = live.get(address);
        long done = attempt(() -> {
            heap.free(address);
            return 1;
        });
        if (done == 1 && block != null) {
            live.remove(address);
        }
        checkAll();
    }

    private void trim() {
        heap.trim(0);
        checkAll();
    }

    private void statistics() {
        var now = heap.statistics();
        assertThat(now.liveBlocks()).isEqualTo(live.size());
        assertThat(now.liveBytes()).isLessThanOrEqualTo(now.spanBytes() + now.hugeBytes());
        assertThat(now.committedBytes())
                .isBetween(now.liveBytes(), now.spanBytes() + now.dirtyBytes() + now.hugeBytes());
    }

    /// Returns what the operation does, or 0 when it reported a failure as documented, that a system call really had.
    private long attempt(LongSupplier operation) {
        long injectedBefore = calls.injectedCount();
        try {
            return operation.getAsLong();
        } catch (OutOfNativeMemoryError refused) {
            assertThat(refused.limit()).isEqualTo(OutOfNativeMemoryError.Limit.KERNEL);
        } catch (IllegalStateException refused) {
            assertThat(refused).hasMessageContaining("the block lives on");
        }
        assertThat(calls.injectedCount()).as("failures while the call failed").isGreaterThan(injectedBefore);
        reported++;
        return 0;
    }

    private void adopt(long address, long byteSize) {
        long usable = heap.usableSize(address);
        assertThat(usable).isGreaterThanOrEqualTo(byteSize);
        Map.Entry<Long, Block> below = live.floorEntry(address);
        Long above = live.ceilingKey(address);
        boolean clearBelow = below == null || below.getKey() + below.getValue().byteSize() <= address;
        assertThat(clearBelow && (above == null || address + byteSize <= above))
                .as("no overlap of 0x%x with its neighbours", address)
                .isTrue();
        long seed = nextSeed++;
        Patterns.fill(address, byteSize, seed, places);
        live.put(address, new Block(byteSize, seed));
    }

    /// Checks the heap, and everything that lives in it.
    void checkAll() {
        calls.setEnabled(false);
        try {
            live.forEach((address, block) ->
                    Patterns.check(address, block.byteSize(), block.byteSize(), block.seed(), places));
            heap.verify();
            if (steps++ % COUNTED_EACH == 0 || reported != reportedAtLastCheck) {
                assertThat(heap.statistics().liveBlocks()).as("live blocks").isEqualTo(live.size());
                reportedAtLastCheck = reported;
            }
        } finally {
            calls.setEnabled(true);
        }
    }

    /// Frees everything, and uses the heap once more in each way: nothing may fail any more.
    void recover() {
        int before = reported;
        List.copyOf(live.keySet()).forEach(this::free);
        assertThat(live).isEmpty();
        statistics();
        long[] again = {
            allocate(100, 0), allocate(500 * KIB, 0), allocate(2 * HUGE_BYTES, 0), allocateZeroed(1, 400 * KIB)
        };
        for (long address : again) {
            free(address);
        }
        assertThat(reported).as("failures after the kernel is well again").isEqualTo(before);
        trim();
    }

    /// Closes the heap. Returns false when that reported a failure.
    boolean close() {
        try {
            heap.close();
            return true;
        } catch (IllegalStateException refused) {
            assertThat(refused).hasMessageContaining("close it again");
            return false;
        }
    }
}
