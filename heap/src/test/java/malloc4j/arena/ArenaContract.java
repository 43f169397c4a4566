package malloc4j.arena;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Timeout;

/// What the tests of the contract have in common: a heap for each, whole and without a live block afterwards.
@Timeout(120)
abstract class ArenaContract {
    final Heap heap = Heap.create(
            HeapOptions.builder().name("contract").mmapThresholdBytes(1 << 20).build());

    private final List<Arena> opened = new ArrayList<>();
    private boolean leavesBlocks; // to the collector

    /// A new arena, closed after the test if that has not.
    Arena open(ArenaKind kind) {
        Arena arena = kind.open(heap);
        opened.add(arena);
        leavesBlocks |= kind.is(ArenaKind.Trait.COLLECTED);
        return arena;
    }

    @AfterEach
    void everythingIsBackInTheHeap() {
        for (Arena arena : opened) {
            try {
                arena.close();
            } catch (UnsupportedOperationException | IllegalStateException automaticOrClosed) {
                assertThat(automaticOrClosed)
                        .as("it is automatic, or closed already")
                        .isNotNull();
            }
        }
        heap.verify();
        boolean unused = heap.trim(0); // chunks that threads keep for their confined arenas
        if (!leavesBlocks) {
            assertThat(heap.statistics().liveBlocks()).isZero();
        }
        heap.close();
        Heap.common().verify();
    }

    static void assertClosed(ThrowingCallable call) {
        assertThatThrownBy(call)
                .isExactlyInstanceOf(IllegalStateException.class)
                .hasMessage("Already closed");
    }

    static void assertOtherThread(ThrowingCallable call) {
        assertThatThrownBy(call)
                .isExactlyInstanceOf(WrongThreadException.class)
                .hasMessageContaining("outside owning thread");
    }

    /// Calls in another platform thread. Returns what that has returned, or throws what it has thrown.
    static <T extends @Nullable Object> T elsewhere(Callable<T> call) throws Exception {
        return in(Thread.ofPlatform(), call);
    }

    static <T extends @Nullable Object> T in(Thread.Builder builder, Callable<T> call) throws Exception {
        FutureTask<T> task = new FutureTask<>(call);
        builder.start(task);
        try {
            return task.get();
        } catch (ExecutionException thrown) {
            if (thrown.getCause() instanceof Error error) {
                throw error;
            }
            throw thrown.getCause() instanceof Exception exception ? exception : thrown;
        }
    }
}
