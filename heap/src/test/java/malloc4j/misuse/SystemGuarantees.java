package malloc4j.misuse;

import static malloc4j.misuse.Guarantee.always;
import static malloc4j.misuse.Told.harmless;
import static malloc4j.misuse.Told.refused;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import malloc4j.BlockMisuseException;
import malloc4j.DebugMode;
import malloc4j.Heap;
import malloc4j.MemorySource;
import malloc4j.OutOfNativeMemoryError;
import malloc4j.faults.Patterns;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.os.Daemons;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.Linux;
import malloc4j.internal.os.SystemCalls;
import malloc4j.internal.os.TestKernel;
import malloc4j.internal.region.FakeCalls;
import malloc4j.internal.region.Ground;
import malloc4j.misuse.Guarantee.Proved;

/// What the system does to a heap, and threads, clocks and options: groups 13 to 19.
final class SystemGuarantees {
    private static final long SMALL = 48;
    private static final long LARGE = 100_000;
    private static final long MIB = 1L << 20;
    private static final long LIMIT = 2 * MIB;
    private static final int SHORT_THREADS = 2_000;

    private static final List<Guarantee> ALL = List.of(
            always(
                    Group.OUT_OF_MEMORY,
                    "a hard limit, reached and left again",
                    SystemGuarantees::recoverFromTheLimit,
                    harmless("each request beyond it is refused, and all is to be had again after the frees"),
                    "Guarded blocks count by their pages."),
            always(
                    Group.OUT_OF_MEMORY,
                    "the kernel refuses to map, from some call on",
                    SystemGuarantees::recoverFromTheKernel,
                    harmless("an `OutOfNativeMemoryError` that names `ENOMEM`; later requests are served"),
                    "`vm.overcommit_memory=2` makes it refuse the same calls."),
            always(
                    Group.OUT_OF_MEMORY,
                    "the kernel refuses what guards are made of",
                    scene -> {
                        SystemCalls calls = FakeCalls.with("memfdCreate", (arguments, perform) -> -Errno.EMFILE);
                        Heap bare = scene.another(calls, scene.options().build());
                        long block = bare.malloc(SMALL);
                        assertThat(bare.usableSize(block)).isEqualTo(SMALL);
                        bare.free(block);
                        assertThatThrownBy(() -> bare.free(block)).isInstanceOf(BlockMisuseException.class);
                        bare.verify();
                    },
                    harmless("blocks are as any other"),
                    "A heap that was to guard some says so in a line of the log."),
            new Proved(
                    Mode.OFF,
                    Group.OUT_OF_MEMORY,
                    "every system call fails, once and from then on",
                    harmless("no block is lost, and none overlaps"),
                    List.of("malloc4j.faults.NthFailureTest#everyFailureIsSurvivedAndReportedAndLeavesNothing"),
                    "For each source of memory."),
            new Proved(
                    Mode.OFF,
                    Group.OUT_OF_MEMORY,
                    "`RLIMIT_AS`, `RLIMIT_DATA`",
                    harmless("what there is no room for is refused until there is"),
                    List.of(
                            "malloc4j.faults.LimitsTest"
                                    + "#whenAddressSpaceIsLimitedHugeBlocksComeFromTheZoneAndWhatItHasNoRoomForIsRefused",
                            "malloc4j.faults.LimitsTest#whenDataIsLimitedExtentsAreRefusedUntilItIsRaised"),
                    "In a process of its own."),
            new Proved(
                    Mode.OFF,
                    Group.OUT_OF_MEMORY,
                    "`vm.max_map_count`",
                    harmless("a quarter of it is never passed"),
                    List.of("malloc4j.faults.LimitsTest"
                            + "#hugeBlocksThatTheKernelJoinsPassAQuarterOfMaxMapCountButItsMappingsNeverDo"),
                    "Mappings of guards are among them."),
            new Proved(
                    Mode.GUARD,
                    Group.OUT_OF_MEMORY,
                    "200,000 blocks that were to be guarded, live at once",
                    harmless("where all slots are taken blocks are as any other"),
                    List.of("malloc4j.GuardTest#whenEverySlotIsTakenBlocksAreAsAnyOther"),
                    "There are 4,096 slots at most."),
            always(
                            Group.FOREIGN_BREAK,
                            "somebody else's `sbrk` between ours",
                            SystemGuarantees::useTheBreakBesideOthers,
                            harmless("every block, and what the others have, keeps its contents"),
                            "Ours and the C library's `malloc` share the break: `BrkBesideLibcTest`.")
                    .inChild(),
            always(
                    Group.FOREIGN_BREAK,
                    "no break at all",
                    scene -> {
                        SystemCalls calls = FakeCalls.with("sbrk", (arguments, perform) -> -Errno.ENOMEM);
                        Heap mapped = scene.another(
                                calls, scene.options().source(MemorySource.BRK).build());
                        comeAndGo(mapped);
                    },
                    harmless("blocks come from mappings, or from what is there of the break"),
                    "As on musl."),
            new Proved(
                    Mode.OFF,
                    Group.FOREIGN_BREAK,
                    "the break shrinks, is limited, or meets a mapping",
                    harmless("what was cut off is not used, and mappings stand in"),
                    List.of("malloc4j.sources.BrkSourceTest#theBreakIsUsedOrMappingsInItsPlace"),
                    "In processes of their own."),
            always(
                    Group.THREADS,
                    "a block of a thread that has ended",
                    scene -> {
                        long live = scene.heap().statistics().liveBlocks();
                        long[] block = new long[1];
                        Thread owner = Thread.ofPlatform()
                                .start(() -> block[0] = scene.heap().malloc(SMALL));
                        owner.join();
                        assertThat(scene.heap().usableSize(block[0])).isEqualTo(SMALL);
                        scene.heap().free(block[0]);
                        assertThat(scene.heap().statistics().liveBlocks()).isEqualTo(live);
                    },
                    harmless("it lives on, and any thread frees it"),
                    "A thread's cache goes to the next thread."),
            always(
                    Group.THREADS,
                    "`free`, `realloc`, `usableSize` as a thread's first call",
                    SystemGuarantees::comeFirst,
                    harmless("they do as ever"),
                    "For platform and virtual threads."),
            always(
                    Group.THREADS,
                    "2,000 short virtual threads",
                    scene -> {
                        long live = scene.heap().statistics().liveBlocks();
                        List<Thread> threads = new ArrayList<>();
                        for (int index = 0; index < SHORT_THREADS; index++) {
                            threads.add(Thread.startVirtualThread(
                                    () -> scene.heap().free(scene.heap().malloc(SMALL))));
                        }
                        for (Thread thread : threads) {
                            thread.join();
                        }
                        assertThat(scene.heap().statistics().liveBlocks()).isEqualTo(live);
                        assertThat(scene.heap().statistics().threadCaches()).isLessThan(200);
                    },
                    harmless("nothing of them stays"),
                    "They share caches."),
            new Proved(
                    Mode.OFF,
                    Group.THREADS,
                    "10^5 short threads, 10^6 virtual ones",
                    harmless("nothing of them stays"),
                    List.of(
                            "malloc4j.threads.ThreadChurnTest#shortThreadsShareFewCaches",
                            "malloc4j.threads.ThreadChurnTest#virtualThreadsShareStripes"),
                    "So many with `-Dtest.long`, else a fifth."),
            new Proved(
                    Mode.OFF,
                    Group.THREADS,
                    "a thread that comes to the end of its stack in a call",
                    harmless("no lock stays held, and no block is lost"),
                    List.of("malloc4j.faults.DeepRecursionTest#overflowedStackLeavesHeapWhole"),
                    "Nothing else ends a Java thread amid a call."),
            always(
                            Group.CONCURRENT_WALKS,
                            "`trim`, `statistics`, `snapshot`, while two threads allocate and free",
                            SystemGuarantees::walkWhileOthersWork,
                            harmless("no call fails, and all adds up in the end"),
                            "`verify` wants nobody else at work.")
                    .debug(harmless(
                            "no call fails, and all adds up in the end; meanwhile `liveBlocks` is off by what is"
                                    + " freed while it is read")),
            always(
                    Group.CONCURRENT_WALKS,
                    "`statistics`, `snapshot`, `trim` at the hard limit",
                    scene -> {
                        Heap limited = limited(scene);
                        List<Long> blocks = fill(limited, SMALL);
                        assertThat(limited.statistics().liveBlocks()).isEqualTo(blocks.size());
                        assertThat(limited.snapshot()).isNotNull();
                        assertThat(limited.trim(0)).isIn(true, false);
                        assertThat(limited.statistics().liveBlocks()).isEqualTo(blocks.size());
                        limited.verify();
                    },
                    harmless("they say what there is"),
                    "They need no memory of the heap."),
            always(
                            Group.CLOCK_AND_DELAY,
                            "a clock that goes backwards",
                            SystemGuarantees::goBackwards,
                            harmless("blocks come and go, and `trim` gives them back"),
                            "The library's clock is `System.nanoTime`, which never does.")
                    .inChild(),
            always(
                    Group.CLOCK_AND_DELAY,
                    "purge delays of 0, -1, the least and the most there is",
                    scene -> {
                        for (Duration delay : List.of(
                                Duration.ZERO,
                                Duration.ofMillis(-1),
                                Duration.ofSeconds(Long.MIN_VALUE),
                                Duration.ofSeconds(Long.MAX_VALUE))) {
                            Heap purged = scene.another(
                                    scene.options().purgeDelay(delay).build());
                            comeAndGo(purged);
                            purged.close();
                        }
                    },
                    harmless("blocks come and go"),
                    "A negative one never gives back by itself."),
            always(
                    Group.PAGES,
                    "huge pages that the kernel refuses",
                    scene -> {
                        SystemCalls calls = FakeCalls.with(
                                "madvise",
                                (arguments, perform) ->
                                        arguments[2].equals(Linux.MADV_HUGEPAGE) ? -Errno.EINVAL : perform.getAsLong());
                        Heap huge = scene.another(
                                calls, scene.options().source(MemorySource.HUGE).build());
                        List<Long> blocks = new ArrayList<>();
                        for (long byteSize : new long[] {SMALL, LARGE, 40 * MIB}) {
                            long block = huge.calloc(1, byteSize);
                            assertThat(RawMemory.getByte(block + byteSize - 1)).isZero();
                            blocks.add(block);
                        }
                        blocks.forEach(huge::free);
                        huge.verify();
                    },
                    harmless("pages are as small as they are"),
                    "As with `transparent_hugepage/enabled` at `never`."),
            new Proved(
                    Mode.OFF,
                    Group.PAGES,
                    "pages of 16 and of 64 KiB",
                    harmless("all is as on pages of 4 KiB, but that more stays with what lives"),
                    List.of("malloc4j.pages.LargePagesTest#heapsWorkOnPagesOf"),
                    "Over a kernel that is made to behave so."),
            option("mmapThresholdBytes", "garbage", " is no size", "By its name, with what it takes."),
            option("hardLimitBytes", "99999999999999999999", " does not fit into 63 bits", "A size is a `long`."),
            option("purgeDelayMillis", "1s", " is not a whole number", "It has its unit in its name."),
            option("guardEvry", "1", " is no option of a heap, the nearest is guardEvery", "A name must be one."),
            always(
                    Group.OPTIONS,
                    "`guardEvery(-1)`",
                    scene -> scene.another(scene.options().guardEvery(-1).build()),
                    refused(IllegalArgumentException.class, "option guardEvery=-1 is not from 0 to "),
                    "In Java as by text."),
            always(
                    Group.OPTIONS,
                    "the most that each limit, threshold and way may be",
                    scene -> {
                        Heap most = scene.another(scene.options()
                                .mmapThresholdBytes(1L << 46)
                                .trimThresholdBytes(Long.MAX_VALUE)
                                .softLimitBytes(Long.MAX_VALUE)
                                .hardLimitBytes(Long.MAX_VALUE)
                                .brkClaimBytes(16L << 30)
                                .build());
                        comeAndGo(most);
                    },
                    harmless("blocks come and go"),
                    "The ranges stand in [heap-options.md](heap-options.md)."));

    private SystemGuarantees() {}

    static List<Guarantee> all() {
        return ALL;
    }

    private static Guarantee option(String name, String text, String words, String sentence) {
        return always(
                Group.OPTIONS,
                "`" + name + "=" + text + "`",
                scene -> scene.another(scene.options().option(name, text).build()),
                refused(IllegalArgumentException.class, "option " + name + "=" + text + words),
                sentence);
    }

    /// Blocks of each kind, several times. In a debug heap fewer: there `calloc` writes to each byte.
    private static void comeAndGo(Heap heap) {
        int rounds = heap.options().observing().debug() == DebugMode.OFF ? 10 : 3;
        for (int round = 0; round < rounds; round++) {
            for (long byteSize : new long[] {SMALL, LARGE, 40 * MIB}) {
                long block = heap.calloc(1, byteSize);
                assertThat(RawMemory.getByte(block + byteSize - 1)).isZero();
                RawMemory.putByte(block + byteSize - 1, (byte) 1);
                heap.free(block);
            }
        }
        assertThat(heap.statistics().liveBlocks()).isZero();
        heap.verify();
    }

    private static Heap limited(Scene scene) {
        return scene.another(scene.options().hardLimitBytes(LIMIT).build());
    }

    /// Allocates until the heap refuses.
    private static List<Long> fill(Heap heap, long byteSize) {
        List<Long> blocks = new ArrayList<>();
        assertThatThrownBy(() -> {
                    while (true) {
                        blocks.add(heap.malloc(byteSize));
                    }
                })
                .isInstanceOf(OutOfNativeMemoryError.class)
                .hasMessageContaining("the hard limit of the heap or of a parent is reached");
        return blocks;
    }

    private static void recoverFromTheLimit(Scene scene) {
        Heap limited = limited(scene);
        for (long byteSize : new long[] {4_000, LARGE}) {
            List<Long> blocks = fill(limited, byteSize);
            assertThat(limited.statistics().committedBytes()).isLessThanOrEqualTo(LIMIT);
            limited.verify();
            blocks.forEach(limited::free);
            assertThat(limited.statistics().liveBlocks()).isZero();
            List<Long> again = fill(limited, byteSize);
            assertThat(again).hasSizeGreaterThanOrEqualTo(blocks.size() / 2);
            again.forEach(limited::free);
        }
    }

    private static void recoverFromTheKernel(Scene scene) {
        AtomicBoolean refuses = new AtomicBoolean();
        SystemCalls mmap =
                FakeCalls.with("mmap", (arguments, perform) -> refuses.get() ? -Errno.ENOMEM : perform.getAsLong());
        SystemCalls mprotect =
                FakeCalls.with("mprotect", (arguments, perform) -> refuses.get() ? -Errno.ENOMEM : perform.getAsLong());
        for (SystemCalls calls : List.of(mmap, mprotect)) {
            Heap refused = scene.another(calls, scene.options().build());
            long block = refused.malloc(SMALL);
            refuses.set(true);
            try {
                assertThatThrownBy(() -> refused.malloc(1L << 45))
                        .isInstanceOf(OutOfNativeMemoryError.class)
                        .hasMessageContaining("ENOMEM");
            } finally {
                refuses.set(false);
            }
            refused.verify();
            refused.free(block);
            refused.free(refused.malloc(40 * MIB));
            refused.free(refused.malloc(SMALL));
            refused.verify();
            refused.close();
        }
    }

    private static void useTheBreakBesideOthers(Scene scene) {
        Heap heap = scene.another(
                scene.options().source(MemorySource.BRK).brkClaimBytes(2 * MIB).build());
        List<Long> blocks = new ArrayList<>();
        List<Long> foreign = new ArrayList<>();
        for (int step = 0; step < 12; step++) {
            for (long byteSize : new long[] {SMALL, MIB}) {
                blocks.add(heap.malloc(byteSize));
                Patterns.fill(blocks.getLast(), byteSize, blocks.size());
            }
            foreign.add(TestKernel.calls().sbrk(1 << 16));
            assertThat(foreign.getLast()).isPositive();
            Patterns.fill(foreign.getLast(), 1 << 16, 1_000 + step);
        }
        for (int index = 0; index < blocks.size(); index++) {
            long byteSize = index % 2 == 0 ? SMALL : MIB;
            Patterns.check(blocks.get(index), byteSize, byteSize, index + 1);
            heap.free(blocks.get(index));
        }
        heap.verify();
        for (int step = 0; step < foreign.size(); step++) {
            Patterns.check(foreign.get(step), 1 << 16, 1 << 16, 1_000 + step);
        }
    }

    private static void comeFirst(Scene scene) throws Exception {
        Heap heap = scene.heap();
        long live = heap.statistics().liveBlocks();
        for (boolean virtual : new boolean[] {false, true}) {
            long kept = heap.malloc(SMALL);
            first(virtual, () -> assertThat(heap.usableSize(kept)).isEqualTo(SMALL));
            long[] moved = new long[1];
            first(virtual, () -> moved[0] = heap.realloc(kept, 500));
            first(virtual, () -> heap.free(moved[0]));
            first(virtual, () -> assertThatThrownBy(() -> heap.free(moved[0]))
                    .isInstanceOf(BlockMisuseException.class));
        }
        assertThat(heap.statistics().liveBlocks()).isEqualTo(live);
    }

    /// Runs `call` in a thread of its own.
    private static void first(boolean virtual, Runnable call) throws Exception {
        FutureTask<Boolean> task = new FutureTask<>(call, true);
        Thread thread =
                virtual ? Thread.startVirtualThread(task) : Thread.ofPlatform().start(task);
        thread.join();
        assertThat(task.get()).isTrue();
    }

    private static void walkWhileOthersWork(Scene scene) throws Exception {
        Heap heap = scene.heap();
        long live = heap.statistics().liveBlocks();
        AtomicBoolean ends = new AtomicBoolean();
        List<FutureTask<Boolean>> workers = new ArrayList<>();
        for (int index = 0; index < 2; index++) {
            FutureTask<Boolean> worker = new FutureTask<>(() -> {
                while (!ends.get()) {
                    long[] blocks = Scene.blocks(heap, 20, SMALL);
                    long large = heap.malloc(LARGE);
                    for (long block : blocks) {
                        heap.free(block);
                    }
                    heap.free(large);
                }
                return true;
            });
            workers.add(worker);
            Thread.ofPlatform().start(worker);
        }
        try {
            for (int round = 0; round < 20; round++) {
                long now = heap.statistics().liveBlocks();
                if (!scene.mode().isDebug()) {
                    assertThat(now).isBetween(0L, live + 2 * 21);
                }
                assertThat(heap.snapshot()).isNotNull();
                assertThat(heap.trim(0)).isIn(true, false);
            }
        } finally {
            ends.set(true);
        }
        for (FutureTask<Boolean> worker : workers) {
            assertThat(worker.get()).isTrue();
        }
        assertThat(heap.statistics().liveBlocks()).isEqualTo(live);
    }

    private static void goBackwards(Scene scene) {
        AtomicLong clock = new AtomicLong();
        Ground.choose(new Ground(TestKernel.calls(), () -> clock.addAndGet(-1_000_000), Daemons::unstarted));
        comeAndGo(scene.heap());
        assertThat(clock).hasNegativeValue();
        scene.heap().trim(0);
        assertThat(scene.heap().statistics().liveBlocks()).isZero();
        assertThat(scene.heap().statistics().dirtyBytes()).isZero();
    }
}
