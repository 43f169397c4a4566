package malloc4j.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.MemorySource;
import malloc4j.observe.HeapStatistics;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.Tuple;
import net.jqwik.api.state.Action;
import net.jqwik.api.state.ActionChain;
import net.jqwik.api.state.ActionChainArbitrary;
import net.jqwik.api.state.Transformer;

/// Random operations of one thread against an interval map; after each the heap is verified and its statistics are
/// compared with the map.
class HeapModelTest {
    private static final long MMAP_THRESHOLD = 1 << 20;
    private static final int MAX_LIVE = 64;

    @Property(tries = 400)
    void mappedHeapAgreesWithTheModel(@ForAll("mappedHeap") ActionChain<Model> chain) {
        chain.run().close();
    }

    @Property(tries = 100)
    void breakHeapAgreesWithTheModel(@ForAll("breakHeap") ActionChain<Model> chain) {
        chain.run().close();
    }

    @Property(tries = 100)
    void sharedMemoryHeapAgreesWithTheModel(@ForAll("sharedMemoryHeap") ActionChain<Model> chain) {
        chain.run().close();
    }

    @Provide
    ActionChainArbitrary<Model> mappedHeap() {
        return chain(MemorySource.MMAP);
    }

    @Provide
    ActionChainArbitrary<Model> breakHeap() {
        return chain(MemorySource.BRK);
    }

    @Provide
    ActionChainArbitrary<Model> sharedMemoryHeap() {
        return chain(MemorySource.SHARED_MEMORY);
    }

    private static ActionChainArbitrary<Model> chain(MemorySource source) {
        return ActionChain.startWith(() -> new Model(source))
                .withAction(6, action(sizes().map(size -> step("malloc " + size, model -> model.malloc(size)))))
                .withAction(3, action(sizes().map(size -> step("calloc " + size, model -> model.calloc(size)))))
                .withAction(
                        2,
                        action(Combinators.combine(alignments(), sizes())
                                .as((alignment, size) -> step(
                                        "alignedAlloc " + alignment + " " + size,
                                        model -> model.alignedAlloc(alignment, size)))))
                .withAction(
                        6,
                        action(Combinators.combine(choices(), sizes())
                                .as((choice, size) ->
                                        step("realloc " + choice + " " + size, model -> model.realloc(choice, size)))))
                .withAction(7, action(choices().map(choice -> step("free " + choice, model -> model.free(choice)))))
                .withAction(1, action(choices().map(keep -> step("trim " + keep, model -> model.trim(keep)))))
                .withMaxTransformations(120);
    }

    private static Action.Independent<Model> action(Arbitrary<Transformer<Model>> transformers) {
        return () -> transformers;
    }

    private static Transformer<Model> step(String label, Consumer<Model> operation) {
        return Transformer.mutate(label, model -> {
            operation.accept(model);
            model.verify();
        });
    }

    private static Arbitrary<Long> sizes() {
        return Arbitraries.frequencyOf(
                Tuple.of(8, Arbitraries.longs().between(0, 1024)),
                Tuple.of(4, Arbitraries.longs().between(1024, 32_768)),
                Tuple.of(3, Arbitraries.longs().between(32_769, MMAP_THRESHOLD - 1)),
                Tuple.of(1, Arbitraries.longs().between(MMAP_THRESHOLD, 6 << 20)));
    }

    private static Arbitrary<Long> alignments() {
        return Arbitraries.integers().between(0, 22).map(shift -> 1L << shift);
    }

    private static Arbitrary<Integer> choices() {
        return Arbitraries.integers().between(0, 1 << 20);
    }

    /// The heap, and what it must hold.
    static final class Model {
        private record Block(long address, long byteSize, long seed) {}

        private final Heap heap;
        private final List<Block> blocks = new ArrayList<>();
        private final TreeMap<Long, Long> intervals = new TreeMap<>();
        private long nextSeed;

        Model(MemorySource source) {
            heap = Heap.create(HeapOptions.builder()
                    .name("model")
                    .source(source)
                    .mmapThresholdBytes(MMAP_THRESHOLD)
                    .brkClaimBytes(16 << 20)
                    .purgeDelay(Duration.ofMillis(-1))
                    .build());
        }

        void malloc(long byteSize) {
            if (blocks.size() < MAX_LIVE) {
                admit(heap.malloc(byteSize), byteSize);
            }
        }

        void calloc(long byteSize) {
            if (blocks.size() < MAX_LIVE) {
                long count = byteSize % 3 == 0 ? 3 : 1;
                long address = heap.calloc(count, byteSize / count);
                Pattern.checkZero(address, byteSize);
                admit(address, byteSize);
            }
        }

        void alignedAlloc(long byteAlignment, long byteSize) {
            if (blocks.size() < MAX_LIVE) {
                long address = heap.alignedAlloc(byteAlignment, byteSize);
                assertThat(address % byteAlignment).isZero();
                admit(address, byteSize);
            }
        }

        void realloc(int choice, long byteSize) {
            if (blocks.isEmpty()) {
                admit(heap.realloc(0, byteSize), byteSize);
                return;
            }
            Block block = dismiss(choice);
            long address = heap.realloc(block.address(), byteSize);
            Pattern.check(address, Math.min(byteSize, block.byteSize()), block.byteSize(), block.seed());
            admit(address, byteSize);
        }

        void free(int choice) {
            if (!blocks.isEmpty()) {
                heap.free(dismiss(choice).address());
            }
        }

        void trim(int keepBytes) {
            heap.trim(keepBytes);
            for (Block block : blocks) {
                Pattern.check(block.address(), block.byteSize(), block.byteSize(), block.seed());
            }
        }

        private void admit(long address, long byteSize) {
            long usable = heap.usableSize(address);
            assertThat(usable).isGreaterThanOrEqualTo(byteSize);
            assertThat(address % 16).isZero();
            Map.Entry<Long, Long> lower = intervals.floorEntry(address);
            Long higher = intervals.ceilingKey(address);
            assertThat(lower == null || lower.getKey() + lower.getValue() <= address)
                    .as("%s does not reach into 0x%x", lower, address)
                    .isTrue();
            assertThat(higher == null || address + usable <= higher)
                    .as("0x%x of %d bytes does not reach into %s", address, usable, higher)
                    .isTrue();
            intervals.put(address, usable);
            Block block = new Block(address, byteSize, nextSeed++);
            Pattern.write(address, byteSize, block.seed());
            blocks.add(block);
        }

        private Block dismiss(int choice) {
            Block block = blocks.remove(choice % blocks.size());
            Pattern.check(block.address(), block.byteSize(), block.byteSize(), block.seed());
            assertThat(intervals.remove(block.address())).isEqualTo(heap.usableSize(block.address()));
            return block;
        }

        void verify() {
            heap.verify();
            HeapStatistics now = heap.statistics();
            assertThat(now.liveBlocks()).isEqualTo(blocks.size());
            assertThat(now.liveBytes())
                    .isEqualTo(intervals.values().stream()
                            .mapToLong(Long::longValue)
                            .sum());
            assertThat(now.committedBytes())
                    .isBetween(now.liveBytes(), now.spanBytes() + now.dirtyBytes() + now.hugeBytes());
            assertThat(now.liveBytes()).isLessThanOrEqualTo(now.spanBytes() + now.hugeBytes());
            assertThat(now.committedBytes()).isLessThanOrEqualTo(now.reservedBytes());
        }

        void close() {
            while (!blocks.isEmpty()) {
                free(0);
            }
            heap.trim(0);
            verify();
            HeapStatistics now = heap.statistics();
            assertThat(now.spanBytes()).as("bytes in spans without any block").isZero();
            assertThat(now.committedBytes()).isZero();
            heap.close();
        }
    }
}
