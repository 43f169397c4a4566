package malloc4j.misuse;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.Arrays;
import malloc4j.BlockMisuseException;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.alloc.BlockPool;
import malloc4j.alloc.Region;
import malloc4j.internal.region.PageGeometry;
import malloc4j.observe.MisuseReport;
import malloc4j.observe.MisuseReport.Block;
import malloc4j.observe.MisuseReport.Finding;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/// What a refused call tells of the place it was given: what is there, and what lies beside it.
class MisuseReportTest {
    private static final long LARGE = 9 * PageGeometry.PAGE_BYTES;
    private static final long HUGE = 64L << 20;

    private final Heap heap = Heap.create(HeapOptions.builder()
            .name("cache")
            .purgeDelay(Duration.ofMillis(-1))
            .build());

    @AfterEach
    void close() {
        heap.close();
    }

    private MisuseReport reportOf(long address) {
        return report(() -> heap.free(address));
    }

    private static MisuseReport report(ThrowingCallable call) {
        BlockMisuseException refused = catchThrowableOfType(BlockMisuseException.class, call);
        assertThat(refused).isNotNull();
        return refused.report();
    }

    private static Block live(long address, long byteSize) {
        return new Block(address, byteSize, true);
    }

    private long[] blocks(int count, long byteSize) {
        long[] blocks = new long[count];
        for (int index = 0; index < count; index++) {
            blocks[index] = heap.malloc(byteSize);
        }
        return blocks;
    }

    @Test
    void aDoubleFreeIsToldWithTheBlocksBesideIt() {
        long[] blocks = blocks(6, 48);
        heap.free(blocks[2]);
        heap.free(blocks[3]);
        MisuseReport report = reportOf(blocks[3]);
        assertThat(report.finding()).isEqualTo(Finding.FREE_BLOCK);
        assertThat(report.call()).isEqualTo("free");
        assertThat(report.allocator()).isEqualTo("heap 'cache'");
        assertThat(report.blockIfAny()).contains(new Block(blocks[3], 48, false));
        assertThat(report.neighbours()).containsExactly(live(blocks[1], 48), live(blocks[4], 48));
        assertThat(report.message())
                .isEqualTo(
                        "free(0x%x) of heap 'cache': double free: the block of 48 bytes is free already, or was never"
                                + " given out; nearest live blocks: 48 bytes at 0x%x and 48 bytes at 0x%x",
                        blocks[3], blocks[1], blocks[4]);
    }

    @Test
    void anAddressInsideABlockIsToldWithThatBlock() {
        long[] blocks = blocks(3, 48);
        MisuseReport report = report(() -> heap.realloc(blocks[0] + 16, 100));
        assertThat(report.finding()).isEqualTo(Finding.INTERIOR);
        assertThat(report.call()).isEqualTo("realloc");
        assertThat(report.blockIfAny()).contains(live(blocks[0], 48));
        assertThat(report.neighbours()).containsExactly(live(blocks[1], 48)); // it is the first of its slab
        heap.free(blocks[0]);
        assertThat(reportOf(blocks[0] + 16).blockIfAny()).contains(new Block(blocks[0], 48, false));
    }

    @Test
    void largeBlocksAreToldWithThoseOnThePagesBesideThem() {
        long[] blocks = blocks(3, LARGE);
        Arrays.sort(blocks);
        MisuseReport inside = reportOf(blocks[1] + PageGeometry.PAGE_BYTES);
        assertThat(inside.finding()).isEqualTo(Finding.INTERIOR);
        assertThat(inside.blockIfAny()).contains(live(blocks[1], heap.usableSize(blocks[1])));
        assertThat(inside.neighbours())
                .containsExactly(
                        live(blocks[0], heap.usableSize(blocks[0])), live(blocks[2], heap.usableSize(blocks[2])));
        heap.free(blocks[1]);
        heap.trim(0);
        MisuseReport freed = reportOf(blocks[1]);
        assertThat(freed.finding()).isEqualTo(Finding.NO_BLOCK);
        assertThat(freed.blockIfAny()).isEmpty();
        assertThat(freed.neighbours()).extracting(Block::address).containsExactly(blocks[0], blocks[2]);
    }

    @Test
    void aPlaceAmidManyFreePagesIsToldWithWhatLivesAroundThem() {
        long[] blocks = blocks(200, LARGE);
        Arrays.sort(blocks);
        for (int index = 1; index < blocks.length - 1; index++) {
            heap.free(blocks[index]);
        }
        heap.trim(0);
        for (int index = 1; index < blocks.length - 1; index++) {
            MisuseReport report = reportOf(blocks[index]);
            assertThat(report.finding()).isEqualTo(Finding.NO_BLOCK);
            assertThat(report.neighbours())
                    .isSubsetOf(
                            live(blocks[0], heap.usableSize(blocks[0])),
                            live(blocks[199], heap.usableSize(blocks[199])));
        }
        assertThat(reportOf(blocks[1]).neighbours()).contains(live(blocks[0], heap.usableSize(blocks[0])));
        heap.verify();
    }

    @Test
    void whateverElseAnAddressMayBeHasAWord() {
        long huge = heap.malloc(HUGE);
        assertThat(reportOf(huge + 4096).blockIfAny()).contains(live(huge, HUGE));
        heap.free(huge);
        assertThat(reportOf(huge).finding()).isEqualTo(Finding.FOREIGN);
        assertThat(reportOf(1).finding()).isEqualTo(Finding.FOREIGN);
        try (Heap other = Heap.create(HeapOptions.defaults());
                Region region = Region.ofHeap(heap, 4096);
                Arena arena = heap.ofShared()) {
            long foreign = other.malloc(100);
            assertThat(reportOf(foreign).finding()).isEqualTo(Finding.OTHER_HEAP);
            MemorySegment owned = region.allocate(10, 1);
            assertThat(reportOf(owned.address()).finding()).isEqualTo(Finding.OWNED);
            MemorySegment pages = arena.allocate(100_000, 1);
            assertThat(reportOf(pages.address()).finding()).isEqualTo(Finding.OWNED);
        }
        MemorySegment ofJava = MemorySegment.ofArray(new byte[8]);
        assertThat(report(() -> heap.free(ofJava)).finding()).isEqualTo(Finding.JAVA_HEAP);
        Heap gone = Heap.create(HeapOptions.defaults());
        gone.close();
        assertThat(report(() -> gone.free(16)).finding()).isEqualTo(Finding.CLOSED);
    }

    @Test
    void aPoolTellsTheSame() {
        BlockPool pool = BlockPool.ofSize(64).confined(heap);
        long block = pool.malloc();
        MisuseReport inside = report(() -> pool.free(block + 8));
        assertThat(inside.finding()).isEqualTo(Finding.INTERIOR);
        assertThat(inside.allocator()).isEqualTo(pool.toString());
        assertThat(inside.blockIfAny()).contains(live(block, 64));
        pool.free(block);
        assertThat(report(() -> pool.free(block)).finding()).isEqualTo(Finding.FREE_BLOCK);
        assertThat(report(() -> pool.free(16)).finding()).isEqualTo(Finding.FOREIGN);
        pool.close();
        assertThat(report(() -> pool.free(block)).finding()).isEqualTo(Finding.CLOSED);
    }

    @Test
    void anExceptionKeepsItsReportWhenItIsSent() throws Exception {
        BlockMisuseException refused = catchThrowableOfType(BlockMisuseException.class, () -> heap.free(1));
        var bytes = new ByteArrayOutputStream();
        try (var out = new ObjectOutputStream(bytes)) {
            out.writeObject(refused);
        }
        try (var in = new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()))) {
            assertThat(((BlockMisuseException) in.readObject()).report()).isEqualTo(refused.report());
        }
    }
}
