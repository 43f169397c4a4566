package malloc4j.misuse;

import static malloc4j.misuse.Guarantee.always;
import static malloc4j.misuse.Guarantee.each;
import static malloc4j.misuse.Told.harmless;
import static malloc4j.misuse.Told.refused;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.function.LongUnaryOperator;
import malloc4j.CFamily;
import malloc4j.Heap;
import malloc4j.MisusePolicy;
import malloc4j.OutOfNativeMemoryError;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.os.Errno;
import malloc4j.observe.MisuseReport.Finding;

/// What is asked for that cannot be, and `realloc`: groups 10 to 12.
final class RequestGuarantees {
    private static final long SMALL = 48;
    private static final long LARGE = 100_000;
    private static final long HUGE = 40L << 20;
    private static final long UNTOUCHED = 0x5A5A_5A5A_5A5A_5A5AL;
    private static final String NO_SPACE = " of heap 'victim' failed: no address space is that large";
    private static final String RANGE = " of heap 'victim': a size is 0 to 2^46 bytes, an alignment a power of two";

    private static final List<Guarantee> ALL = List.of(
            always(
                    Group.IMPOSSIBLE_SIZES,
                    "`calloc(2^32, 2^32)`",
                    scene -> scene.concern(scene.heap().calloc(1L << 32, 1L << 32)),
                    refused(OutOfNativeMemoryError.class, "calloc(count=4294967296, byteSize=4294967296)" + NO_SPACE),
                    "The product is taken in 128 bits."),
            always(
                    Group.IMPOSSIBLE_SIZES,
                    "`calloc(-1, 0)`",
                    scene -> scene.concern(scene.heap().calloc(-1, 0)),
                    refused(IllegalArgumentException.class, "calloc(count=-1, byteSize=0)" + RANGE),
                    "Also where the product is 0."),
            always(
                    Group.IMPOSSIBLE_SIZES,
                    "`malloc(-1)`",
                    scene -> scene.concern(scene.heap().malloc(-1)),
                    refused(IllegalArgumentException.class, "malloc(byteSize=-1)" + RANGE),
                    "A negative `long` is a mistake in Java, not a large size."),
            always(
                    Group.IMPOSSIBLE_SIZES,
                    "`malloc(Long.MIN_VALUE)`",
                    scene -> scene.concern(scene.heap().malloc(Long.MIN_VALUE)),
                    refused(IllegalArgumentException.class, "malloc(byteSize=-9223372036854775808)" + RANGE),
                    "It is PTRDIFF_MAX + 1 of C."),
            always(
                    Group.IMPOSSIBLE_SIZES,
                    "`malloc(Long.MAX_VALUE)`",
                    scene -> scene.concern(scene.heap().malloc(Long.MAX_VALUE)),
                    refused(OutOfNativeMemoryError.class, "malloc(byteSize=9223372036854775807)" + NO_SPACE),
                    "It is PTRDIFF_MAX of C."),
            always(
                    Group.IMPOSSIBLE_SIZES,
                    "`malloc(2^46 + 1)`",
                    scene -> scene.concern(scene.heap().malloc((1L << 46) + 1)),
                    refused(OutOfNativeMemoryError.class, "malloc(byteSize=70368744177665)" + NO_SPACE),
                    "`Heap.MAX_BYTE_SIZE` is 2^46."),
            always(
                    Group.IMPOSSIBLE_SIZES,
                    "`malloc(-1)`, `malloc(-2)`, `calloc(2^32, 2^32)` of C",
                    scene -> {
                        CFamily family = scene.heap().cFamily(MisusePolicy.THROW);
                        for (long byteSize : new long[] {-1, -2, Long.MAX_VALUE, Long.MIN_VALUE}) {
                            assertThat(family.malloc(byteSize)).isZero();
                            assertThat(CFamily.errno()).isEqualTo(Errno.ENOMEM);
                        }
                        assertThat(family.calloc(1L << 32, 1L << 32)).isZero();
                        assertThat(CFamily.errno()).isEqualTo(Errno.ENOMEM);
                    },
                    harmless("0, with `ENOMEM`"),
                    "There a size is unsigned."),
            always(
                    Group.REALLOC,
                    "of 0",
                    scene -> {
                        long block = scene.heap().realloc(0, SMALL);
                        assertThat(scene.heap().usableSize(block)).isEqualTo(SMALL);
                        scene.heap().free(block);
                    },
                    harmless("a new block"),
                    "As `malloc`."),
            always(
                    Group.REALLOC,
                    "to 0 bytes, in Java and in C",
                    scene -> {
                        long live = scene.heap().statistics().liveBlocks();
                        long kept = scene.heap().realloc(scene.heap().malloc(SMALL), 0);
                        assertThat(scene.heap().usableSize(kept)).isPositive();
                        assertThat(scene.heap().cFamily(MisusePolicy.THROW).realloc(kept, 0))
                                .isZero();
                        assertThat(scene.heap().statistics().liveBlocks()).isEqualTo(live);
                    },
                    harmless("`Heap.realloc` gives a block of no bytes, that of `CFamily` frees and gives 0"),
                    "As glibc's does."),
            each(
                            Group.REALLOC,
                            "to the same size, to less, and to more",
                            scene -> {
                                for (long byteSize : new long[] {SMALL, LARGE, HUGE}) {
                                    assertThat(resized(scene.heap(), byteSize, size -> size) != 0)
                                            .isEqualTo(!scene.mode().isDebug()
                                                    && (byteSize > SMALL || scene.mode() == Mode.OFF));
                                    resized(scene.heap(), byteSize, size -> size / 2 + 1);
                                    resized(scene.heap(), byteSize, size -> size * 2);
                                }
                            },
                            harmless("the contents are kept; to the same size nothing moves"),
                            harmless("the contents are kept; a guarded block always moves"),
                            "A guarded block ends where it was asked to, and its old place is guarded.")
                    .debug(harmless("the contents are kept; every block always moves")),
            always(
                    Group.REALLOC,
                    "of a freed block",
                    scene -> {
                        long block = scene.heap().malloc(SMALL);
                        scene.heap().free(block);
                        scene.heap().realloc(scene.concern(block), 100);
                    },
                    refused(Finding.FREE_BLOCK, "double free: the block of 48 bytes is free"),
                    "So do `usableSize`, `segment` and `resizeInPlace`."),
            always(
                    Group.REALLOC,
                    "of a foreign address",
                    scene -> {
                        try (Arena arena = Arena.ofConfined()) { // of a size that is not from the break
                            scene.heap()
                                    .realloc(
                                            scene.concern(
                                                    arena.allocate(HUGE, 16).address()),
                                            100);
                        }
                    },
                    refused(Finding.FOREIGN, "foreign address: this heap never gave it out"),
                    "Nothing is copied."),
            always(
                    Group.REALLOC,
                    "of an address inside a block",
                    scene -> scene.heap().realloc(scene.concern(scene.heap().malloc(SMALL) + 16), 100),
                    refused(Finding.INTERIOR, "interior address: 16 bytes inside the block of 48 bytes"),
                    "As `free`."),
            always(
                    Group.REALLOC,
                    "beyond what there is",
                    scene -> {
                        Heap limited = scene.another(
                                scene.options().hardLimitBytes(6L << 20).build());
                        long block = limited.malloc(SMALL);
                        RawMemory.fill(block, SMALL, (byte) 42);
                        try {
                            limited.realloc(block, 32L << 20);
                        } finally {
                            assertThat(limited.usableSize(block)).isEqualTo(SMALL);
                            assertThat(RawMemory.getByte(block + SMALL - 1)).isEqualTo((byte) 42);
                            assertThat(limited.statistics().liveBlocks()).isEqualTo(1);
                            limited.verify();
                            limited.free(block);
                        }
                    },
                    refused(
                            OutOfNativeMemoryError.class,
                            "byteSize=33554432) of heap 'victim' failed: the hard limit of the heap or of a parent is"
                                    + " reached"),
                    "The block is as it was."),
            always(
                    Group.ALIGNMENT,
                    "`alignedAlloc` to 0, 3, 24, -1",
                    scene -> {
                        for (long alignment : new long[] {0, 3, 24}) {
                            assertThat(scene.heap().cFamily(MisusePolicy.THROW).alignedAlloc(alignment, 8))
                                    .isZero();
                            assertThat(CFamily.errno()).isEqualTo(Errno.EINVAL);
                        }
                        scene.concern(scene.heap().alignedAlloc(-1, 8));
                    },
                    refused(IllegalArgumentException.class, "alignedAlloc(byteAlignment=-1, byteSize=8)" + RANGE),
                    "In C 0, with `EINVAL`."),
            always(
                    Group.ALIGNMENT,
                    "`posix_memalign` to 0, 1, 2, 3, 4, 24, -1, and of 2^50 bytes",
                    scene -> {
                        CFamily family = scene.heap().cFamily(MisusePolicy.THROW);
                        try (Arena arena = Arena.ofConfined()) {
                            MemorySegment out = arena.allocate(8, 8);
                            out.set(ValueLayout.JAVA_LONG, 0, UNTOUCHED);
                            for (long alignment : new long[] {0, 1, 2, 3, 4, 24, -1}) {
                                assertThat(family.posixMemalign(out, alignment, 8))
                                        .isEqualTo(Errno.EINVAL);
                            }
                            assertThat(family.posixMemalign(out, 64, 1L << 50)).isEqualTo(Errno.ENOMEM);
                            assertThat(out.get(ValueLayout.JAVA_LONG, 0)).isEqualTo(UNTOUCHED);
                        }
                    },
                    harmless("`EINVAL`, `ENOMEM`; the result is untouched"),
                    "As POSIX has it."),
            always(
                    Group.ALIGNMENT,
                    "`posix_memalign` to 8, 64, 4,096, 2^20 and 2^30, also of no bytes",
                    scene -> {
                        CFamily family = scene.heap().cFamily(MisusePolicy.THROW);
                        try (Arena arena = Arena.ofConfined()) {
                            MemorySegment out = arena.allocate(8, 8);
                            for (long alignment : new long[] {8, 64, 4096, 1 << 20, 1 << 30}) {
                                for (long byteSize : new long[] {0, 40}) {
                                    assertThat(family.posixMemalign(out, alignment, byteSize))
                                            .isZero();
                                    long block = out.get(ValueLayout.JAVA_LONG, 0);
                                    assertThat(block % alignment).isZero();
                                    assertThat(family.usableSize(block)).isGreaterThanOrEqualTo(byteSize);
                                    family.free(block);
                                }
                            }
                        }
                    },
                    harmless("an aligned block, with room for what was asked for"),
                    "Above a page no block is guarded."),
            always(
                    Group.ALIGNMENT,
                    "free of an aligned block by an address 8 bytes further",
                    scene -> scene.heap().free(scene.concern(scene.heap().alignedAlloc(64, 40) + 8)),
                    refused(Finding.INTERIOR, "interior address: 8 bytes inside the block of"),
                    "Nor by the address before it was aligned: there is none."));

    private RequestGuarantees() {}

    static List<Guarantee> all() {
        return ALL;
    }

    /// Resizes a block with a pattern at its begin and end. Returns whether it has stayed, as 1 or 0.
    private static long resized(Heap heap, long byteSize, LongUnaryOperator size) {
        long block = heap.malloc(byteSize);
        long newSize = size.applyAsLong(byteSize);
        long kept = Math.min(byteSize, newSize);
        RawMemory.putByte(block, (byte) 1);
        RawMemory.putByte(block + kept - 1, (byte) 2);
        long moved = heap.realloc(block, newSize);
        assertThat(RawMemory.getByte(moved)).isEqualTo((byte) 1);
        assertThat(RawMemory.getByte(moved + kept - 1)).isEqualTo((byte) 2);
        assertThat(heap.usableSize(moved)).isGreaterThanOrEqualTo(newSize);
        heap.free(moved);
        return moved == block ? 1 : 0;
    }
}
