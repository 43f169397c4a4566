package malloc4j.alloc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.function.Function;
import java.util.stream.Stream;
import malloc4j.BlockMisuseException;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.MemorySource;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/// A heap is not closed under what stands on it: no program without a restricted method reaches memory that is gone.
class HeapClosingTest {
    /// Something on a heap: opened on it, allocated from, closed.
    private record Kind(String text, Function<Heap, AutoCloseable> open, Function<AutoCloseable, MemorySegment> use) {
        @Override
        public String toString() {
            return text;
        }
    }

    private static Heap heap() {
        return Heap.create(HeapOptions.builder()
                .name("below")
                .purgeDelay(Duration.ofMillis(-1))
                .build());
    }

    static Stream<Kind> kinds() {
        return Stream.of(
                arena("confined arena", Heap::ofConfined),
                arena("shared arena", Heap::ofShared),
                arena("unscoped arena", Heap::ofUnscoped),
                new Kind("pool", heap -> BlockPool.ofSize(24).confined(heap), pool -> ((BlockPool) pool).allocate()),
                new Kind("pool", heap -> BlockPool.ofSize(24).shared(heap), pool -> ((BlockPool) pool).allocate()),
                new Kind("region", heap -> Region.ofHeap(heap, 4096), region -> ((Region) region).allocate(24)),
                new Kind("stack allocator", heap -> StackAllocator.ofHeap(heap, 4096), stacks -> {
                    try (StackAllocator.Frame frame = ((StackAllocator) stacks).push()) {
                        return frame.allocate(24);
                    }
                }),
                new Kind(
                        "child heap",
                        heap -> Heap.create(HeapOptions.builder().parent(heap).build()),
                        child -> ((Heap) child).allocate(24)));
    }

    private static Kind arena(String text, Function<Heap, Arena> open) {
        return new Kind(text, open::apply, arena -> ((Arena) arena).allocate(24, 8));
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void closingIsRefusedWhileItIsOpen(Kind kind) throws Exception {
        Heap heap = heap();
        for (boolean used : new boolean[] {false, true}) {
            try (AutoCloseable one = kind.open.apply(heap);
                    AutoCloseable other = kind.open.apply(heap)) {
                if (used) {
                    assertThat(kind.use.apply(one)).isNotNull();
                    assertThat(kind.use.apply(other)).isNotNull();
                }
                assertThatIllegalStateException()
                        .isThrownBy(heap::close)
                        .withMessage("close of heap 'below': open on it: 2 " + kind + "s; close them first");
                assertThat(kind.use.apply(one)).isNotNull(); // nothing has changed
            }
        }
        heap.close();
    }

    @Test
    void eachKindIsCounted() throws Exception {
        Heap heap = heap();
        List<AutoCloseable> open = new ArrayList<>();
        kinds().forEach(kind -> open.add(kind.open.apply(heap)));
        open.add(heap.ofConfined());
        assertThatIllegalStateException()
                .isThrownBy(heap::close)
                .withMessage("close of heap 'below': open on it: 2 confined arenas, 1 shared arena, 1 unscoped arena,"
                        + " 2 pools, 1 region, 1 stack allocator, 1 child heap; close them first");
        for (AutoCloseable each : open) {
            each.close();
        }
        heap.close();
    }

    @ParameterizedTest
    @EnumSource(value = MemorySource.class, mode = EnumSource.Mode.EXCLUDE, names = "FILE")
    void closingEndsTheSegmentsOfTheHeapAndOfAutomaticArenas(MemorySource source) {
        Heap heap = Heap.create(
                HeapOptions.builder().source(source).brkClaimBytes(16 << 20).build());
        Arena automatic = heap.ofAuto();
        Arena unused = heap.ofAuto();
        Arena unscoped = heap.ofUnscoped();
        MemorySegment ofUnscoped = unscoped.allocate(8);
        unscoped.close();
        List<MemorySegment> segments = List.of(
                automatic.allocate(8),
                automatic.allocate(64 << 20),
                heap.allocate(8),
                heap.allocate(100_000),
                heap.allocateZeroed(64 << 20, 8),
                heap.segment(heap.malloc(8)),
                heap.realloc(heap.allocate(8), 100),
                ofUnscoped);
        segments.forEach(segment -> segment.set(ValueLayout.JAVA_BYTE, 0, (byte) 1));
        heap.close();
        for (MemorySegment segment : segments) {
            assertThatThrownBy(() -> segment.get(ValueLayout.JAVA_BYTE, 0)).isInstanceOf(IllegalStateException.class);
            assertThatThrownBy(() -> segment.fill((byte) 1)).isInstanceOf(IllegalStateException.class);
        }
        for (Arena arena : List.of(automatic, unused, unscoped)) {
            assertThatThrownBy(() -> arena.allocate(8)).isInstanceOf(IllegalStateException.class);
        }
    }

    @Test
    void whatIsOpenedOnAClosedHeapGivesNothingOut() {
        Heap heap = heap();
        try (Arena cached = heap.ofConfined()) {
            cached.allocate(8); // a chunk stays with the thread
        }
        heap.close();
        kinds().filter(kind -> !kind.text.equals("child heap"))
                .forEach(kind -> assertThatThrownBy(() -> kind.use.apply(kind.open.apply(heap)))
                        .isInstanceOf(IllegalStateException.class));
        assertThatThrownBy(() -> heap.ofAuto().allocate(8)).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void arenasOfOtherThreadsCountWhileTheseLive() throws Exception {
        Heap heap = heap();
        CountDownLatch opened = new CountDownLatch(2);
        CountDownLatch seen = new CountDownLatch(1);
        Runnable leak = () -> {
            heap.ofConfined().allocate(8);
            heap.ofConfined().allocate(8);
            opened.countDown();
            awaitQuietly(seen);
        };
        Thread platform = Thread.ofPlatform().start(leak);
        Thread virtual = Thread.ofVirtual().start(() -> {
            try (Arena one = heap.ofConfined();
                    Arena two = heap.ofConfined()) {
                one.allocate(8);
                two.allocate(8);
                opened.countDown();
                awaitQuietly(seen);
            }
        });
        opened.await();
        assertThatIllegalStateException().isThrownBy(heap::close).withMessageContaining("4 confined arenas;");
        seen.countDown();
        platform.join();
        virtual.join();
        heap.close(); // nobody can reach what the ended thread has left
    }

    private static void awaitQuietly(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void theHeapDoesNotFreeBlocksOfAPoolARegionOrAStack(Kind kind) throws Exception {
        if (kind.text.contains("arena") || kind.text.equals("child heap")) {
            return;
        }
        try (Heap heap = heap();
                AutoCloseable allocator = kind.open.apply(heap)) {
            long address = kind.use.apply(allocator).address();
            for (ThrowingCallable call : List.<ThrowingCallable>of(
                    () -> heap.free(address),
                    () -> heap.realloc(address, 10),
                    () -> heap.realloc(address, 100_000),
                    () -> heap.usableSize(address),
                    () -> heap.resizeInPlace(address, 1),
                    () -> heap.segment(address))) {
                assertThatThrownBy(call)
                        .isInstanceOf(BlockMisuseException.class)
                        .hasMessageMatching(".*(the block belongs to a " + kind + "|interior address: .*)");
            }
            assertThat(kind.use.apply(allocator)).isNotNull();
            heap.verify();
        }
    }

    @Test
    void theFirstOfTwoArenasMayBeClosedFirst() {
        Heap heap = heap();
        Arena first = heap.ofConfined();
        Arena second = heap.ofConfined();
        first.allocate(8);
        first.close();
        assertThatIllegalStateException().isThrownBy(heap::close).withMessageContaining("1 confined arena;");
        second.allocate(8);
        Arena third = heap.ofConfined();
        MemorySegment segment = third.allocate(8);
        heap.trim(0);
        assertThat(segment.get(ValueLayout.JAVA_BYTE, 0)).isZero();
        second.close();
        assertThatIllegalStateException().isThrownBy(heap::close).withMessageContaining("1 confined arena;");
        third.close();
        heap.close();
    }
}
