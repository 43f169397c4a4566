package malloc4j.misuse;

import static malloc4j.misuse.Guarantee.always;
import static malloc4j.misuse.Guarantee.each;
import static malloc4j.misuse.Told.harmless;
import static malloc4j.misuse.Told.notDetected;
import static malloc4j.misuse.Told.refused;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import malloc4j.BlockMisuseException;
import malloc4j.Heap;
import malloc4j.MisusePolicy;
import malloc4j.alloc.Region;
import malloc4j.internal.region.ChunkMap;
import malloc4j.observe.MisuseReport.Finding;

/// What is handed to `free` and its like that no live block begins at: groups 1 to 6.
final class AddressGuarantees {
    private static final long SMALL = 48;
    private static final long LARGE = 100_000;
    private static final long HUGE = 40L << 20;
    private static final String FOREIGN = "foreign address: this heap never gave it out";
    private static final String FREE_ALREADY = "double free: the block of 48 bytes is free already";
    private static final String BY_WHOM = "\n    allocated by thread";
    private static final String FREE_GUARDED = "double free: the block of 48 bytes is free" + BY_WHOM;
    private static final String FREE_OF_20 = "double free: the block of 20 bytes is free" + BY_WHOM;
    private static final String BESIDE = "no block is here: it lies beside the one of";
    private static final String LONG_AGO = "no block is here: freed longer ago than is known, or never given out";

    private static final List<Guarantee> ALL = List.of(
            always(
                    Group.FREE_OF_NULL,
                    "`free(0)`, `free(MemorySegment.NULL)`, and `free(0)` of C",
                    scene -> {
                        scene.concern(0);
                        scene.heap().free(0);
                        scene.heap().free(MemorySegment.NULL);
                        scene.heap().cFamily(MisusePolicy.THROW).free(0);
                        scene.requireUnchanged();
                    },
                    harmless("no block more or less"),
                    "As C has it."),
            always(
                    Group.NEVER_ALLOCATED,
                    "address 1",
                    scene -> scene.heap().free(scene.concern(1)),
                    refused(Finding.FOREIGN, FOREIGN),
                    "So is any other address without memory."),
            always(
                    Group.NEVER_ALLOCATED,
                    "a negative address",
                    scene -> scene.heap().free(scene.concern(-16)),
                    refused(Finding.FOREIGN, FOREIGN),
                    "Addresses are unsigned: this is one of the kernel's."),
            always(
                    Group.NEVER_ALLOCATED,
                    "the stack",
                    scene -> scene.heap().free(scene.concern(stackAddress())),
                    refused(Finding.FOREIGN, FOREIGN),
                    "The kernel made it, not a heap."),
            always(
                    Group.NEVER_ALLOCATED,
                    "static memory of the C library",
                    scene -> scene.heap().free(scene.concern(staticAddress())),
                    refused(Finding.FOREIGN, FOREIGN),
                    "So is all that lies in a file's mapping."),
            always(
                    Group.NEVER_ALLOCATED,
                    "memory of the JDK's `Arena`",
                    scene -> {
                        try (Arena arena = Arena.ofConfined()) { // of a size that is not from the break
                            scene.heap()
                                    .free(scene.concern(arena.allocate(HUGE, 16).address()));
                        }
                    },
                    refused(Finding.FOREIGN, FOREIGN),
                    "It is the C library's. Where that grows into a part of the break that a heap has given back, the finding is"
                            + " `NO_BLOCK`."),
            always(
                    Group.NEVER_ALLOCATED,
                    "a segment of the Java heap",
                    scene -> {
                        MemorySegment segment = MemorySegment.ofArray(new byte[8]);
                        scene.concern(segment.address());
                        scene.heap().free(segment);
                    },
                    refused(Finding.JAVA_HEAP, "a segment on the Java heap"),
                    "It has no address at all."),
            always(
                    Group.NEVER_ALLOCATED,
                    "reserved, and not in use",
                    scene -> scene.heap()
                            .free(scene.concern(ChunkMap.BASE + ChunkMap.main().byteSize() - (1 << 16))),
                    refused(Finding.FOREIGN, FOREIGN),
                    "What no heap has taken of the addresses of the process is nobody's."),
            always(
                    Group.NEVER_ALLOCATED,
                    "the records of blocks",
                    scene -> scene.heap().free(scene.concern(ChunkMap.RECORDS)),
                    refused(Finding.FOREIGN, FOREIGN),
                    "They lie apart from every block."),
            always(
                    Group.INTERIOR,
                    "1 byte inside a small block",
                    scene -> scene.heap().free(scene.concern(scene.heap().malloc(SMALL) + 1)),
                    refused(Finding.INTERIOR, "interior address: 1 bytes inside the block of 48 bytes"),
                    "Misaligned or not is all the same."),
            always(
                    Group.INTERIOR,
                    "16 bytes inside a small block",
                    scene -> scene.heap().free(scene.concern(scene.heap().malloc(SMALL) + 16)),
                    refused(Finding.INTERIOR, "interior address: 16 bytes inside the block of 48 bytes"),
                    "An address that another block could have."),
            always(
                    Group.INTERIOR,
                    "8 bytes inside a large block",
                    scene -> scene.heap().free(scene.concern(scene.heap().malloc(LARGE) + 8)),
                    refused(Finding.INTERIOR, "interior address: 8 bytes inside the block of"),
                    "Blocks above 32 KiB are never guarded."),
            always(
                    Group.INTERIOR,
                    "4,096 bytes inside a huge block",
                    scene -> scene.heap().free(scene.concern(scene.heap().malloc(HUGE) + 4096)),
                    refused(Finding.INTERIOR, "interior address: 4096 bytes inside the block of 41943040 bytes"),
                    "A block with a mapping of its own."),
            each(
                            Group.INTERIOR,
                            "the end of a small block",
                            scene -> scene.heap().free(scene.concern(lastOf(scene) + SMALL)),
                            refused(Finding.FREE_BLOCK, FREE_ALREADY),
                            refused(Finding.NO_BLOCK, BESIDE),
                            "Where the next block of the slab is live, it is that block's address, and is freed.")
                    .redzone(refused(Finding.NO_BLOCK, BESIDE)),
            each(
                            Group.INTERIOR,
                            "a page behind a small block",
                            scene ->
                                    scene.heap().free(scene.concern(scene.heap().malloc(SMALL) + 4096)),
                            refused(Finding.INTERIOR, "inside the block of 48 bytes"),
                            refused(Finding.NO_BLOCK, "no block is here: it lies "),
                            "4,096 is no multiple of 48.")
                    .redzone(refused(Finding.NO_BLOCK, LONG_AGO)),
            each(
                    Group.INTERIOR,
                    "1 GiB behind a small block",
                    scene -> scene.heap().free(scene.concern(scene.heap().malloc(SMALL) + (1L << 30))),
                    List.of(
                            refused(Finding.FOREIGN, FOREIGN),
                            refused(Finding.NO_BLOCK, "no block is here").byLuck()),
                    List.of(refused(Finding.FOREIGN, FOREIGN)),
                    "Unless the process has that much of heaps."),
            each(
                            Group.DOUBLE_FREE,
                            "at once",
                            scene -> {
                                long block = freed(scene.heap(), SMALL);
                                scene.heap().free(scene.concern(block));
                            },
                            refused(Finding.FREE_BLOCK, FREE_ALREADY),
                            refused(Finding.FREE_BLOCK, FREE_GUARDED),
                            "The report of a guarded block says who has freed it before.")
                    .redzone(refused(Finding.FREE_BLOCK, FREE_GUARDED)),
            each(
                            Group.DOUBLE_FREE,
                            "after 1,024 others",
                            scene -> {
                                long[] blocks = Scene.blocks(scene.heap(), 1025, SMALL);
                                for (long block : blocks) {
                                    scene.heap().free(block);
                                }
                                scene.heap().free(scene.concern(blocks[0]));
                            },
                            refused(Finding.FREE_BLOCK, FREE_ALREADY),
                            refused(Finding.FREE_BLOCK, FREE_GUARDED),
                            "A free bit is not forgotten.")
                    .redzone(refused(Finding.FREE_BLOCK, FREE_GUARDED)),
            each(
                            Group.DOUBLE_FREE,
                            "interleaved: a, b, a",
                            scene -> {
                                long[] blocks = Scene.blocks(scene.heap(), 2, SMALL);
                                scene.heap().free(blocks[0]);
                                scene.heap().free(blocks[1]);
                                scene.heap().free(scene.concern(blocks[0]));
                            },
                            refused(Finding.FREE_BLOCK, FREE_ALREADY),
                            refused(Finding.FREE_BLOCK, FREE_GUARDED),
                            "What defeats a check of the list's head.")
                    .redzone(refused(Finding.FREE_BLOCK, FREE_GUARDED)),
            each(
                            Group.DOUBLE_FREE,
                            "by another thread, then by the owner",
                            scene -> {
                                long block = scene.heap().malloc(SMALL);
                                elsewhere(() -> scene.heap().free(block));
                                scene.heap().free(scene.concern(block));
                            },
                            refused(Finding.FREE_BLOCK, FREE_ALREADY),
                            refused(Finding.FREE_BLOCK, FREE_GUARDED),
                            "The bit of a remote free counts at once.")
                    .redzone(refused(Finding.FREE_BLOCK, FREE_GUARDED)),
            each(
                            Group.DOUBLE_FREE,
                            "by two threads at once, neither the owner",
                            AddressGuarantees::freeByTwoThreads,
                            refused(Finding.FREE_BLOCK, FREE_ALREADY),
                            refused(Finding.FREE_BLOCK, FREE_GUARDED),
                            "One of them frees it.")
                    .redzone(refused(Finding.FREE_BLOCK, FREE_GUARDED)),
            each(
                            Group.DOUBLE_FREE,
                            "by the owner and another thread at once",
                            AddressGuarantees::freeByOwnerAndAnother,
                            List.of(
                                    refused(Finding.FREE_BLOCK, FREE_ALREADY),
                                    notDetected("both come back, and the block is free once")
                                            .byLuck()),
                            List.of(refused(Finding.FREE_BLOCK, FREE_GUARDED)),
                            "[Decision 0009](decisions/0009-owner-and-remote-double-free.md).")
                    .redzone(refused(Finding.FREE_BLOCK, FREE_GUARDED)),
            each(
                            Group.DOUBLE_FREE,
                            "of a block that was written past its end",
                            scene -> {
                                long block = scene.heap().malloc(20);
                                Scene.write(block + 20, 1);
                                try {
                                    scene.heap().free(block);
                                    assertThat(scene.mode()).isEqualTo(Mode.OFF);
                                } catch (BlockMisuseException told) {
                                    assertThat(told.report().finding()).isEqualTo(Finding.DAMAGED);
                                }
                                scene.heap().free(scene.concern(block));
                            },
                            refused(Finding.FREE_BLOCK, "double free: the block of 32 bytes is free already"),
                            refused(Finding.FREE_BLOCK, FREE_OF_20),
                            "The first free tells of the overflow, where it is detected.")
                    .redzone(refused(Finding.FREE_BLOCK, FREE_OF_20)),
            each(
                            Group.DOUBLE_FREE,
                            "after the address was given out again",
                            AddressGuarantees::freeOfAnAddressInUseAgain,
                            notDetected("the new holder's block is freed, and the holder's own free is refused"),
                            refused(Finding.FREE_BLOCK, FREE_GUARDED),
                            "Slots are used again in an order of chance: one in 4,096 is the next, and then it is as without.")
                    .redzone(refused(Finding.FREE_BLOCK, FREE_GUARDED)),
            always(
                            Group.DOUBLE_FREE,
                            "of a large block",
                            scene -> scene.heap().free(scene.concern(freed(scene.heap(), LARGE))),
                            refused(Finding.NO_BLOCK, "no block is here: freed already, or never given out"),
                            "Its pages are free; nobody knows what they were.")
                    .debug(refused(Finding.FREE_BLOCK, "double free: the block of 100000 bytes is free" + BY_WHOM)),
            always(
                            Group.DOUBLE_FREE,
                            "of a huge block",
                            scene -> scene.heap().free(scene.concern(freed(scene.heap(), HUGE))),
                            refused(Finding.FOREIGN, "or the block was unmapped when it was freed"),
                            "Its mapping has gone.")
                    .debug(refused(Finding.FREE_BLOCK, "double free: the block of 41943040 bytes is free" + BY_WHOM)),
            always(
                    Group.WRONG_SIZE,
                    "a shorter segment of the block",
                    scene -> {
                        long live = scene.heap().statistics().liveBlocks();
                        long block = scene.heap().malloc(SMALL);
                        scene.heap().free(scene.heap().segment(block).asSlice(0, 1));
                        assertThat(scene.heap().statistics().liveBlocks()).isEqualTo(live);
                    },
                    harmless("the whole block is free"),
                    "Its size stands in the records."),
            always(
                    Group.WRONG_SIZE,
                    "a segment that begins inside the block",
                    scene -> {
                        long block = scene.heap().malloc(SMALL);
                        scene.concern(block + 8);
                        scene.heap().free(scene.heap().segment(block).asSlice(8));
                    },
                    refused(Finding.INTERIOR, "interior address: 8 bytes inside the block of 48 bytes"),
                    "As by its address."),
            always(
                    Group.WRONG_SIZE,
                    "what `alignedAlloc` gave, by the `free` of any block",
                    scene -> {
                        long live = scene.heap().statistics().liveBlocks();
                        scene.heap().free(scene.heap().alignedAlloc(256, SMALL));
                        assertThat(scene.heap().statistics().liveBlocks()).isEqualTo(live);
                    },
                    harmless("the block is free"),
                    "There is one `free`."),
            each(
                    Group.WRONG_HEAP,
                    "a small block of another heap",
                    scene -> {
                        Heap other = scene.another("other");
                        scene.heap().free(scene.concern(other.malloc(SMALL)));
                    },
                    refused(Finding.OTHER_HEAP, "block of another heap"),
                    refused(Finding.FOREIGN, FOREIGN),
                    "What lies between a heap's guards, no other heap knows."),
            always(
                    Group.WRONG_HEAP,
                    "a large block of another heap",
                    scene -> {
                        Heap other = scene.another("other");
                        scene.heap().free(scene.concern(other.malloc(LARGE)));
                    },
                    refused(Finding.OTHER_HEAP, "block of another heap"),
                    "Pages know their heap."),
            always(
                    Group.WRONG_HEAP,
                    "a huge block of another heap",
                    scene -> {
                        Heap other = scene.another("other");
                        scene.heap().free(scene.concern(other.malloc(HUGE)));
                    },
                    refused(Finding.FOREIGN, FOREIGN),
                    "Each heap has a table of its own huge blocks."),
            always(
                    Group.WRONG_HEAP,
                    "a block that a region stands on",
                    scene -> {
                        try (Region region = Region.ofHeap(scene.heap(), 4096)) {
                            long block = region.allocate(10, 1).address();
                            scene.settle(() -> scene.heap().free(scene.concern(block)));
                        }
                    },
                    refused(Finding.OWNED, "belongs to"),
                    "The region frees it."),
            always(
                    Group.WRONG_HEAP,
                    "a block of a heap that was closed, on that heap",
                    scene -> {
                        Heap gone = scene.another("gone");
                        long block = gone.malloc(SMALL);
                        gone.close();
                        scene.concern(block);
                        gone.free(block);
                    },
                    refused(Finding.CLOSED, "of heap 'gone': the heap is closed, and its blocks with it"),
                    "Closing twice does nothing."),
            each(
                            Group.WRONG_HEAP,
                            "a block of a heap that was closed, on another heap",
                            scene -> {
                                scene.heap().free(scene.heap().malloc(SMALL));
                                Heap gone = scene.another("gone");
                                long block = gone.malloc(SMALL);
                                gone.close();
                                scene.heap().free(scene.concern(block));
                            },
                            refused(Finding.NO_BLOCK, "no block is here: freed already, or never given out"),
                            refused(Finding.FOREIGN, FOREIGN),
                            "Its memory has gone, or is another heap's by now.")
                    .redzone(refused(Finding.NO_BLOCK, LONG_AGO)),
            always(
                    Group.WRONG_HEAP,
                    "`malloc` of a heap that was closed",
                    scene -> {
                        Heap gone = scene.another("gone");
                        gone.close();
                        scene.concern(gone.malloc(SMALL));
                    },
                    refused(IllegalStateException.class, "malloc(byteSize=48) of heap 'gone': the heap is closed"),
                    "So does every other call but `free(0)`."),
            always(
                    Group.WRONG_HEAP,
                    "the close of a heap with an open arena",
                    scene -> {
                        Heap used = scene.another("used");
                        try (Arena arena = used.ofShared()) {
                            scene.concern(arena.allocate(SMALL).address());
                            used.close();
                        }
                    },
                    refused(IllegalStateException.class, "close of heap 'used': open on it: 1"),
                    "[Decision 0025](decisions/0025-a-heap-outlives-what-stands-on-it.md)."));

    private AddressGuarantees() {}

    static List<Guarantee> all() {
        return ALL;
    }

    private static long freed(Heap heap, long byteSize) {
        long block = heap.malloc(byteSize);
        heap.free(block);
        return block;
    }

    private static long stackAddress() throws Exception {
        String stack = Files.readAllLines(Path.of("/proc/self/maps")).stream()
                .filter(line -> line.endsWith("[stack]"))
                .findFirst()
                .orElseThrow();
        return Long.parseUnsignedLong(stack.substring(stack.indexOf('-') + 1, stack.indexOf(' ')), 16) - 64;
    }

    private static long staticAddress() {
        return Linker.nativeLinker().defaultLookup().findOrThrow("strlen").address();
    }

    /// A block whose next one in the slab is free.
    private static long lastOf(Scene scene) {
        long[] blocks = Scene.blocks(scene.heap(), 8, SMALL);
        for (int index = 1; index < blocks.length; index++) {
            scene.heap().free(blocks[index]);
        }
        return blocks[0];
    }

    private static void elsewhere(Runnable work) throws InterruptedException {
        Thread.ofVirtual().start(work).join();
    }

    private static FutureTask<Boolean> freeing(Heap heap, long block, CountDownLatch start) {
        return new FutureTask<>(() -> {
            start.countDown();
            start.await();
            try {
                heap.free(block);
                return true;
            } catch (BlockMisuseException refused) {
                return false;
            }
        });
    }

    private static void freeByTwoThreads(Scene scene) throws Exception {
        for (int round = 0; round < 20; round++) {
            long[] block = new long[1];
            elsewhere(() -> block[0] = scene.heap().malloc(SMALL));
            CountDownLatch start = new CountDownLatch(2);
            FutureTask<Boolean> one = freeing(scene.heap(), block[0], start);
            FutureTask<Boolean> other = freeing(scene.heap(), block[0], start);
            Thread.startVirtualThread(one);
            Thread.startVirtualThread(other);
            assertThat(one.get()).isNotEqualTo(other.get());
            if (round == 19) {
                scene.heap().free(scene.concern(block[0]));
            }
        }
    }

    private static void freeByOwnerAndAnother(Scene scene) throws Exception {
        long live = scene.heap().statistics().liveBlocks();
        boolean both = false;
        long block = 0;
        for (int round = 0; round < 20 && !both; round++) {
            block = scene.heap().malloc(SMALL);
            CountDownLatch start = new CountDownLatch(2);
            FutureTask<Boolean> own = freeing(scene.heap(), block, start);
            FutureTask<Boolean> other = freeing(scene.heap(), block, start);
            Thread.startVirtualThread(other);
            own.run();
            assertThat(own.get() || other.get()).isTrue();
            both = own.get() && other.get();
            assertThat(scene.heap().statistics().liveBlocks()).isEqualTo(live);
        }
        if (!both) {
            scene.heap().free(scene.concern(block));
        }
    }

    private static void freeOfAnAddressInUseAgain(Scene scene) {
        long[] holders = new long[1];
        long stale = scene.stale(holders, SMALL);
        scene.heap().free(scene.concern(stale));
        assertThat(holders[0]).isEqualTo(stale);
        assertThatThrownBy(() -> scene.heap().free(holders[0]))
                .isInstanceOf(BlockMisuseException.class)
                .hasMessageContaining(FREE_ALREADY);
    }
}
