package malloc4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.concurrent.FutureTask;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.os.Errno;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/// What C's functions promise, on the common heap.
class MallocTest {
    @AfterEach
    void verify() {
        Heap.common().verify();
    }

    @Test
    void blocksAreThoseOfTheCommonHeap() {
        long before = Heap.common().statistics().liveBlocks();
        long address = Malloc.malloc(100);
        assertThat(Heap.common().usableSize(address))
                .isEqualTo(Malloc.usableSize(address))
                .isEqualTo(112);
        assertThat(Heap.common().statistics().liveBlocks()).isEqualTo(before + 1);
        Heap.common().free(address);
        assertThat(Heap.common().statistics().liveBlocks()).isEqualTo(before);
    }

    @Test
    void reallocOfNullIsMallocAndToZeroIsFree() {
        long before = Heap.common().statistics().liveBlocks();
        long address = Malloc.realloc(0, 100);
        assertThat(address).isPositive();
        assertThat(Malloc.realloc(address, 0)).isZero();
        long empty = Malloc.realloc(0, 0);
        assertThat(empty).isPositive();
        Malloc.free(empty);
        assertThat(Heap.common().statistics().liveBlocks()).isEqualTo(before);
    }

    @Test
    void aFailedReallocLeavesTheBlockAndSetsErrno() {
        long address = Malloc.malloc(100);
        RawMemory.putLong(address, 42);
        assertThat(Malloc.realloc(address, -1)).isZero();
        assertThat(Malloc.errno()).isEqualTo(Errno.ENOMEM);
        assertThat(Malloc.realloc(address, Long.MAX_VALUE)).isZero();
        assertThat(RawMemory.getLong(address)).isEqualTo(42);
        assertThat(Malloc.usableSize(address)).isEqualTo(112);
        Malloc.free(address);
    }

    @Test
    void errnoIsOfTheThreadAndSurvivesSuccess() throws Exception {
        assertThat(Malloc.alignedAlloc(3, 8)).isZero();
        FutureTask<Integer> other = new FutureTask<>(() -> {
            int fresh = Malloc.errno();
            Malloc.malloc(-1);
            return fresh;
        });
        Thread.ofPlatform().start(other);
        assertThat(other.get()).isZero();
        long address = Malloc.malloc(8);
        assertThat(Malloc.errno()).isEqualTo(Errno.EINVAL);
        Malloc.free(address);
    }

    @Test
    void callocIsZeroAndAlignedAllocAligned() {
        long dirty = Malloc.malloc(600);
        RawMemory.fill(dirty, 600, (byte) -1);
        Malloc.free(dirty);
        long zeroed = Malloc.calloc(60, 10);
        for (int offset = 0; offset < 600; offset++) {
            assertThat(RawMemory.getByte(zeroed + offset)).isZero();
        }
        long aligned = Malloc.alignedAlloc(1 << 16, 10);
        assertThat(aligned % (1 << 16)).isZero();
        Malloc.free(zeroed);
        Malloc.free(aligned);
    }

    @Test
    void malloptKnowsTwoParameters() {
        assertThat(Malloc.mallopt(Malloc.M_TRIM_THRESHOLD, 1 << 20)).isTrue();
        assertThat(Malloc.mallopt(Malloc.M_TRIM_THRESHOLD, -1)).isFalse();
        assertThat(Malloc.mallopt(Malloc.M_TRIM_THRESHOLD, 256 << 10)).isTrue();
        assertThat(Malloc.mallopt(Malloc.M_MMAP_THRESHOLD, 32_768)).isFalse();
        assertThat(Malloc.mallopt(Malloc.M_MMAP_THRESHOLD, 1 << 20)).isTrue();
        long before = Malloc.mallinfo2().hblks();
        long address = Malloc.malloc(1 << 20);
        assertThat(Malloc.mallinfo2().hblks()).isEqualTo(before + 1);
        Malloc.free(address);
        assertThat(Malloc.mallopt(Malloc.M_MMAP_THRESHOLD, 32 << 20)).isTrue();
        assertThat(Malloc.mallopt(Malloc.M_TOP_PAD, 0)).isFalse();
        assertThat(Malloc.mallopt(12345, 0)).isFalse();
    }

    @Test
    void mallinfoAddsUp() {
        long address = Malloc.malloc(100_000);
        Mallinfo2 info = Malloc.mallinfo2();
        assertThat(info.uordblks()).isGreaterThanOrEqualTo(102_400);
        assertThat(info.uordblks() + info.fordblks()).isEqualTo(info.arena());
        assertThat(info.usmblks()).isZero();
        Malloc.free(address);
        assertThat(Malloc.mallinfo2().uordblks()).isLessThanOrEqualTo(info.uordblks() - 102_400);
    }

    @Test
    void theTextsTellTheSameNumbers() {
        long address = Malloc.malloc(77);
        String live = Long.toString(Heap.common().statistics().liveBlocks());
        Matcher line = Pattern.compile("live blocks *= *(\\d+)").matcher(Malloc.stats());
        assertThat(line.find()).isTrue();
        assertThat(line.group(1)).isEqualTo(live);
        assertThat(Malloc.info())
                .startsWith("<malloc version=\"1\">\n<heap nr=\"0\">\n<sizes>\n")
                .contains("<size from=\"80\" to=\"80\"")
                .endsWith("</malloc>\n");
        Malloc.free(address);
    }

    @Test
    void trimRefusesANegativeKeep() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Malloc.trim(-1))
                .withMessage("trim(keepBytes=-1): must be 0 or more");
        Malloc.trim(0);
        assertThat(Malloc.trim(0)).isFalse();
    }
}
