package malloc4j.arena;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import malloc4j.Heap;
import malloc4j.arena.ArenaKind.Trait;

/// What keeps an automatic arena, and what the collector does with one that nothing keeps.
class ReachabilityTest extends ArenaContract {
    private static final int TURNS = 500;

    /// What a program may have left of an arena with one segment.
    private static final List<Function<MemorySegment, Object>> LEFT = List.of(
            segment -> segment,
            segment -> segment.asSlice(100, 8),
            MemorySegment::asReadOnly,
            MemorySegment::scope,
            MemorySegment::asByteBuffer,
            segment -> segment.asByteBuffer().slice(1, 2).asReadOnlyBuffer(),
            segment -> segment.asByteBuffer().asLongBuffer());

    @ContractPoint(value = "A segment, a view, a buffer or the scope alone keeps the memory", of = Trait.COLLECTED)
    void whatIsLeftKeepsTheMemory(ArenaKind kind) throws Exception {
        for (Function<MemorySegment, Object> left : LEFT) {
            long[] address = new long[1];
            Object kept = left.apply(allocate(kind, address));
            try {
                collect();
                collect();
                assertThat(firstOf(address[0])).isEqualTo(42);
            } finally {
                Reference.reachabilityFence(kept);
            }
        }
        Arena unused = open(kind); // there are blocks left
    }

    private MemorySegment allocate(ArenaKind kind, long[] address) {
        MemorySegment segment = kind.open(heap).allocate(50_000, 8);
        segment.set(ValueLayout.JAVA_LONG, 0, 42);
        address[0] = segment.address();
        return segment;
    }

    @SuppressWarnings("restricted")
    private static long firstOf(long address) {
        return MemorySegment.ofAddress(address).reinterpret(8).get(ValueLayout.JAVA_LONG, 0);
    }

    @ContractPoint(
            value = "An arena that nothing keeps gives its memory back",
            of = {Trait.COLLECTED, Trait.HEAP})
    void whatNothingKeepsGivesItsMemoryBack(ArenaKind kind) throws Exception {
        Heap owner = kind == ArenaKind.AUTO_OF_COMMON ? Heap.common() : heap;
        long before = owner.statistics().largeBlocks();
        for (int count = 0; count < 200; count++) {
            kind.open(heap).allocate(50_000, 8).fill((byte) 1);
        }
        for (int turn = 0; turn < TURNS && owner.statistics().largeBlocks() > before; turn++) {
            collect();
        }
        assertThat(owner.statistics().largeBlocks()).isLessThanOrEqualTo(before);
        Arena unused = open(kind);
    }

    @ContractPoint(value = "What is attached to an arena that nothing keeps runs, once", of = Trait.COLLECTED_WHOLE)
    void whatIsAttachedRuns(ArenaKind kind) throws Exception {
        AtomicInteger runs = new AtomicInteger();
        attach(kind, runs);
        for (int turn = 0; turn < TURNS && runs.get() == 0; turn++) {
            collect();
        }
        collect();
        assertThat(runs).hasValue(1);
    }

    @ContractPoint(
            value =
                    "Not the JDK's: in a heap that can be closed, what is attached to an automatic arena runs when that is",
            of = {Trait.COLLECTED, Trait.HEAP},
            notOf = Trait.COLLECTED_WHOLE)
    void whatIsAttachedRunsWithTheHeap(ArenaKind kind) {
        AtomicInteger runs = new AtomicInteger();
        Arena arena;
        try (Heap own = Heap.create(heap.options())) {
            arena = kind.open(own);
            attach(arena, runs);
            own.verify();
        }
        assertThat(arena.scope().isAlive()).isFalse();
        assertThat(runs).hasValue(1);
    }

    @ContractPoint(
            value =
                    "Beyond the JDK's: closing a heap ends its automatic arenas, of which only a segment or a buffer is left",
            of = {Trait.COLLECTED, Trait.HEAP},
            notOf = Trait.COLLECTED_WHOLE)
    void closingAHeapEndsWhatIsLeftOfItsArenas(ArenaKind kind) throws Exception {
        Heap own = Heap.create(heap.options());
        MemorySegment segment = kind.open(own).allocate(50_000, 8);
        ByteBuffer buffer = kind.open(own).allocate(50_000, 8).asByteBuffer();
        collect();
        collect();
        own.close();
        assertThat(segment.scope().isAlive()).isFalse();
        assertClosed(() -> segment.get(ValueLayout.JAVA_BYTE, 0));
        assertClosed(() -> buffer.get(0));
    }

    private void attach(ArenaKind kind, AtomicInteger runs) {
        attach(kind.open(heap), runs);
    }

    @SuppressWarnings("restricted")
    private static void attach(Arena arena, AtomicInteger runs) {
        MemorySegment unused = arena.allocate(8).reinterpret(arena, segment -> runs.incrementAndGet());
    }

    /// Lets the collector run, and the thread that it tells.
    private static void collect() throws InterruptedException {
        System.gc();
        Thread.sleep(5);
    }
}
