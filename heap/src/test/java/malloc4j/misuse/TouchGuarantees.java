package malloc4j.misuse;

import static malloc4j.misuse.Guarantee.always;
import static malloc4j.misuse.Guarantee.each;
import static malloc4j.misuse.Told.atFree;
import static malloc4j.misuse.Told.atTheTouch;
import static malloc4j.misuse.Told.bySearch;
import static malloc4j.misuse.Told.byVerify;
import static malloc4j.misuse.Told.endsTheJvm;
import static malloc4j.misuse.Told.harmless;
import static malloc4j.misuse.Told.notDetected;
import static malloc4j.misuse.Told.refused;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.stream.LongStream;
import malloc4j.Heap;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.region.ChunkMap;
import malloc4j.internal.region.PageGeometry;
import malloc4j.internal.slab.Slab;
import malloc4j.observe.MisuseReport.Finding;

/// What is read and written where it must not be: groups 7 to 9, and 20.
final class TouchGuarantees {
    private static final long BLOCK = 64;
    private static final long LARGEST_SMALL = 32_768;
    private static final long LARGE = 100_000;
    private static final long HUGE = 40L << 20;
    private static final int MANY = 600; // blocks of 64 bytes: more than half a slab

    private static final String NEIGHBOURS = "other blocks have the bytes";
    private static final String AFTER_FREE = "use after free: 0x";
    private static final String WRITE_AFTER_FREE = "write after free: the byte 0 of the block of ";
    private static final String WRITTEN = " was written to";
    private static final String PAST = " past the end of the block of 64 bytes";
    private static final String BEFORE = " before the block of 64 bytes";

    private static final List<Guarantee> ALL = List.of(
            overflow("1 byte behind a block of 64", 1, "By the side of its slot that the block lies at."),
            overflow("8 bytes behind a block of 64", 8, "As by one."),
            overflow("16 bytes behind a block of 64", 16, "As by one."),
            overflow("32 bytes behind a block of 64", 32, "As by one."),
            each(
                            Group.OUT_OF_BOUNDS,
                            "a write of a page behind a block of 64",
                            scene -> writeBeside(scene, BLOCK, BLOCK, page()),
                            notDetected(NEIGHBOURS),
                            atTheTouch(PAST),
                            "It comes to a guard, wherever in its slot the block lies.")
                    .redzone(atFree("overflow: the byte 1" + PAST + WRITTEN)),
            each(
                            Group.OUT_OF_BOUNDS,
                            "a write of 1 byte before a block of 64",
                            scene -> writeBeside(scene, BLOCK, -1, -1),
                            List.of(notDetected(NEIGHBOURS)),
                            List.of(
                                    atTheTouch("was touched, 1 byte" + BEFORE),
                                    atFree("underflow: the byte 1 before the block of 64 bytes was written to")),
                            "As behind it.")
                    .redzone(atFree("underflow: the byte 1" + BEFORE + WRITTEN)),
            each(
                            Group.OUT_OF_BOUNDS,
                            "a write of a page before a block of 64",
                            scene -> writeBeside(scene, BLOCK, -1, -page()),
                            notDetected(NEIGHBOURS),
                            atTheTouch(BEFORE),
                            "As behind it.")
                    .redzone(atFree("underflow: the byte 16" + BEFORE + WRITTEN)),
            each(
                            Group.OUT_OF_BOUNDS,
                            "a read of 1 byte behind a block of 64",
                            scene -> {
                                long block = scene.concern(Scene.amid(Scene.blocks(scene.heap(), MANY / 100, BLOCK)));
                                assertThat(Scene.read(block + BLOCK)).isBetween(Byte.MIN_VALUE, Byte.MAX_VALUE);
                                scene.requireUnchanged();
                            },
                            List.of(notDetected("what is there is read")),
                            List.of(
                                    atTheTouch("was touched, 1 byte" + PAST),
                                    notDetected("the pattern beside it is read")),
                            "A read leaves no trace for the free to find.")
                    .redzone(notDetected("the pattern beside it is read")),
            each(
                            Group.OUT_OF_BOUNDS,
                            "a write of 1 byte behind a block of 1, the smallest",
                            scene -> {
                                long block = scene.concern(scene.heap().malloc(1));
                                Scene.write(block + 1, 1);
                                assertThat(scene.heap().usableSize(block))
                                        .isEqualTo(scene.mode().usableBytes(1, 16));
                                scene.concern(block);
                                scene.heap().free(block);
                            },
                            harmless("its usable size is 16"),
                            atFree("overflow: the byte 1 past the end of the block of 1 bytes was written to"),
                            "A guarded block's usable size is what was asked for, and its address a multiple of 16.")
                    .redzone(atFree("overflow: the byte 1 past the end of the block of 1 bytes" + WRITTEN)),
            each(
                            Group.OUT_OF_BOUNDS,
                            "a write of 1 byte behind a block of a page",
                            scene -> writeBeside(scene, page(), page(), 1),
                            notDetected(NEIGHBOURS),
                            atTheTouch("was touched, 1 byte past the end of the block of"),
                            "It fills its pages, with a guard on each side.")
                    .redzone(atFree("overflow: the byte 1 past the end of the block of")),
            each(
                            Group.OUT_OF_BOUNDS,
                            "a write of 1 byte before a block of a page",
                            scene -> writeBeside(scene, page(), -1, -1),
                            notDetected(NEIGHBOURS),
                            atTheTouch("was touched, 1 byte before the block of"),
                            "So it does here.")
                    .redzone(atFree("underflow: the byte 1 before the block of")),
            each(
                            Group.OUT_OF_BOUNDS,
                            "a write of 1 byte behind a block of 32,768, the largest small one",
                            scene -> writeBeside(scene, LARGEST_SMALL, LARGEST_SMALL, 1),
                            notDetected(NEIGHBOURS),
                            atTheTouch("was touched, 1 byte past the end of the block of 32768 bytes"),
                            "The largest that is guarded.")
                    .redzone(atFree("overflow: the byte 1 past the end of the block of 32768 bytes" + WRITTEN)),
            always(
                            Group.OUT_OF_BOUNDS,
                            "a write of 1 byte behind a block of 100,000",
                            scene -> {
                                long block = scene.concern(scene.heap().malloc(LARGE));
                                Scene.write(block + LARGE, 1);
                                assertThat(scene.heap().usableSize(block))
                                        .isEqualTo(scene.mode().isDebug() ? LARGE : 102_400);
                                scene.heap().free(block);
                                scene.requireOneFreed();
                            },
                            harmless("its usable size is 102,400"),
                            "In a debug heap large blocks lie between red zones too.")
                    .debug(atFree("overflow: the byte 1 past the end of the block of 100000 bytes" + WRITTEN)),
            always(
                    Group.OUT_OF_BOUNDS,
                    "a write 1 MiB behind, and 1 MiB before, a block of 100,000",
                    scene -> {
                        long block = scene.concern(Scene.amid(Scene.blocks(scene.heap(), 60, LARGE)));
                        for (long beside : new long[] {block + (1 << 20), block - (1 << 20)}) {
                            Scene.write(beside, 1);
                            assertThat(Scene.read(beside)).isEqualTo((byte) 0x5B);
                        }
                        scene.requireUnchanged();
                    },
                    notDetected(NEIGHBOURS),
                    "Nothing sees a write that lands in another live block."),
            always(
                            Group.OUT_OF_BOUNDS,
                            "a write of 1 byte behind a huge block, where another lies",
                            scene -> {
                                long below = belowAnother(scene);
                                scene.concern(below);
                                Scene.write(below + HUGE, 1);
                                assertThat(Scene.read(below + HUGE)).isEqualTo((byte) 0x5B);
                                scene.requireUnchanged();
                            },
                            notDetected("the other block has the byte"),
                            "The kernel puts mappings side by side.")
                    .debug(bySearch(
                            Finding.DAMAGED,
                            "overflow: the byte 1 past the end of the block of 41943040 bytes" + WRITTEN)),
            always(
                            Group.OUT_OF_BOUNDS,
                            "a write of 1 byte behind a huge block, where nothing lies",
                            scene -> {
                                long below = belowAnother(scene);
                                if (!scene.mode().isDebug()) {
                                    scene.heap().free(below + HUGE);
                                }
                                scene.concern(scene.mode().isDebug() ? below : below + HUGE);
                                Scene.write(below + HUGE, 1);
                            },
                            endsTheJvm("SIGSEGV"),
                            "As any address without memory.")
                    .debug(bySearch(
                            Finding.DAMAGED,
                            "overflow: the byte 1 past the end of the block of 41943040 bytes" + WRITTEN)),
            always(
                    Group.OUT_OF_BOUNDS,
                    "the last byte of the usable size",
                    scene -> {
                        for (long byteSize :
                                new long[] {0, 1, 48, 1000, LARGEST_SMALL, LARGEST_SMALL + 1, LARGE, HUGE}) {
                            long block = scene.heap().malloc(byteSize);
                            long usable = scene.heap().usableSize(block);
                            assertThat(usable).isGreaterThanOrEqualTo(byteSize);
                            Scene.write(block, 1);
                            Scene.write(block + usable - 1, 1);
                            assertThat(Scene.read(block + usable - 1)).isEqualTo((byte) 0x5B);
                            scene.heap().free(block);
                        }
                    },
                    harmless("it is the block's"),
                    "Of no byte more."),
            each(
                            Group.AFTER_FREE,
                            "a write, at once",
                            scene -> {
                                long block = freed(scene, BLOCK);
                                Scene.write(block, BLOCK);
                                scene.requireUnchanged();
                                assertDistinct(scene.heap(), BLOCK);
                            },
                            notDetected("later blocks are blocks of their own"),
                            atTheTouch(AFTER_FREE),
                            "No list runs through a free block.")
                    .redzone(bySearch(Finding.WRITTEN_AFTER_FREE, WRITE_AFTER_FREE + "64 bytes" + WRITTEN)),
            each(
                            Group.AFTER_FREE,
                            "a read, at once",
                            scene -> {
                                long block = freed(scene, BLOCK);
                                assertThat(Scene.read(block + 8) == 0x5A).isIn(true, scene.mode() == Mode.REDZONE);
                                scene.requireUnchanged();
                            },
                            notDetected("what is there is read"),
                            atTheTouch(AFTER_FREE),
                            "Also where the block lay amid its page: all of that is a guard now.")
                    .redzone(notDetected("0x5A is read, which freed blocks are filled with")),
            each(
                            Group.AFTER_FREE,
                            "a write, after the memory was given out again",
                            scene -> {
                                long[] holders = new long[8];
                                long stale = scene.stale(holders, BLOCK);
                                for (long block : holders) {
                                    RawMemory.fill(block, BLOCK, (byte) 0);
                                }
                                Scene.write(scene.concern(stale), BLOCK);
                                long[] lost = Arrays.stream(holders)
                                        .filter(block -> RawMemory.getByte(block) == 0x5B)
                                        .toArray();
                                assertThat(lost).isEqualTo(scene.mode() == Mode.OFF ? new long[] {stale} : new long[0]);
                            },
                            notDetected("the new holder's contents are lost"),
                            atTheTouch(AFTER_FREE),
                            "Slots are used again in an order of chance: one in 4,096 is the next, and then it is as without.")
                    .redzone(bySearch(Finding.WRITTEN_AFTER_FREE, WRITE_AFTER_FREE + "64 bytes" + WRITTEN)),
            each(
                            Group.AFTER_FREE,
                            "a write, before `calloc` gives the memory out",
                            scene -> {
                                long block = freed(scene, BLOCK);
                                Scene.write(block, BLOCK);
                                long zeroed = scene.heap().calloc(1, BLOCK);
                                assertThat(scene.heap().usableSize(zeroed)).isEqualTo(BLOCK);
                            },
                            notDetected("it may not be zero where the memory was known to be"),
                            atTheTouch(AFTER_FREE),
                            "Memory that the kernel has just zeroed is not zeroed again.")
                    .redzone(bySearch(Finding.WRITTEN_AFTER_FREE, WRITE_AFTER_FREE + "64 bytes" + WRITTEN)),
            always(
                            Group.AFTER_FREE,
                            "a write to a large block",
                            scene -> {
                                long block = freed(scene, LARGE);
                                Scene.write(block, LARGE);
                                scene.requireUnchanged();
                                assertDistinct(scene.heap(), LARGE);
                            },
                            notDetected("later blocks are blocks of their own"),
                            "Its pages stay with the heap until they go back, and read as zero after that.")
                    .debug(bySearch(Finding.WRITTEN_AFTER_FREE, WRITE_AFTER_FREE + "100000 bytes" + WRITTEN)),
            always(
                            Group.AFTER_FREE,
                            "a read of a huge block",
                            scene -> {
                                long block = freed(scene, HUGE);
                                assertThat(Scene.read(block)).isEqualTo((byte) 0x5A);
                            },
                            endsTheJvm("SIGSEGV"),
                            "Its mapping has gone, and nobody is told of `SIGSEGV`. In a debug heap it has when the block leaves"
                                    + " quarantine.")
                    .debug(notDetected("0x5A is read, which freed blocks are filled with")),
            always(
                    Group.AFTER_FREE,
                    "a read of a bare address after its heap was closed",
                    scene -> {
                        Heap gone = scene.another("gone");
                        long block = scene.concern(gone.malloc(BLOCK));
                        gone.close();
                        assertThat(Scene.read(block)).isZero();
                    },
                    endsTheJvm("SIGSEGV"),
                    "Guards go with their heap."),
            always(
                    Group.AFTER_FREE,
                    "a segment of a heap that was closed",
                    scene -> {
                        Heap gone = scene.another("gone");
                        MemorySegment segment = gone.allocate(BLOCK, 8);
                        gone.close();
                        scene.concern(segment.get(ValueLayout.JAVA_BYTE, 0));
                    },
                    refused(IllegalStateException.class, "Already closed"),
                    "The JDK knows its scope."),
            always(
                    Group.AFTER_FREE,
                    "a segment of an arena that was closed",
                    scene -> {
                        Arena arena = scene.heap().ofConfined();
                        MemorySegment segment = arena.allocate(BLOCK);
                        arena.close();
                        scene.concern(segment.get(ValueLayout.JAVA_BYTE, 0));
                    },
                    refused(IllegalStateException.class, "Already closed"),
                    "As of any arena but an unscoped one."),
            each(
                    Group.AFTER_FREE,
                    "a read by native code: `strlen`",
                    scene -> {
                        long block = scene.heap().calloc(1, BLOCK);
                        scene.heap().free(block);
                        assertThat(strlen(scene.concern(block))).isNotNegative();
                        scene.requireUnchanged();
                    },
                    notDetected("what is there is read"),
                    endsTheJvm("SIGBUS"),
                    "A guard can be told of to Java code only."),
            always(
                    Group.AFTER_FREE,
                    "a read of an address that never was anything",
                    scene -> assertThat(Scene.read(scene.concern(8))).isZero(),
                    endsTheJvm("SIGSEGV"),
                    "By a restricted method of the JDK alone."),
            always(
                    Group.ZERO_BYTES,
                    "two of them, freed",
                    scene -> {
                        long live = scene.heap().statistics().liveBlocks();
                        long[] blocks = Scene.blocks(scene.heap(), 2, 0);
                        assertThat(LongStream.of(blocks).distinct()).hasSize(2).doesNotContain(0L);
                        scene.heap().free(blocks[0]);
                        scene.heap().free(blocks[1]);
                        assertThat(scene.heap().statistics().liveBlocks()).isEqualTo(live);
                    },
                    harmless("they are distinct, and free again"),
                    "Neither is 0."),
            each(
                            Group.ZERO_BYTES,
                            "a write of its first byte",
                            scene -> {
                                long block = scene.heap().malloc(0);
                                Scene.write(block, 1);
                                assertThat(scene.heap().usableSize(block))
                                        .isEqualTo(scene.mode().usableBytes(1, 16));
                                scene.heap().free(block);
                            },
                            harmless("its usable size is 16"),
                            harmless("its usable size is 1"),
                            "A size of 0 counts as 1.")
                    .redzone(harmless("its usable size is 1")),
            each(
                            Group.ZERO_BYTES,
                            "a write of its second byte",
                            scene -> {
                                long block = scene.heap().malloc(0);
                                Scene.write(block + 1, 1);
                                assertThat(scene.heap().usableSize(block))
                                        .isEqualTo(scene.mode().usableBytes(1, 16));
                                scene.heap().free(scene.concern(block));
                            },
                            harmless("its usable size is 16"),
                            atFree("overflow: the byte 1 past the end of the block of 1 bytes was written to"),
                            "Where the block is guarded, it is one behind its end.")
                    .redzone(atFree("overflow: the byte 1 past the end of the block of 1 bytes" + WRITTEN)),
            each(
                            Group.CORRUPTION,
                            "free memory of a slab, all of it written to",
                            scene -> {
                                long[] blocks = Scene.blocks(scene.heap(), MANY, BLOCK);
                                long amid = Scene.amid(blocks);
                                LongStream.of(blocks).forEach(scene.heap()::free);
                                scene.concern(amid);
                                Scene.write(amid, BLOCK);
                                for (long block : blocks) {
                                    Scene.write(block, BLOCK);
                                }
                                scene.requireUnchanged();
                                assertDistinct(scene.heap(), BLOCK);
                            },
                            harmless("later blocks are blocks of their own"),
                            atTheTouch(AFTER_FREE),
                            "There is nothing in it that anybody would read.")
                    .redzone(bySearch(Finding.WRITTEN_AFTER_FREE, WRITE_AFTER_FREE + "64 bytes" + WRITTEN)),
            each(
                            Group.CORRUPTION,
                            "the pattern beside a guarded block",
                            scene -> {
                                long block = scene.heap().malloc(100);
                                Scene.write(block + 100, 12);
                                assertThat(scene.heap().usableSize(block))
                                        .isEqualTo(scene.mode().usableBytes(100, 112));
                                scene.heap().free(scene.concern(block));
                            },
                            harmless("its usable size is 112"),
                            atFree("overflow: the byte 1 past the end of the block of 100 bytes was written to"),
                            "The report has the address, the size and both stacks.")
                    .redzone(atFree("overflow: the byte 1 past the end of the block of 100 bytes" + WRITTEN)),
            each(
                    Group.CORRUPTION,
                    "a record of a slab",
                    TouchGuarantees::corruptARecord,
                    byVerify("-byte blocks: free has a bit beyond the blocks"),
                    byVerify("-byte blocks: free has a bit beyond the blocks"),
                    "Records lie far from every block: what runs over a block's end never comes there."));

    private TouchGuarantees() {}

    static List<Guarantee> all() {
        return ALL;
    }

    /// No constant: the table must not be the first to ask for what a case is about to choose.
    private static long page() {
        return PageGeometry.PAGE_BYTES;
    }

    private static Guarantee overflow(String where, long count, String sentence) {
        return each(
                        Group.OUT_OF_BOUNDS,
                        "a write of " + where,
                        scene -> writeBeside(scene, BLOCK, BLOCK, count),
                        List.of(notDetected(NEIGHBOURS)),
                        List.of(
                                atTheTouch("was touched, 1 byte" + PAST),
                                atFree("overflow: the byte 1" + PAST + " was written to")),
                        sentence)
                .redzone(atFree("overflow: the byte 1" + PAST + WRITTEN));
    }

    /// Writes beside a block amid others, and frees it.
    private static void writeBeside(Scene scene, long byteSize, long offset, long count) {
        int many = Math.clamp(MANY * BLOCK / byteSize, 5, MANY);
        long[] blocks = Scene.blocks(scene.heap(), scene.mode().hasGuards() ? 1 : many, byteSize);
        long block = Scene.amid(blocks);
        scene.concern(block);
        Scene.write(block + offset, count);
        if (scene.mode() == Mode.OFF) {
            assertThat(Scene.read(block + offset)).isEqualTo((byte) 0x5B);
        }
        scene.heap().free(block);
        scene.requireOneFreed();
    }

    private static long freed(Scene scene, long byteSize) {
        long block = scene.heap().malloc(byteSize);
        scene.heap().free(block);
        return scene.concern(block);
    }

    /// The heap's next blocks do not overlap.
    private static void assertDistinct(Heap heap, long byteSize) {
        long[] blocks = Scene.blocks(heap, 100, byteSize);
        for (int index = 0; index < blocks.length; index++) {
            RawMemory.fill(blocks[index], byteSize, (byte) index);
        }
        for (int index = 0; index < blocks.length; index++) {
            assertThat(RawMemory.getByte(blocks[index])).isEqualTo((byte) index);
            assertThat(RawMemory.getByte(blocks[index] + byteSize - 1)).isEqualTo((byte) index);
            heap.free(blocks[index]);
        }
    }

    /// A huge block right behind which another begins.
    ///
    /// In a debug heap any: a red zone is behind each.
    private static long belowAnother(Scene scene) {
        if (scene.mode().isDebug()) {
            return scene.heap().malloc(HUGE);
        }
        long[] blocks = Scene.blocks(scene.heap(), 8, HUGE);
        Arrays.sort(blocks);
        for (int index = 1; index < blocks.length; index++) {
            if (blocks[index - 1] + HUGE == blocks[index]) {
                return blocks[index - 1];
            }
        }
        throw new AssertionError("no two mappings are side by side");
    }

    /// Sets a bit of a slab's record that belongs to no block, and takes it back when that was found.
    private static void corruptARecord(Scene scene) throws Scene.NotWholeException {
        long block = scene.heap().malloc(BLOCK);
        while (ChunkMap.record(block) == 0) { // a guarded one
            block = scene.heap().malloc(BLOCK);
        }
        long slab = ChunkMap.record(block);
        int capacity = Slab.capacity(slab);
        long beyond = Slab.pair(slab, capacity >>> 6);
        long before = RawMemory.getLong(beyond);
        RawMemory.putLong(beyond, before | 1L << (capacity & 63));
        try {
            scene.verify();
        } finally {
            RawMemory.putLong(beyond, before);
        }
    }

    @SuppressWarnings("restricted")
    private static long strlen(long address) throws Exception {
        Linker linker = Linker.nativeLinker();
        try {
            return (long) linker.downcallHandle(
                            linker.defaultLookup().findOrThrow("strlen"),
                            FunctionDescriptor.of(ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG))
                    .invokeExact(address);
        } catch (Exception | Error thrown) {
            throw thrown;
        } catch (Throwable impossible) {
            throw new AssertionError(impossible);
        }
    }
}
