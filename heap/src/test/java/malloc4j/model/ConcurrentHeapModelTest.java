package malloc4j.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.Phaser;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.LongAdder;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.MemorySource;
import malloc4j.observe.HeapStatistics;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Random operations of several threads on one heap, against one map of all live intervals.
///
/// ```
/// worker   its own blocks: malloc, calloc, alignedAlloc, realloc, free; hands some over
///            |  inbox  ^
///            v         |
/// worker   frees what it was handed, or keeps it
/// ```
///
/// A block is taken out of the map before it is freed and put in when it was given out: two blocks that overlap, or a
/// block given out twice, cannot escape. After each round all workers stand at a barrier; there the heap is verified
/// and its statistics are compared with the map. After some rounds the workers end and new threads take their caches
/// over. A million operations, and ten with `-Dtest.long=true`, as `-Pproof` has it.
@Tag("proof")
class ConcurrentHeapModelTest {
    private static final long MMAP_THRESHOLD = 1L << 20;
    private static final int PLATFORM_WORKERS = 4;
    private static final int VIRTUAL_WORKERS = 2;
    private static final int WORKERS = PLATFORM_WORKERS + VIRTUAL_WORKERS;
    private static final int MAX_LIVE = 1500;
    private static final int MILLIONS = Boolean.getBoolean("test.long") ? 10 : 1;

    @Test
    void millionsOfOperationsKeepEveryBlockApart() {
        try (Heap heap = heap(MemorySource.MMAP)) {
            assertThat(new Model(heap, 1).run(6, 5, 6 * MILLIONS * 1_000))
                    .isGreaterThanOrEqualTo(MILLIONS * 1_000_000L);
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = MemorySource.class,
            names = {"BRK", "SHARED_MEMORY", "HUGE", "HUGETLB"})
    void everySourceKeepsEveryBlockApart(MemorySource source) {
        try (Heap heap = heap(source)) {
            assertThat(new Model(heap, source.name().hashCode()).run(2, 3, 12_000))
                    .isGreaterThanOrEqualTo(400_000);
        }
    }

    private static Heap heap(MemorySource source) {
        return Heap.create(HeapOptions.builder()
                .name("model-" + source)
                .source(source)
                .mmapThresholdBytes(MMAP_THRESHOLD)
                .brkClaimBytes(64L << 20)
                .purgeDelay(Duration.ofMillis(50))
                .build());
    }

    private record Block(long address, long byteSize, long seed) {}

    private static final class Model {
        private final Heap heap;
        private final SplittableRandom seeds;
        private final ConcurrentSkipListMap<Long, Long> intervals = new ConcurrentSkipListMap<>();
        private final List<ConcurrentLinkedQueue<Block>> inboxes = new ArrayList<>();
        private final List<List<Block>> owned = new ArrayList<>();
        private final LongAdder operations = new LongAdder();
        private final AtomicReference<Throwable> failure = new AtomicReference<>();

        Model(Heap heap, long seed) {
            this.heap = heap;
            this.seeds = new SplittableRandom(seed);
            for (int worker = 0; worker < WORKERS; worker++) {
                inboxes.add(new ConcurrentLinkedQueue<>());
                owned.add(new ArrayList<>());
            }
        }

        /// Runs it all, frees what is left, and returns how many operations were done.
        long run(int generations, int rounds, int operationsEach) {
            for (int generation = 0; generation < generations; generation++) {
                runGeneration(rounds, operationsEach);
            }
            inboxes.forEach(inbox -> inbox.forEach(this::release));
            owned.forEach(blocks -> blocks.forEach(this::release));
            assertThat(intervals).isEmpty();
            verify();
            return operations.sum();
        }

        private void runGeneration(int rounds, int operationsEach) {
            Phaser barrier = new Phaser(WORKERS) {
                @Override
                protected boolean onAdvance(int phase, int registeredParties) {
                    verify();
                    return false;
                }
            };
            List<Thread> threads = new ArrayList<>();
            for (int index = 0; index < WORKERS; index++) {
                Worker worker = new Worker(index, seeds.split(), barrier, rounds, operationsEach);
                Thread.Builder builder = index < PLATFORM_WORKERS ? Thread.ofPlatform() : Thread.ofVirtual();
                threads.add(builder.name("model-" + index).start(worker));
            }
            for (Thread thread : threads) {
                try {
                    thread.join();
                } catch (InterruptedException interrupted) {
                    throw new AssertionError(interrupted);
                }
            }
            Throwable failed = failure.get();
            if (failed != null) {
                throw new AssertionError(failed);
            }
        }

        private void verify() {
            heap.verify();
            HeapStatistics now = heap.statistics();
            assertThat(now.liveBlocks()).as("liveBlocks").isEqualTo(intervals.size());
            assertThat(now.liveBytes())
                    .as("liveBytes")
                    .isEqualTo(intervals.values().stream()
                            .mapToLong(Long::longValue)
                            .sum());
            for (int attempt = 0; now.committedBytes() > committed(now) && attempt < 100; attempt++) {
                now = heap.statistics(); // the purger gave pages back between one count and the other
            }
            assertThat(now.committedBytes()).as("committedBytes").isBetween(now.liveBytes(), committed(now));
        }

        private static long committed(HeapStatistics now) {
            return now.spanBytes() + now.dirtyBytes() + now.hugeBytes();
        }

        /// Notes a block that was given out; both of two blocks that overlap are in the map when they are compared.
        Block admit(long address, long byteSize, long seed) {
            long usable = heap.usableSize(address);
            if (usable < byteSize || (address & 15) != 0) {
                throw new AssertionError(byteSize + " bytes at 0x" + Long.toHexString(address) + " has " + usable);
            }
            Long twice = intervals.putIfAbsent(address, usable);
            Map.Entry<Long, Long> lower = intervals.lowerEntry(address);
            Long higher = intervals.higherKey(address);
            if (twice != null
                    || (lower != null && lower.getKey() + lower.getValue() > address)
                    || (higher != null && address + usable > higher)) {
                throw new AssertionError("0x" + Long.toHexString(address) + " of " + usable + " bytes overlaps: twice "
                        + twice + ", lower " + lower + ", higher " + higher);
            }
            Pattern.write(address, byteSize, seed);
            return new Block(address, byteSize, seed);
        }

        void dismiss(Block block) {
            Pattern.check(block.address(), block.byteSize(), block.byteSize(), block.seed());
            Long usable = intervals.remove(block.address());
            if (usable == null || heap.usableSize(block.address()) != usable) {
                throw new AssertionError("0x" + Long.toHexString(block.address()) + " is not what it was: " + usable);
            }
        }

        void release(Block block) {
            dismiss(block);
            heap.free(block.address());
        }

        private final class Worker implements Runnable {
            private final int index;
            private final SplittableRandom random;
            private final Phaser barrier;
            private final int rounds;
            private final int operationsEach;
            private final List<Block> blocks;

            Worker(int index, SplittableRandom random, Phaser barrier, int rounds, int operationsEach) {
                this.index = index;
                this.random = random;
                this.barrier = barrier;
                this.rounds = rounds;
                this.operationsEach = operationsEach;
                this.blocks = owned.get(index);
            }

            @Override
            public void run() {
                try {
                    for (int round = 0; round < rounds; round++) {
                        for (int count = 0; count < operationsEach; count++) {
                            step();
                        }
                        operations.add(operationsEach);
                        if (barrier.arriveAndAwaitAdvance() < 0) {
                            return; // another worker has failed
                        }
                    }
                } catch (Throwable failed) {
                    failure.compareAndSet(null, failed);
                    barrier.forceTermination();
                }
            }

            private void step() {
                int dice = random.nextInt(100);
                boolean full = blocks.size() >= MAX_LIVE;
                if (blocks.isEmpty() || (dice < 35 && !full)) {
                    allocate();
                } else if (dice < 42 && !full) {
                    callocate();
                } else if (dice < 45 && !full) {
                    allocateAligned();
                } else if (dice < 52) {
                    reallocate();
                } else if (dice < 62) {
                    Block block = takeAny();
                    inboxes.get(random.nextInt(WORKERS)).add(block);
                } else if (dice < 76) {
                    receive();
                } else if (dice < 99 || random.nextInt(200) != 0) {
                    release(takeAny());
                } else {
                    heap.trim(random.nextInt(1 << 20));
                }
            }

            private long anySize() {
                int dice = random.nextInt(1000);
                int limit = dice < 700 ? 512 : dice < 900 ? 4096 : dice < 985 ? 40_000 : dice < 999 ? 300_000 : 3 << 20;
                return random.nextInt(limit);
            }

            private Block takeAny() {
                int at = random.nextInt(blocks.size());
                Block last = blocks.removeLast();
                return at == blocks.size() ? last : blocks.set(at, last);
            }

            private void allocate() {
                long byteSize = anySize();
                blocks.add(admit(heap.malloc(byteSize), byteSize, random.nextLong()));
            }

            private void callocate() {
                long byteSize = anySize();
                long address = heap.calloc(1, byteSize);
                Pattern.checkZero(address, byteSize);
                blocks.add(admit(address, byteSize, random.nextLong()));
            }

            private void allocateAligned() {
                long byteSize = anySize();
                long byteAlignment = 1L << random.nextInt(18);
                long address = heap.alignedAlloc(byteAlignment, byteSize);
                if ((address & (byteAlignment - 1)) != 0) {
                    throw new AssertionError("0x" + Long.toHexString(address) + " is not aligned to " + byteAlignment);
                }
                blocks.add(admit(address, byteSize, random.nextLong()));
            }

            private void reallocate() {
                Block block = takeAny();
                dismiss(block);
                long byteSize = anySize();
                long address = heap.realloc(block.address(), byteSize);
                Pattern.check(address, Math.min(byteSize, block.byteSize()), block.byteSize(), block.seed());
                blocks.add(admit(address, byteSize, random.nextLong()));
            }

            private void receive() {
                Block block = inboxes.get(index).poll();
                if (block != null && blocks.size() < MAX_LIVE && random.nextInt(8) == 0) {
                    blocks.add(block);
                } else if (block != null) {
                    release(block);
                }
            }
        }
    }
}
