package malloc4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.StringReader;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.FutureTask;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.xpath.XPath;
import javax.xml.xpath.XPathConstants;
import javax.xml.xpath.XPathFactory;
import malloc4j.internal.memory.Bits;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.os.Errno;
import malloc4j.internal.region.PageGeometry;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.xml.sax.InputSource;

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
        assertThat(Malloc.mallopt(Malloc.M_MMAP_THRESHOLD, 1 << 20)).isTrue();
        long before = Malloc.mallinfo2().hblks();
        long address = Malloc.malloc(1 << 20);
        assertThat(Malloc.mallinfo2().hblks()).isEqualTo(before + 1);
        Malloc.free(address);
        int topPad = -2; // of a break that libc has to itself
        assertThat(Malloc.mallopt(topPad, 0)).isFalse();
        assertThat(Malloc.mallopt(12345, 0)).isFalse();
        assertThat(Malloc.mallopt(Malloc.M_MMAP_THRESHOLD, 32 << 20)).isTrue();
    }

    @ParameterizedTest
    @CsvSource({
        "-1, false",
        "-2147483648, false",
        "0, true",
        "32768, true",
        "33554432, true",
        "33554433, false",
        "2147483647, false"
    })
    void mmapThresholdIsFrom0To32MiB(int value, boolean isSet) {
        assertThat(Malloc.mallopt(Malloc.M_MMAP_THRESHOLD, value)).isEqualTo(isSet);
        long before = Malloc.mallinfo2().hblks();
        long small = Malloc.malloc(32 << 10);
        long above = Malloc.malloc((32 << 10) + 1);
        assertThat(Malloc.mallinfo2().hblks() - before).isEqualTo(isSet && value <= (32 << 10) + 1 ? 1 : 0);
        Malloc.free(above);
        Malloc.free(small);
        assertThat(Malloc.mallopt(Malloc.M_MMAP_THRESHOLD, 32 << 20)).isTrue();
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, -2, Integer.MIN_VALUE})
    void aNegativeTrimThresholdTurnsGivingBackOff(int value) throws InterruptedException {
        Malloc.trim(0);
        assertThat(Malloc.mallopt(Malloc.M_TRIM_THRESHOLD, value)).isTrue();
        long purged = Heap.common().statistics().purgedBytes();
        long address = Malloc.malloc(8 << 20);
        RawMemory.fill(address, 8 << 20, (byte) 1);
        Malloc.free(address);
        Thread.sleep(1_700); // more than three visits of the purger
        assertThat(Heap.common().statistics().purgedBytes()).isEqualTo(purged);
        assertThat(Malloc.mallopt(Malloc.M_TRIM_THRESHOLD, 256 << 10)).isTrue();
        assertThat(Malloc.trim(0)).isTrue();
    }

    @ParameterizedTest
    @ValueSource(longs = {-1, Long.MIN_VALUE, Long.MAX_VALUE, 1, 0})
    void aProductOfZeroFits(long other) {
        for (long address : new long[] {
            Malloc.calloc(0, other),
            Malloc.calloc(other, 0),
            Malloc.reallocarray(0, 0, other),
            Malloc.reallocarray(0, other, 0)
        }) {
            assertThat(address).isPositive();
            Malloc.free(address);
        }
    }

    @Test
    void aProductThatDoesNotFitIsNoMemory() {
        long block = Malloc.malloc(100);
        RawMemory.putLong(block, 42);
        for (long[] product : new long[][] {
            {2, -1},
            {-1, 2},
            {1L << 32, 1L << 32},
            {-1, -1},
            {1, -1},
            {3, Long.MIN_VALUE},
            {1, 1L << 50},
            {1L << 40, 1L << 40}
        }) {
            assertThat(Malloc.calloc(product[0], product[1])).isZero();
            assertThat(Malloc.errno()).isEqualTo(Errno.ENOMEM);
            assertThat(Malloc.reallocarray(block, product[0], product[1])).isZero();
        }
        assertThat(RawMemory.getLong(block)).isEqualTo(42);
        block = Malloc.reallocarray(block, 1_000, 8);
        assertThat(Malloc.usableSize(block)).isGreaterThanOrEqualTo(8_000);
        assertThat(RawMemory.getLong(block)).isEqualTo(42);
        assertThat(Malloc.reallocarray(block, 8, 0)).isZero(); // freed, as by realloc
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 8, 16, 64, 4096, 1L << 20, 1L << 25, 1L << 30, 1L << 31, 1L << 36})
    void anyPowerOfTwoIsAnAlignment(long byteAlignment) {
        for (long byteSize : new long[] {0, 64, 100_000}) {
            long address = Malloc.alignedAlloc(byteAlignment, byteSize);
            assertThat(address).isPositive();
            assertThat(address % byteAlignment).isZero();
            RawMemory.fill(address, byteSize, (byte) 1);
            Malloc.free(address);
        }
    }

    @Test
    void anAlignmentThatCannotBeServedIsNoMemoryAndOneThatIsNoneIsInvalid() {
        MemorySegment out = MemorySegment.ofArray(new long[] {7});
        for (long byteAlignment : new long[] {1L << 48, 1L << 62, Long.MIN_VALUE}) {
            assertThat(Malloc.alignedAlloc(byteAlignment, 64)).isZero();
            assertThat(Malloc.errno()).isEqualTo(Errno.ENOMEM);
            assertThat(Malloc.posixMemalign(out, byteAlignment, 64)).isEqualTo(Errno.ENOMEM);
        }
        for (long byteAlignment : new long[] {0, 3, -1, 48, Long.MAX_VALUE}) {
            assertThat(Malloc.alignedAlloc(byteAlignment, 64)).isZero();
            assertThat(Malloc.errno()).isEqualTo(Errno.EINVAL);
            assertThat(Malloc.posixMemalign(out, byteAlignment, 64)).isEqualTo(Errno.EINVAL);
        }
        for (long byteAlignment : new long[] {1, 2, 4}) {
            assertThat(Malloc.posixMemalign(out, byteAlignment, 64)).isEqualTo(Errno.EINVAL);
        }
        assertThat(out.get(ValueLayout.JAVA_LONG, 0)).isEqualTo(7);
        assertThat(Malloc.posixMemalign(out, 1L << 31, 64)).isZero();
        Malloc.free(out.get(ValueLayout.JAVA_LONG, 0));
    }

    @Test
    void posixMemalignKeepsNothingThatItCannotHandOver() throws Exception {
        Arena closed = Arena.ofShared();
        MemorySegment dead = closed.allocate(8);
        closed.close();
        FutureTask<MemorySegment> foreign =
                new FutureTask<>(() -> Arena.ofConfined().allocate(8));
        Thread.ofPlatform().start(foreign).join();
        long before = Heap.common().statistics().liveBlocks();
        for (MemorySegment out : new MemorySegment[] {
            MemorySegment.ofArray(new long[1]).asReadOnly(),
            MemorySegment.ofArray(new int[1]),
            MemorySegment.ofArray(new byte[0]),
            MemorySegment.NULL,
            dead,
            foreign.get()
        }) {
            for (long byteSize : new long[] {16, 4_000, 100_000, 64 << 20}) {
                assertThatThrownBy(() -> Malloc.posixMemalign(out, 64, byteSize))
                        .isInstanceOf(RuntimeException.class);
            }
        }
        assertThat(Heap.common().statistics().liveBlocks()).isEqualTo(before);
    }

    @Test
    void aBlockIsResizedWhereItIs() {
        long address = Malloc.malloc(1 << 20);
        assertThat(Malloc.resizeInPlace(address, 8_000)).isTrue();
        assertThat(Malloc.usableSize(address)).isEqualTo(Bits.alignUp(8_000, PageGeometry.PAGE_BYTES));
        assertThat(Malloc.resizeInPlace(address, -1)).isFalse();
        assertThat(Malloc.resizeInPlace(address, Long.MAX_VALUE)).isFalse();
        assertThat(Malloc.usableSize(address)).isEqualTo(Bits.alignUp(8_000, PageGeometry.PAGE_BYTES));
        Malloc.free(address);
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
        assertThat(Malloc.stats())
                .startsWith("Arena 0:\nsystem bytes     = ")
                .contains("\nTotal (incl. mmap):\nsystem bytes     = ");
        Malloc.free(address);
    }

    /// As readers of glibc's XML take it: elements by name and type, below `heap` and below the root.
    @Test
    void infoIsXmlAsGlibcWritesIt() throws Exception {
        long small = Malloc.malloc(70);
        long huge = Malloc.malloc(64L << 20);
        var root = DocumentBuilderFactory.newInstance()
                .newDocumentBuilder()
                .parse(new InputSource(new StringReader(Malloc.info())))
                .getDocumentElement();
        XPath path = XPathFactory.newInstance().newXPath();
        assertThat(root.getAttribute("version")).isEqualTo("1");
        assertThat(path.evaluate("count(heap/sizes/size)", root)).isNotEqualTo("0");
        assertThat(path.evaluate("total[@type='mmap']/@size", root))
                .isEqualTo(Long.toString(Malloc.mallinfo2().hblkhd()));
        for (String place : new String[] {"heap/", ""}) {
            for (String total : new String[] {"fast", "rest"}) {
                assertThat(path.evaluate(place + "total[@type='" + total + "']/@count", root))
                        .matches("\\d+");
            }
            double current =
                    (double) path.evaluate(place + "system[@type='current']/@size", root, XPathConstants.NUMBER);
            double space = (double) path.evaluate(place + "aspace[@type='total']/@size", root, XPathConstants.NUMBER);
            assertThat(current).isBetween(1.0, space);
            assertThat(path.evaluate(place + "aspace[@type='mprotect']/@size", root))
                    .matches("\\d+");
        }
        Malloc.free(small);
        Malloc.free(huge);
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
