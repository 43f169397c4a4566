package malloc4j.arena;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import malloc4j.arena.ArenaKind.Trait;
import org.jspecify.annotations.Nullable;

/// How long an arena and its segments live, and what ends them.
class LifetimeTest extends ArenaContract {
    @ContractPoint("An arena is alive until it is closed")
    void anArenaIsAliveUntilItIsClosed(ArenaKind kind) {
        Arena arena = open(kind);
        MemorySegment segment = arena.allocate(16, 8);
        assertThat(arena.scope().isAlive()).isTrue();
        assertThat(segment.scope().isAlive()).isTrue();
    }

    @ContractPoint(value = "Closing ends the scope", of = Trait.ENDING)
    void closingEndsTheScope(ArenaKind kind) {
        Arena arena = open(kind);
        MemorySegment.Scope scope = arena.allocate(8).scope();
        arena.close();
        assertThat(arena.scope().isAlive()).isFalse();
        assertThat(scope.isAlive()).isFalse();
    }

    @ContractPoint(value = "Closing ends each segment, and every view of one", of = Trait.ENDING)
    void closingEndsEveryView(ArenaKind kind) {
        Arena arena = open(kind);
        List<MemorySegment> segments = new ArrayList<>();
        for (long byteSize : new long[] {8, 100, 5_000, 100_000, 3 << 20}) {
            MemorySegment segment = arena.allocate(byteSize, 8);
            segments.add(segment);
            segments.add(segment.asSlice(4, 4));
            segments.add(segment.asReadOnly());
            segments.add(MemorySegment.ofBuffer(segment.asByteBuffer()));
        }
        ByteBuffer buffer = segments.getFirst().asByteBuffer().slice(1, 2);
        arena.close();
        for (MemorySegment dead : segments) {
            assertClosed(() -> dead.get(ValueLayout.JAVA_BYTE, 0));
            assertThat(dead.scope().isAlive()).isFalse();
        }
        assertClosed(() -> buffer.get(0));
        assertClosed(() -> segments.getFirst().fill((byte) 1));
        assertClosed(() -> MemorySegment.copy(
                segments.getFirst(),
                0,
                MemorySegment.ofArray(new byte[8]),
                0,
                segments.getFirst().byteSize()));
    }

    @ContractPoint(value = "Not the JDK's: closing an unscoped arena ends no segment", of = Trait.UNSCOPED)
    void closingAnUnscopedArenaEndsNoSegment(ArenaKind kind) {
        Arena arena = open(kind);
        MemorySegment segment = arena.allocate(16, 8);
        arena.close();
        assertThat(segment.scope().isAlive()).isTrue();
        assertThat(arena.scope().isAlive()).isTrue();
    }

    @ContractPoint(value = "A closed arena cannot be closed again", of = Trait.CLOSEABLE)
    void aClosedArenaCannotBeClosedAgain(ArenaKind kind) {
        for (int blocks = 0; blocks < 3; blocks++) {
            Arena arena = open(kind);
            for (int block = 0; block < blocks; block++) {
                arena.allocate(5_000);
            }
            arena.close();
            assertClosed(arena::close);
            assertClosed(arena::close);
        }
    }

    @ContractPoint(value = "A closed arena allocates nothing, of whatever size", of = Trait.CLOSEABLE)
    void aClosedArenaAllocatesNothing(ArenaKind kind) {
        Arena arena = open(kind);
        arena.allocate(8);
        arena.close();
        for (long byteSize : new long[] {0, 1, 8, 5_000, 100_000, 3 << 20, Long.MAX_VALUE}) {
            assertClosed(() -> arena.allocate(byteSize, 64));
        }
        assertClosed(() -> arena.allocate(ValueLayout.JAVA_INT));
        assertClosed(() -> arena.allocate(ValueLayout.JAVA_INT, 4));
        assertClosed(() -> arena.allocateFrom("text"));
        assertClosed(() -> arena.allocateFrom(ValueLayout.JAVA_INT, 1, 2));
        assertClosed(() -> arena.allocateFrom(ValueLayout.JAVA_LONG, 3));
    }

    @ContractPoint(
            value = "Who closes an arena that only the collector ends is refused, and nothing changes",
            notOf = Trait.CLOSEABLE)
    void anAutomaticArenaIsNotClosed(ArenaKind kind) {
        Arena arena = open(kind);
        MemorySegment segment = arena.allocate(8, 8);
        assertThatThrownBy(arena::close)
                .isExactlyInstanceOf(UnsupportedOperationException.class)
                .hasMessage("Attempted to close a non-closeable session");
        assertThat(segment.get(ValueLayout.JAVA_LONG, 0)).isZero();
        assertThat(arena.allocate(8).byteSize()).isEqualTo(8);
    }

    @ContractPoint(value = "try-with-resources closes it, also when the body throws", of = Trait.ENDING)
    void tryWithResourcesClosesIt(ArenaKind kind) {
        List<MemorySegment> segments = new ArrayList<>();
        assertThatThrownBy(() -> {
                    try (Arena arena = open(kind)) {
                        segments.add(arena.allocate(8));
                        throw new IllegalArgumentException("body");
                    }
                })
                .hasMessage("body");
        assertThat(segments.getFirst().scope().isAlive()).isFalse();
    }

    @ContractPoint(value = "What is attached to an arena ends with it, once", of = Trait.ENDING)
    void whatIsAttachedEndsWithIt(ArenaKind kind) {
        Arena arena = open(kind);
        AtomicInteger runs = new AtomicInteger();
        attach(arena, arena.allocate(8), at -> runs.incrementAndGet());
        attach(arena, MemorySegment.NULL, at -> runs.incrementAndGet());
        assertThat(runs).hasValue(0);
        arena.close();
        assertClosed(arena::close);
        assertThat(runs).hasValue(2);
    }

    @ContractPoint(
            value = "Beyond the JDK's: what is attached finds the memory still there",
            of = {Trait.ENDING, Trait.HEAP})
    void whatIsAttachedFindsTheMemory(ArenaKind kind) {
        Arena arena = open(kind);
        AtomicInteger sum = new AtomicInteger();
        for (int byteSize = 8; byteSize < 3 << 20; byteSize *= 4) {
            MemorySegment segment = arena.allocate(byteSize, 8);
            segment.set(ValueLayout.JAVA_LONG, 0, 7);
            attach(arena, segment, at -> sum.addAndGet((int) at.get(ValueLayout.JAVA_LONG, 0)));
        }
        arena.close();
        assertThat(sum).hasValue(7 * 10);
    }

    @ContractPoint(
            value = "An arena is closed when what is attached to it throws, and the rest of that runs",
            of = Trait.ENDING)
    void anActionThatThrowsEndsTheArena(ArenaKind kind) {
        Arena arena = open(kind);
        AtomicInteger runs = new AtomicInteger();
        MemorySegment segment = arena.allocate(5_000, 8);
        attach(arena, segment, at -> runs.incrementAndGet());
        attach(arena, segment, at -> {
            throw new IllegalArgumentException("action");
        });
        attach(arena, segment, at -> runs.incrementAndGet());
        assertThatThrownBy(arena::close).hasMessage("action");
        assertThat(runs).hasValue(2);
        assertThat(arena.scope().isAlive()).isFalse();
    }

    @ContractPoint(
            value = "While it ends, it is closed already: it allocates nothing and is not closed again",
            of = Trait.ENDING)
    void anActionFindsTheArenaClosed(ArenaKind kind) {
        Arena arena = open(kind);
        AtomicInteger refused = new AtomicInteger();
        attach(arena, arena.allocate(8), at -> {
            assertThat(arena.scope().isAlive()).isFalse();
            assertClosed(() -> arena.allocate(8));
            assertClosed(() -> arena.allocate(100_000));
            assertClosed(arena::close);
            refused.incrementAndGet();
        });
        arena.close();
        assertThat(refused).hasValue(1);
    }

    @ContractPoint(value = "What is attached may open, use and close other arenas, 500 deep", of = Trait.ENDING)
    void anActionMayUseOtherArenas(ArenaKind kind) {
        AtomicInteger closed = new AtomicInteger();
        closeOneWithin(kind, 500, closed);
        assertThat(closed).hasValue(500);
    }

    private void closeOneWithin(ArenaKind kind, int depth, AtomicInteger closed) {
        if (depth == 0) {
            return;
        }
        Arena arena = kind.open(heap);
        attach(arena, arena.allocate(depth * 10L, 8), at -> closeOneWithin(kind, depth - 1, closed));
        arena.close();
        closed.incrementAndGet();
    }

    @ContractPoint(
            value = "A close within a native call that uses a segment is refused; after the call it closes",
            of = Trait.ENDING)
    void aNativeCallKeepsItOpen(ArenaKind kind) throws Throwable {
        Arena arena = open(kind);
        MemorySegment numbers = arena.allocateFrom(ValueLayout.JAVA_INT, 2, 1);
        @Nullable Throwable thrown = closeWithinNativeCall(arena, numbers);
        assertThat(thrown).isExactlyInstanceOf(IllegalStateException.class);
        assertThat(thrown).hasMessageContaining("acquired");
        assertThat(numbers.get(ValueLayout.JAVA_INT, 0)).isEqualTo(1);
        assertThat(arena.allocate(100_000).byteSize()).isEqualTo(100_000);
        arena.close();
        assertThat(arena.scope().isAlive()).isFalse();
    }

    @ContractPoint(value = "Not the JDK's: a native call does not keep an unscoped arena open", of = Trait.UNSCOPED)
    void aNativeCallDoesNotKeepAnUnscopedArenaOpen(ArenaKind kind) throws Throwable {
        Arena arena = open(kind);
        MemorySegment other = heap.allocate(8, 8);
        other.setAtIndex(ValueLayout.JAVA_INT, 0, 2);
        other.setAtIndex(ValueLayout.JAVA_INT, 1, 1);
        assertThat(closeWithinNativeCall(arena, other)).isNull();
        assertClosed(arena::close);
        heap.free(other);
    }

    /// Closes an arena in the comparator of a `qsort` of two numbers. Returns what that has thrown, null if nothing.
    @SuppressWarnings("restricted")
    private static @Nullable Throwable closeWithinNativeCall(Arena arena, MemorySegment numbers) throws Throwable {
        Linker linker = Linker.nativeLinker();
        Closer closer = new Closer(arena);
        MethodHandle compare = MethodHandles.lookup()
                .bind(closer, "compare", MethodType.methodType(int.class, MemorySegment.class, MemorySegment.class));
        try (Arena stubs = Arena.ofConfined()) {
            MemorySegment comparator = linker.upcallStub(
                    compare,
                    FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.ADDRESS),
                    stubs);
            MethodHandle qsort = linker.downcallHandle(
                    linker.defaultLookup().findOrThrow("qsort"),
                    FunctionDescriptor.ofVoid(
                            ValueLayout.ADDRESS, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG, ValueLayout.ADDRESS));
            qsort.invokeExact(numbers, 2L, 4L, comparator);
        }
        return closer.thrown;
    }

    /// A comparator that says that the first is the larger.
    private static final class Closer {
        private final Arena arena;

        @Nullable
        Throwable thrown;

        Closer(Arena arena) {
            this.arena = arena;
        }

        @SuppressWarnings("unused") // by the upcall
        int compare(MemorySegment one, MemorySegment other) {
            try {
                arena.close();
            } catch (Throwable refused) {
                thrown = refused;
            }
            return 1;
        }
    }

    @SuppressWarnings("restricted")
    private static void attach(Arena arena, MemorySegment segment, Consumer<MemorySegment> action) {
        MemorySegment unused = segment.reinterpret(arena, action);
    }
}
