package malloc4j.alloc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import malloc4j.BlockMisuseException;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.alloc.StackAllocator.Frame;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Random operations of one thread against an interval map; after each the allocator is verified and compared with
/// it.
class AllocatorModelTest {
    private static final int STEPS = 1_500;

    private final Heap heap = Heap.create(HeapOptions.builder().name("model").build());

    @AfterEach
    void everythingWasGivenBack() {
        assertThat(heap.statistics().liveBytes()).isZero();
        heap.close();
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16})
    void poolAgreesWithTheModel(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        try (Arena arena = Arena.ofConfined()) {
            int blockBytes = 1 + random.nextInt(300);
            int alignment = 1 << random.nextInt(9);
            BlockPool.Builder blocks =
                    BlockPool.ofSize(blockBytes).byteAlignment(alignment).initialBlocks(1 + random.nextInt(130));
            MemorySegment segment = arena.allocate(100_000);
            BlockPool pool =
                    switch ((int) seed % 4) {
                        case 0 -> blocks.confined(heap);
                        case 1 -> blocks.shared(heap);
                        case 2 -> blocks.confined(segment);
                        default -> blocks.shared(segment);
                    };
            try (pool) {
                run(pool, random, blockBytes, alignment);
            }
        }
    }

    private static void run(BlockPool pool, SplittableRandom random, int blockBytes, int alignment) {
        Intervals live = new Intervals();
        List<Long> blocks = new ArrayList<>();
        List<Long> freed = new ArrayList<>();
        int bias = 50;
        for (int step = 0; step < STEPS; step++) {
            if (step % 250 == 0) {
                bias = 20 + random.nextInt(70); // phases that grow, and that shrink
            }
            if (random.nextInt(100) < bias) {
                allocate(pool, random, live, blocks, blockBytes, alignment);
            } else if (!blocks.isEmpty()) {
                long block = blocks.remove(random.nextInt(blocks.size()));
                live.remove(block);
                pool.free(block);
                freed.add(block);
            }
            if (!freed.isEmpty() && random.nextInt(4) == 0) {
                misuse(pool, random, live, freed.get(random.nextInt(freed.size())));
            }
            pool.verify();
            assertThat(pool.liveBlocks()).isEqualTo(blocks.size()).isEqualTo(live.size());
        }
        live.checkAll();
    }

    private static void allocate(
            BlockPool pool, SplittableRandom random, Intervals live, List<Long> blocks, int blockBytes, int alignment) {
        try {
            boolean zeroed = random.nextBoolean();
            MemorySegment block = zeroed ? pool.allocateZeroed() : pool.allocate();
            if (zeroed) {
                assertThat(block.mismatch(MemorySegment.ofArray(new byte[blockBytes])))
                        .isEqualTo(-1);
            }
            live.add(block.address(), blockBytes, alignment);
            blocks.add(block.address());
        } catch (AllocatorOverflowException full) {
            assertThat(pool.liveBlocks()).isEqualTo(pool.capacity());
        }
    }

    private static void misuse(BlockPool pool, SplittableRandom random, Intervals live, long freed) {
        if (!live.contains(freed)) {
            assertThatThrownBy(() -> pool.free(freed)).isInstanceOf(BlockMisuseException.class);
        }
        long inside = freed + 1 + random.nextInt(7); // blocks lie 8 bytes apart at least
        assertThatThrownBy(() -> pool.free(inside)).isInstanceOf(BlockMisuseException.class);
    }

    // ------------------------------------------------------------------------------------------- regions and stacks

    /// What was allocated since a mark, or in a frame.
    private record Level(Object mark, List<MemorySegment> blocks) {}

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void regionAgreesWithTheModel(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        try (Arena arena = Arena.ofConfined();
                Region region = seed % 2 == 0
                        ? Region.ofHeap(heap, 64L + random.nextInt(2000))
                        : Region.ofSegment(arena.allocate(20_000))) {
            Intervals live = new Intervals();
            List<Level> levels = new ArrayList<>();
            levels.add(new Level("none", new ArrayList<>()));
            for (int step = 0; step < STEPS; step++) {
                switch (random.nextInt(20)) {
                    case 0, 1 -> levels.add(new Level(region.mark(), new ArrayList<>()));
                    case 2 -> {
                        int target = random.nextInt(levels.size());
                        if (target > 0) {
                            region.rewind((Region.Mark) levels.get(target).mark());
                            while (levels.size() > target) {
                                end(levels.removeLast(), live);
                            }
                        }
                    }
                    case 3 -> region.trim();
                    default -> {
                        int size = random.nextInt(10) == 0 ? random.nextInt(3000) : random.nextInt(60);
                        int alignment = 1 << random.nextInt(8);
                        try {
                            MemorySegment block = random.nextBoolean()
                                    ? region.allocate(size, alignment)
                                    : region.allocateZeroed(size, alignment);
                            assertThat(block.byteSize()).isEqualTo(size);
                            live.add(block.address(), size, alignment);
                            levels.getLast().blocks().add(block);
                        } catch (AllocatorOverflowException full) {
                            assertThat(region.usedBytes() + size + alignment).isGreaterThan(20_000);
                        }
                    }
                }
                region.verify();
                assertThat(region.usedBytes()).isLessThanOrEqualTo(region.capacityBytes());
                if (seed % 2 == 0) {
                    assertThat(heap.statistics().liveBytes()).isGreaterThanOrEqualTo(region.capacityBytes());
                }
            }
            live.checkAll();
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void stackAgreesWithTheModel(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        long stackBytes = 500L + random.nextInt(4000);
        try (Arena arena = Arena.ofConfined();
                StackAllocator stacks = seed % 2 == 0
                        ? StackAllocator.ofHeap(heap, stackBytes)
                        : StackAllocator.ofSegment(arena.allocate(stackBytes, 1), stackBytes)) {
            Intervals live = new Intervals();
            List<Level> levels = new ArrayList<>();
            for (int step = 0; step < STEPS; step++) {
                int choice = random.nextInt(20);
                if (choice < 3 || levels.isEmpty()) {
                    levels.add(new Level(stacks.push(), new ArrayList<>()));
                } else if (choice < 5) {
                    ((Frame) levels.getLast().mark()).close();
                    end(levels.removeLast(), live);
                } else if (choice < 7) {
                    Frame any =
                            (Frame) levels.get(random.nextInt(levels.size())).mark();
                    if (any != levels.getLast().mark()) {
                        assertThatIllegalStateException().isThrownBy(any::close);
                        assertThatIllegalStateException().isThrownBy(() -> any.allocate(1, 1));
                    }
                } else {
                    allocate(stacks, random, live, levels.getLast(), stackBytes);
                }
                stacks.verify();
            }
            live.checkAll();
            while (!levels.isEmpty()) {
                ((Frame) levels.getLast().mark()).close();
                end(levels.removeLast(), live);
            }
            assertThat(live.size()).isZero();
        }
    }

    private static void allocate(
            StackAllocator stacks, SplittableRandom random, Intervals live, Level level, long stackBytes) {
        Frame frame = (Frame) level.mark();
        int size = random.nextInt(100);
        int alignment = 1 << random.nextInt(8);
        long used = frame.usedBytes();
        try {
            MemorySegment block =
                    switch (random.nextInt(3)) {
                        case 0 -> frame.allocate(size, alignment);
                        case 1 -> frame.allocateZeroed(size, alignment);
                        default -> stacks.allocate(size, alignment);
                    };
            assertThat(block.byteSize()).isEqualTo(size);
            live.add(block.address(), size, alignment);
            level.blocks().add(block);
        } catch (AllocatorOverflowException full) {
            assertThat(full.usedBytes() + size + alignment).isGreaterThan(stackBytes);
            assertThat(frame.usedBytes()).isEqualTo(used);
        }
    }

    /// Every block of a level that has ended throws, and had kept its contents until then.
    private static void end(Level level, Intervals live) {
        for (MemorySegment block : level.blocks()) {
            if (block.byteSize() > 0) {
                live.remove(block.address());
                assertThatIllegalStateException().isThrownBy(() -> block.get(ValueLayout.JAVA_BYTE, 0));
            }
        }
    }
}
