package malloc4j.misuse;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicInteger;
import malloc4j.BlockMisuseException;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.Malloc;
import malloc4j.OutOfNativeMemoryError;
import malloc4j.OutOfNativeMemoryError.Limit;
import malloc4j.internal.memory.Bits;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.region.ChunkMap;
import malloc4j.internal.region.PageGeometry;
import malloc4j.observe.HeapStatistics;
import malloc4j.observe.MisuseReport;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/// What must be refused, by the name of the sin: each with the exact message, and with nothing changed in the heap.
class MisuseMatrixTest {
    private static final long SMALL = 48;
    private static final long LARGE = 100_000;
    private static final long LARGE_PAGES = Bits.alignUp(LARGE, PageGeometry.PAGE_BYTES);
    private static final long HUGE = 5L << 20;
    private static final String FOREIGN =
            "foreign address: this heap never gave it out, or the block was unmapped when it was freed";
    private static final String NO_BLOCK = "no block is here: freed already, or never given out";
    private static final String DOUBLE_FREE =
            "double free: the block of 48 bytes is free already, or was never given out";

    private final Heap heap = Heap.create(HeapOptions.builder()
            .name("victim")
            .mmapThresholdBytes(4L << 20)
            .purgeDelay(Duration.ofMillis(-1))
            .build());

    /// A small block that keeps its slab's thread cache and the heap in being.
    private long neighbour;

    @BeforeEach
    void allocateNeighbour() {
        neighbour = heap.malloc(SMALL);
    }

    @AfterEach
    void closeHeap() {
        heap.close();
    }

    enum Size {
        SMALL(MisuseMatrixTest.SMALL),
        LARGE(MisuseMatrixTest.LARGE),
        HUGE(MisuseMatrixTest.HUGE);

        final long bytes;

        Size(long bytes) {
            this.bytes = bytes;
        }
    }

    private static String message(String call, long address, String heapName, String what) {
        return call + "(0x" + Long.toHexString(address) + ") of heap '" + heapName + "': " + what;
    }

    /// Everything but what the kernel and the purger decide.
    private static List<Object> accounts(HeapStatistics now) {
        return List.of(
                now.liveBlocks(),
                now.liveBytes(),
                now.sizeClasses(),
                now.largeBlocks(),
                now.largeBytes(),
                now.hugeBlocks(),
                now.hugeBytes(),
                now.spanBytes(),
                now.reservedBytes());
    }

    /// `call` on this heap is refused with this message, and the heap is as it was.
    private void assertRefused(ThrowingCallable call, String name, long address, String what) {
        List<Object> before = accounts(heap.statistics());
        assertThatThrownBy(call)
                .isInstanceOf(BlockMisuseException.class)
                .isInstanceOf(IllegalStateException.class)
                .hasMessageStartingWith(message(name, address, "victim", what))
                .satisfies(thrown -> {
                    BlockMisuseException refused = (BlockMisuseException) thrown;
                    assertThat(refused.address()).isEqualTo(address);
                    MisuseReport report = refused.report();
                    assertThat(report.call()).isEqualTo(name);
                    assertThat(report.address()).isEqualTo(address);
                    assertThat(report.allocator()).isEqualTo("heap 'victim'");
                    assertThat(report.text()).isEqualTo(what);
                    assertThat(report.message()).isEqualTo(refused.getMessage());
                });
        heap.verify();
        assertThat(accounts(heap.statistics())).isEqualTo(before);
    }

    /// free, realloc and usableSize all refuse `address`.
    private void assertAllRefuse(long address, String what) {
        assertRefused(() -> heap.free(address), "free", address, what);
        assertRefused(() -> heap.usableSize(address), "usableSize", address, what);
        assertRefused(() -> heap.realloc(address, 100), "realloc", address, what);
        assertRefused(() -> heap.realloc(address, 10 * HUGE), "realloc", address, what);
    }

    private static <T> T inThread(boolean virtual, Callable<T> task) throws Exception {
        FutureTask<T> future = new FutureTask<>(task);
        Thread thread = virtual
                ? Thread.startVirtualThread(future)
                : Thread.ofPlatform().start(future);
        thread.join();
        return future.get();
    }

    // ------------------------------------------------------------------------------------------------- double frees

    @Test
    void doubleFreeSmall() {
        long address = heap.malloc(SMALL);
        heap.free(address);
        assertAllRefuse(address, DOUBLE_FREE);
    }

    @Test
    void doubleFreeLarge() {
        long address = heap.malloc(LARGE);
        heap.free(address);
        assertAllRefuse(address, NO_BLOCK);
    }

    @Test
    void doubleFreeHuge() {
        long address = heap.malloc(HUGE);
        heap.free(address);
        assertAllRefuse(address, FOREIGN);
    }

    @Test
    void doubleFreeAfterOneOther() {
        long first = heap.malloc(SMALL);
        long second = heap.malloc(SMALL);
        heap.free(first);
        heap.free(second);
        assertAllRefuse(first, DOUBLE_FREE);
        assertAllRefuse(second, DOUBLE_FREE);
    }

    @Test
    void doubleFreeAfter1024Others() {
        long[] addresses = new long[1025];
        for (int index = 0; index < addresses.length; index++) {
            addresses[index] = heap.malloc(SMALL);
        }
        for (long address : addresses) {
            heap.free(address);
        }
        for (long address : addresses) {
            assertThatThrownBy(() -> heap.free(address))
                    .hasMessageStartingWith(message("free", address, "victim", DOUBLE_FREE));
        }
        assertAllRefuse(addresses[0], DOUBLE_FREE);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void doubleFreeByAnotherThread(boolean virtual) throws Exception {
        long address = heap.malloc(SMALL);
        heap.free(address);
        inThread(virtual, () -> {
            assertAllRefuse(address, DOUBLE_FREE);
            return address;
        });
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void doubleFreeRemoteThenLocal(boolean virtual) throws Exception {
        long address = heap.malloc(SMALL);
        inThread(virtual, () -> {
            heap.free(address);
            return address;
        });
        assertAllRefuse(address, DOUBLE_FREE);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void doubleFreeRemoteThenRemote(boolean virtual) throws Exception {
        long address = heap.malloc(SMALL);
        inThread(virtual, () -> {
            heap.free(address);
            assertAllRefuse(address, DOUBLE_FREE);
            return address;
        });
    }

    @Test
    void doubleFreeAfterPurge() {
        long small = heap.malloc(SMALL);
        long large = heap.malloc(LARGE);
        heap.free(small);
        heap.free(large);
        heap.trim(0);
        assertAllRefuse(small, DOUBLE_FREE);
        assertAllRefuse(large, NO_BLOCK);
    }

    @Test
    void doubleFreeOfASlabThatIsGone() {
        long address = heap.malloc(20_000);
        heap.free(address);
        heap.trim(0);
        assertAllRefuse(address, NO_BLOCK);
    }

    // ---------------------------------------------------------------------------------------- addresses of no block

    @ParameterizedTest
    @CsvSource({
        "SMALL,1",
        "SMALL,8",
        "SMALL,16",
        "SMALL,47",
        "LARGE,1",
        "LARGE,8",
        "LARGE,16",
        "LARGE,4096",
        "LARGE,65536",
        "LARGE,102399",
        "HUGE,1",
        "HUGE,8",
        "HUGE,16",
        "HUGE,4096",
        "HUGE,5242879"
    })
    void freeInterior(Size size, int offset) {
        long address = heap.malloc(size.bytes);
        long usable = heap.usableSize(address);
        assertAllRefuse(
                address + offset,
                "interior address: " + offset + " bytes inside the block of " + usable + " bytes at 0x"
                        + Long.toHexString(address));
        assertThat(heap.usableSize(address)).isEqualTo(usable);
        heap.free(address);
    }

    @Test
    void freeInteriorOfAFreeBlock() {
        long address = heap.malloc(SMALL);
        heap.free(address);
        assertAllRefuse(
                address + 8,
                "interior address: 8 bytes inside the block of 48 bytes at 0x" + Long.toHexString(address)
                        + ", which is free");
    }

    @Test
    void freePastTheEndSmall() {
        assertAllRefuse(heap.malloc(SMALL) + SMALL, DOUBLE_FREE); // the next block, which nobody has
    }

    @Test
    void freePastTheEndLarge() {
        assertAllRefuse(heap.malloc(LARGE) + LARGE_PAGES, NO_BLOCK);
    }

    @Test
    void freePastTheEndHuge() {
        long address = heap.malloc(HUGE) + HUGE;
        assertAllRefuse(address, FOREIGN);
    }

    @Test
    void freeOneGibibyteFurther() {
        long address = neighbour + (1L << 30);
        assertAllRefuse(address, ChunkMap.record(address) == 0 ? FOREIGN : NO_BLOCK);
    }

    @Test
    void freeTailOfSlab() {
        long address = heap.malloc(SMALL);
        long tail = (address & -65_536) + 65_536 / SMALL * SMALL;
        assertAllRefuse(tail, "no block is here: the address lies behind the last block of its slab");
        assertAllRefuse(tail + 1, "no block is here: the address lies behind the last block of its slab");
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 15, 16, 4096, -1, -16, Long.MIN_VALUE, Long.MAX_VALUE, 0x7fff_ffff_f000L})
    void freeOfAWildAddress(long address) {
        assertAllRefuse(address, FOREIGN);
    }

    @Test
    void freeStackAddress() throws Exception {
        String stack = Files.readAllLines(Path.of("/proc/self/maps")).stream()
                .filter(line -> line.endsWith("[stack]"))
                .findFirst()
                .orElseThrow();
        assertAllRefuse(
                Long.parseUnsignedLong(stack.substring(stack.indexOf('-') + 1, stack.indexOf(' ')), 16) - 64, FOREIGN);
    }

    @Test
    void freeForeignMemory() {
        try (Arena arena = Arena.ofConfined()) {
            assertAllRefuse(arena.allocate(SMALL, 16).address(), FOREIGN);
            assertAllRefuse(arena.allocate(HUGE, 4096).address(), FOREIGN);
        }
    }

    @Test
    void freeReservedButUnusedAddress() {
        assertAllRefuse(ChunkMap.BASE + ChunkMap.main().byteSize() - 65_536, FOREIGN);
    }

    @Test
    void freeOfAFreePage() {
        long address = heap.malloc(LARGE);
        assertAllRefuse(address + (1 << 20), NO_BLOCK);
    }

    @Test
    void freeMetadata() {
        assertAllRefuse(ChunkMap.RECORDS, FOREIGN);
        assertAllRefuse(ChunkMap.record(neighbour), FOREIGN);
        assertAllRefuse(ChunkMap.ENTRIES, FOREIGN);
    }

    @Test
    void freeOfOtherHeap() {
        try (Heap other = Heap.create(HeapOptions.builder().name("other").build())) {
            long small = other.malloc(SMALL);
            long large = other.malloc(LARGE);
            long huge = other.malloc(HUGE * 10);
            assertAllRefuse(small, "block of another heap");
            assertAllRefuse(large, "block of another heap");
            assertAllRefuse(huge, FOREIGN);
            assertThat(other.statistics().liveBlocks()).isEqualTo(3);
            other.verify();
        }
    }

    @ParameterizedTest
    @EnumSource
    void freeAfterClose(Size size) throws Exception {
        Heap closed = Heap.create(HeapOptions.builder().name("gone").build());
        long address = closed.malloc(size.bytes);
        closed.close();
        closed.close();
        String what = "the heap is closed, and its blocks with it";
        for (boolean virtual : new boolean[] {false, true}) {
            inThread(virtual, () -> {
                assertThatThrownBy(() -> closed.free(address))
                        .isInstanceOf(BlockMisuseException.class)
                        .hasMessageStartingWith(message("free", address, "gone", what));
                assertThatThrownBy(() -> closed.usableSize(address))
                        .isInstanceOf(BlockMisuseException.class)
                        .hasMessageStartingWith(message("usableSize", address, "gone", what));
                assertThatThrownBy(() -> closed.realloc(address, 1))
                        .isInstanceOf(BlockMisuseException.class)
                        .hasMessageStartingWith(message("realloc", address, "gone", what));
                return address;
            });
        }
        assertThatThrownBy(() -> heap.free(address)).isInstanceOf(BlockMisuseException.class);
        heap.verify();
    }

    @Test
    void anyUseAfterClose() {
        Heap closed = Heap.create(HeapOptions.builder().name("gone").build());
        closed.free(closed.malloc(SMALL));
        closed.close();
        String suffix = " of heap 'gone': the heap is closed";
        Map<String, ThrowingCallable> calls = Map.of(
                "malloc(byteSize=1)" + suffix,
                () -> closed.malloc(1),
                "malloc(byteSize=100000)" + suffix,
                () -> closed.malloc(LARGE),
                "calloc(count=2, byteSize=3)" + suffix,
                () -> closed.calloc(2, 3),
                "realloc(address=0x0, byteSize=3)" + suffix,
                () -> closed.realloc(0, 3),
                "alignedAlloc(byteAlignment=64, byteSize=3)" + suffix,
                () -> closed.alignedAlloc(64, 3),
                "trim of heap 'gone': the heap is closed",
                () -> closed.trim(0),
                "statistics of heap 'gone': the heap is closed",
                closed::statistics,
                "verify of heap 'gone': the heap is closed",
                closed::verify);
        calls.forEach((message, call) -> assertThatThrownBy(call)
                .isExactlyInstanceOf(IllegalStateException.class)
                .hasMessage(message));
        closed.free(0);
    }

    // ------------------------------------------------------------------------------------------------- the C names

    @ParameterizedTest
    @EnumSource
    void theCNamesRefuseMisuseToo(Size size) {
        long address = Malloc.malloc(size.bytes);
        long usable = Malloc.usableSize(address);
        String inside =
                "interior address: 16 bytes inside the block of " + usable + " bytes at 0x" + Long.toHexString(address);
        assertThatThrownBy(() -> Malloc.free(address + 16))
                .isInstanceOf(BlockMisuseException.class)
                .hasMessageStartingWith(message("free", address + 16, "common", inside));
        assertThatThrownBy(() -> Malloc.usableSize(address + 16))
                .hasMessageStartingWith(message("usableSize", address + 16, "common", inside));
        assertThatThrownBy(() -> Malloc.realloc(address + 16, 5))
                .hasMessageStartingWith(message("realloc", address + 16, "common", inside));
        assertThatThrownBy(() -> Malloc.realloc(address + 16, 0))
                .hasMessageStartingWith(message("free", address + 16, "common", inside));
        Malloc.free(address);
        assertThatThrownBy(() -> Malloc.free(address)).isInstanceOf(BlockMisuseException.class);
        assertThatThrownBy(() -> Malloc.free(neighbour))
                .hasMessageStartingWith(message("free", neighbour, "common", "block of another heap"));
        Heap.common().verify();
    }

    @Test
    void theCommonHeapIsNeverClosed() {
        assertThatThrownBy(() -> Heap.common().close())
                .isInstanceOf(UnsupportedOperationException.class)
                .hasMessage("the common heap is never closed");
        Malloc.free(Malloc.malloc(1));
    }

    // ------------------------------------------------------------------------------------------- sizes and alignments

    @ParameterizedTest
    @ValueSource(longs = {-1, -2, Long.MIN_VALUE})
    void negativeSizes(long byteSize) {
        long address = heap.malloc(SMALL);
        String range = " of heap 'victim': a size is 0 to 2^46 bytes, an alignment a power of two";
        assertArgument(() -> heap.malloc(byteSize), "malloc(byteSize=" + byteSize + ")" + range);
        assertArgument(() -> heap.calloc(1, byteSize), "calloc(count=1, byteSize=" + byteSize + ")" + range);
        assertArgument(() -> heap.calloc(byteSize, 1), "calloc(count=" + byteSize + ", byteSize=1)" + range);
        assertArgument(
                () -> heap.alignedAlloc(64, byteSize),
                "alignedAlloc(byteAlignment=64, byteSize=" + byteSize + ")" + range);
        assertArgument(
                () -> heap.realloc(address, byteSize),
                "realloc(address=0x" + Long.toHexString(address) + ", byteSize=" + byteSize + ")" + range);
        assertThat(heap.usableSize(address)).isEqualTo(SMALL);
        assertThat(Malloc.malloc(byteSize)).isZero();
        assertThat(Malloc.errno()).isEqualTo(12);
    }

    private static void assertArgument(ThrowingCallable call, String message) {
        assertThatThrownBy(call).isInstanceOf(IllegalArgumentException.class).hasMessage(message);
    }

    @ParameterizedTest
    @ValueSource(longs = {Long.MAX_VALUE, (1L << 46) + 1, 1L << 62})
    void impossiblyLargeSizes(long byteSize) {
        long address = heap.malloc(SMALL);
        assertSize(() -> heap.malloc(byteSize), "malloc(byteSize=" + byteSize + ")");
        assertSize(() -> heap.calloc(1, byteSize), "calloc(count=1, byteSize=" + byteSize + ")");
        assertSize(
                () -> heap.alignedAlloc(4096, byteSize), "alignedAlloc(byteAlignment=4096, byteSize=" + byteSize + ")");
        assertSize(
                () -> heap.realloc(address, byteSize),
                "realloc(address=0x" + Long.toHexString(address) + ", byteSize=" + byteSize + ")");
        assertThat(heap.usableSize(address)).isEqualTo(SMALL);
        heap.verify();
    }

    @ParameterizedTest
    @CsvSource({
        "4294967296,4294967296",
        "9223372036854775807,2",
        "2,9223372036854775807",
        "4611686018427387904,4",
        "3037000500,3037000500",
        "281474976710656,65536"
    })
    void callocOverflow(long count, long byteSize) {
        assertSize(() -> heap.calloc(count, byteSize), "calloc(count=" + count + ", byteSize=" + byteSize + ")");
        assertThat(Malloc.calloc(count, byteSize)).isZero();
        assertThat(Malloc.errno()).isEqualTo(12);
    }

    private static void assertSize(ThrowingCallable call, String name) {
        assertThatThrownBy(call)
                .isInstanceOf(OutOfNativeMemoryError.class)
                .hasMessage(name + " of heap 'victim' failed: no address space is that large")
                .extracting(thrown -> ((OutOfNativeMemoryError) thrown).limit())
                .isEqualTo(Limit.SIZE);
    }

    @Test
    void callocOfNothing() {
        long one = heap.calloc(0, Long.MAX_VALUE);
        long other = heap.calloc(Long.MAX_VALUE, 0);
        assertThat(one).isPositive().isNotEqualTo(other);
        heap.free(one);
        heap.free(other);
    }

    @ParameterizedTest
    @ValueSource(longs = {0, -1, 3, 24, Long.MAX_VALUE})
    void badAlignments(long byteAlignment) {
        assertArgument(
                () -> heap.alignedAlloc(byteAlignment, 8),
                "alignedAlloc(byteAlignment=" + byteAlignment
                        + ", byteSize=8) of heap 'victim': a size is 0 to 2^46 bytes,"
                        + " an alignment a power of two");
        assertThat(Malloc.alignedAlloc(byteAlignment, 8)).isZero();
        assertThat(Malloc.errno()).isEqualTo(22);
    }

    @ParameterizedTest
    @ValueSource(longs = {0, -1, 1, 2, 3, 4, 12, 24})
    void posixMemalignWithBadAlignmentLeavesTheResultUntouched(long byteAlignment) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(8, 8).fill((byte) 0x5A);
            assertThat(Malloc.posixMemalign(out, byteAlignment, 8)).isEqualTo(22);
            assertThat(Malloc.posixMemalign(out, 64, -1)).isEqualTo(12);
            assertThat(Malloc.posixMemalign(out, 64, Long.MAX_VALUE)).isEqualTo(12);
            assertThat(RawMemory.getLong(out.address())).isEqualTo(0x5A5A_5A5A_5A5A_5A5AL);
            assertThatThrownBy(() -> Malloc.posixMemalign(out.asSlice(0, 7), 64, 8))
                    .isInstanceOf(IndexOutOfBoundsException.class);
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {8, 16, 64, 4096, 65_536, 1 << 20, 1 << 30})
    void posixMemalignGivesEveryAlignment(long byteAlignment) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(8, 8);
            assertThat(Malloc.posixMemalign(out, byteAlignment, 40)).isZero();
            long address = RawMemory.getLong(out.address());
            assertThat(address % byteAlignment).isZero();
            assertThat(Malloc.usableSize(address)).isGreaterThanOrEqualTo(40);
            assertThatThrownBy(() -> Malloc.free(address + 8)).isInstanceOf(BlockMisuseException.class);
            Malloc.free(address);
        }
    }

    @Test
    void mallocOfZeroBytesGivesDistinctBlocks() {
        long one = heap.malloc(0);
        long other = heap.malloc(0);
        assertThat(one).isPositive().isNotEqualTo(other).isNotEqualTo(neighbour);
        heap.free(one);
        assertRefused(
                () -> heap.free(one),
                "free",
                one,
                "double free: the block of 16 bytes is free already, or was never given out");
        heap.free(other);
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 1, 48, 1000, 32_768, 32_769, LARGE, HUGE, HUGE + 1})
    void theLastByteOfTheUsableSizeIsWritable(long byteSize) {
        long first = heap.malloc(byteSize);
        long second = heap.malloc(byteSize);
        RawMemory.fill(first, heap.usableSize(first), (byte) 1);
        RawMemory.fill(second, heap.usableSize(second), (byte) 2);
        assertThat(RawMemory.getByte(first + heap.usableSize(first) - 1)).isEqualTo((byte) 1);
        assertThat(RawMemory.getByte(second)).isEqualTo((byte) 2);
        heap.verify();
    }

    @Test
    void freeOfNullDoesNothing() {
        List<Object> before = accounts(heap.statistics());
        heap.free(0);
        Malloc.free(0);
        assertThat(Malloc.usableSize(0)).isZero();
        assertThat(accounts(heap.statistics())).isEqualTo(before);
    }

    @Test
    void freeKeepsErrno() {
        long address = Malloc.malloc(10);
        assertThat(Malloc.alignedAlloc(3, 1)).isZero();
        Malloc.free(address);
        Malloc.free(0);
        Malloc.free(Malloc.malloc(LARGE));
        assertThat(Malloc.errno()).isEqualTo(22);
    }

    // ------------------------------------------------------------------------------------------ failing for memory

    @ParameterizedTest
    @EnumSource
    void aFailedReallocLeavesTheBlock(Size size) {
        try (Heap limited = Heap.create(HeapOptions.builder()
                .name("limited")
                .mmapThresholdBytes(4L << 20)
                .hardLimitBytes(6L << 20)
                .build())) {
            long address = limited.malloc(size.bytes);
            RawMemory.fill(address, size.bytes, (byte) 42);
            long usable = limited.usableSize(address);
            List<Object> before = accounts(limited.statistics());
            assertThatThrownBy(() -> limited.realloc(address, 32L << 20))
                    .isInstanceOf(OutOfNativeMemoryError.class)
                    .hasMessageStartingWith("realloc(address=0x" + Long.toHexString(address)
                            + ", byteSize=33554432) of heap 'limited' failed: the hard limit of the heap or of a parent is"
                            + " reached: limit 6.0 MiB, live ")
                    .hasMessageEndingWith("; free blocks or raise hardLimitBytes")
                    .extracting(thrown -> ((OutOfNativeMemoryError) thrown).limit())
                    .isEqualTo(Limit.HEAP);
            assertThat(limited.usableSize(address)).isEqualTo(usable);
            assertThat(RawMemory.getByte(address)).isEqualTo((byte) 42);
            assertThat(RawMemory.getByte(address + size.bytes - 1)).isEqualTo((byte) 42);
            assertThat(accounts(limited.statistics())).isEqualTo(before);
            limited.verify();
            limited.free(address);
            limited.free(limited.malloc(size.bytes));
        }
    }

    @ParameterizedTest
    @EnumSource
    void aHeapAtItsLimitRecoversAfterFrees(Size size) {
        try (Heap limited = Heap.create(HeapOptions.builder()
                .mmapThresholdBytes(4L << 20)
                .hardLimitBytes(6L << 20)
                .build())) {
            List<Long> blocks = new ArrayList<>();
            assertThatThrownBy(() -> {
                        while (true) {
                            blocks.add(limited.malloc(size.bytes));
                        }
                    })
                    .isInstanceOf(OutOfNativeMemoryError.class);
            assertThat(limited.statistics().committedBytes()).isLessThanOrEqualTo(6L << 20);
            limited.verify();
            int count = blocks.size();
            assertThat(count).isPositive();
            blocks.forEach(limited::free);
            for (int index = 0; index < count; index++) {
                limited.malloc(size.bytes);
            }
            limited.verify();
        }
    }

    // -------------------------------------------------------------------------------------------------- the first call

    private interface FirstCall {
        void make(Heap heap, long address);
    }

    private static final List<FirstCall> FIRST_CALLS = List.of(
            (heap, address) -> heap.free(heap.malloc(10)),
            (heap, address) -> heap.free(heap.malloc(LARGE)),
            (heap, address) -> heap.free(heap.calloc(3, 5)),
            (heap, address) -> heap.free(heap.alignedAlloc(256, 5)),
            (heap, address) -> heap.free(heap.realloc(0, 5)),
            (heap, address) -> assertThat(heap.realloc(address, 40)).isEqualTo(address),
            (heap, address) -> assertThat(heap.usableSize(address)).isEqualTo(SMALL),
            (heap, address) -> heap.free(0),
            (heap, address) -> heap.trim(0),
            (heap, address) -> heap.verify(),
            (heap, address) -> assertThat(heap.statistics().liveBlocks()).isPositive(),
            (heap, address) -> heap.free(heap.allocate(100, 8).address()),
            (heap, address) -> {
                try (Arena arena = heap.ofConfined()) {
                    arena.allocate(100);
                }
            },
            (heap, address) ->
                    assertThatThrownBy(() -> heap.free(address + 1)).isInstanceOf(BlockMisuseException.class),
            (heap, address) -> {
                long moved = heap.realloc(address, 500);
                heap.free(moved);
            });

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void everyMethodMayBeAThreadsFirstCall(boolean virtual) throws Exception {
        for (FirstCall call : FIRST_CALLS) {
            long address = heap.malloc(SMALL);
            inThread(virtual, () -> {
                call.make(heap, address);
                return address;
            });
            heap.verify();
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void freeMayBeAThreadsFirstCall(boolean virtual) throws Exception {
        for (Size size : Size.values()) {
            long address = heap.malloc(size.bytes);
            long before = heap.statistics().liveBlocks();
            inThread(virtual, () -> {
                heap.free(address);
                return address;
            });
            assertThat(heap.statistics().liveBlocks()).isEqualTo(before - 1);
            heap.verify();
        }
    }

    @Test
    void aHeapsVeryFirstCallMayBeAFree() {
        try (Heap untouched =
                Heap.create(HeapOptions.builder().name("untouched").build())) {
            assertThatThrownBy(() -> untouched.free(neighbour))
                    .hasMessageStartingWith(message("free", neighbour, "untouched", "block of another heap"));
            untouched.verify();
            assertThat(untouched.statistics().liveBlocks()).isZero();
        }
    }

    // ---------------------------------------------------------------------------------------------- two frees at once

    @ParameterizedTest
    @EnumSource
    void ofTwoThreadsThatFreeOneBlockOneIsRefused(Size size) throws Exception {
        int rounds = size == Size.SMALL ? 20_000 : 4_000;
        long[] address = new long[1];
        AtomicInteger refused = new AtomicInteger();
        AtomicInteger rounded = new AtomicInteger();
        long before = heap.statistics().liveBlocks();
        CyclicBarrier barrier = new CyclicBarrier(2, () -> {
            if (rounded.getAndIncrement() < rounds) {
                address[0] = allocateElsewhere(size);
            }
        });
        List<Thread> threads = new ArrayList<>();
        for (int index = 0; index < 2; index++) {
            threads.add(Thread.ofPlatform().start(() -> {
                try {
                    barrier.await();
                    while (rounded.get() <= rounds) {
                        try {
                            heap.free(address[0]);
                        } catch (BlockMisuseException misuse) {
                            refused.incrementAndGet();
                        }
                        barrier.await();
                    }
                } catch (Exception broken) {
                    throw new AssertionError(broken);
                }
            }));
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertThat(refused).hasValue(rounds);
        heap.verify();
        assertThat(heap.statistics().liveBlocks()).isEqualTo(before);
    }

    /// By a virtual thread, whose shared cache belongs to neither of the two: both frees are remote.
    private long allocateElsewhere(Size size) {
        try {
            return inThread(true, () -> heap.malloc(size.bytes));
        } catch (Exception failed) {
            throw new AssertionError(failed);
        }
    }

    // ------------------------------------------------------------------------------------------------------- options

    @ParameterizedTest
    @ValueSource(longs = {Long.MIN_VALUE, -1, 0, 1, Long.MAX_VALUE})
    void anyPurgeDelayWorks(long nanos) {
        try (Heap purged = Heap.create(
                HeapOptions.builder().purgeDelay(Duration.ofNanos(nanos)).build())) {
            for (int round = 0; round < 200; round++) {
                purged.free(purged.malloc(LARGE));
                purged.free(purged.malloc(SMALL));
            }
            purged.verify();
        }
        try (Heap purged = Heap.create(HeapOptions.builder()
                .purgeDelay(Duration.ofSeconds(Long.MAX_VALUE))
                .build())) {
            purged.free(purged.malloc(LARGE));
            purged.verify();
        }
    }

    @Test
    void negativeTrim() {
        assertArgument(() -> heap.trim(-1), "trim(keepBytes=-1): must be 0 or more");
    }
}
