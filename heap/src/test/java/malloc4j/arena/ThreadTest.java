package malloc4j.arena;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import malloc4j.arena.ArenaKind.Trait;

/// Which threads may use an arena and its segments.
class ThreadTest extends ArenaContract {
    private static final int MANY = 2_000;

    @ContractPoint(value = "A confined arena's segments are for its thread alone", of = Trait.CONFINED)
    void segmentsOfAConfinedArenaAreForItsThread(ArenaKind kind) throws Exception {
        Arena arena = open(kind);
        MemorySegment segment = arena.allocate(16, 8);
        assertThat(segment.isAccessibleBy(Thread.currentThread())).isTrue();
        assertThat(segment.isAccessibleBy(Thread.ofVirtual().unstarted(() -> {})))
                .isFalse();
        Boolean done = elsewhere(() -> {
            assertOtherThread(() -> segment.get(ValueLayout.JAVA_LONG, 0));
            assertOtherThread(() -> segment.asSlice(8, 8).set(ValueLayout.JAVA_LONG, 0, 1));
            assertOtherThread(() -> segment.asByteBuffer().get(0));
            assertOtherThread(() -> segment.fill((byte) 1));
            return true;
        });
        assertThat(done).isTrue();
        assertThat(segment.get(ValueLayout.JAVA_LONG, 8)).isZero();
    }

    @ContractPoint(
            value = "Another thread neither allocates from a confined arena nor closes it, in any way",
            of = Trait.CONFINED)
    void anotherThreadDoesNotUseAConfinedArena(ArenaKind kind) throws Exception {
        Arena arena = open(kind);
        Boolean done = elsewhere(() -> {
            for (long byteSize : new long[] {0, 8, 5_000, 100_000, 3 << 20}) {
                assertOtherThread(() -> arena.allocate(byteSize, 8));
            }
            assertOtherThread(() -> arena.allocateFrom("text"));
            assertOtherThread(() -> arena.allocateFrom(ValueLayout.JAVA_INT, 1, 2));
            assertOtherThread(arena::close);
            return arena.scope().isAlive();
        });
        assertThat(done).isTrue();
        assertThat(arena.allocate(8).byteSize()).isEqualTo(8);
    }

    @ContractPoint(
            value = "What is refused first: the arguments, then the thread, then that it is closed",
            of = Trait.CONFINED)
    void theOrderInWhichThingsAreRefused(ArenaKind kind) throws Exception {
        Arena arena = open(kind);
        arena.close();
        Boolean done = elsewhere(() -> {
            assertThatThrownBy(() -> arena.allocate(-1, 8)).isExactlyInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> arena.allocate(8, 3)).isExactlyInstanceOf(IllegalArgumentException.class);
            assertOtherThread(() -> arena.allocate(8, 8));
            assertOtherThread(arena::close);
            return true;
        });
        assertThat(done).isTrue();
        assertThatThrownBy(() -> arena.allocate(-1, 8)).isExactlyInstanceOf(IllegalArgumentException.class);
        assertClosed(() -> arena.allocate(8, 8));
    }

    @ContractPoint(
            value = "A virtual thread has a confined arena as any other, wherever it is carried",
            of = Trait.CONFINED)
    void aVirtualThreadHasAConfinedArena(ArenaKind kind) throws Exception {
        Boolean done = in(Thread.ofVirtual(), () -> {
            try (Arena arena = kind.open(heap)) {
                MemorySegment first = arena.allocate(ValueLayout.JAVA_LONG);
                for (int turn = 0; turn < 20; turn++) {
                    Thread.sleep(0, 1000);
                    first.set(ValueLayout.JAVA_LONG, 0, turn);
                    arena.allocate(turn * 100L, 8).fill((byte) -1);
                }
                elsewhere(() -> {
                    assertOtherThread(() -> arena.allocate(8));
                    return true;
                });
                return first.get(ValueLayout.JAVA_LONG, 0) == 19;
            }
        });
        assertThat(done).isTrue();
    }

    @ContractPoint(value = "Any thread uses the other arenas and their segments, a virtual one too", of = Trait.OPEN)
    void anyThreadUsesTheOthers(ArenaKind kind) throws Exception {
        Arena arena = open(kind);
        MemorySegment ours = arena.allocate(ValueLayout.JAVA_LONG);
        for (Thread.Builder builder : List.of(Thread.ofPlatform(), Thread.ofVirtual())) {
            MemorySegment theirs = in(builder, () -> {
                assertThat(ours.isAccessibleBy(Thread.currentThread())).isTrue();
                ours.set(ValueLayout.JAVA_LONG, 0, 5);
                return arena.allocateFrom(ValueLayout.JAVA_LONG, 6);
            });
            assertThat(ours.get(ValueLayout.JAVA_LONG, 0)).isEqualTo(5);
            assertThat(theirs.get(ValueLayout.JAVA_LONG, 0)).isEqualTo(6);
            ours.set(ValueLayout.JAVA_LONG, 0, 0);
        }
    }

    @ContractPoint(value = "Segments that 2,000 threads allocate at once do not overlap", of = Trait.OPEN)
    void manyThreadsAllocateAtOnce(ArenaKind kind) throws Exception {
        Arena arena = open(kind);
        List<Future<MemorySegment>> futures = new ArrayList<>();
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            for (int index = 0; index < MANY; index++) {
                long mark = index;
                futures.add(threads.submit(() -> {
                    MemorySegment segment = arena.allocate(8 + 8 * (mark % 100), 8);
                    for (long at = 0; at < segment.byteSize(); at += 8) {
                        segment.set(ValueLayout.JAVA_LONG, at, mark);
                    }
                    return segment;
                }));
            }
        }
        for (int index = 0; index < MANY; index++) {
            MemorySegment segment = futures.get(index).get();
            for (long at = 0; at < segment.byteSize(); at += 8) {
                assertThat(segment.get(ValueLayout.JAVA_LONG, at)).isEqualTo(index);
            }
        }
    }

    @ContractPoint("2,000 threads open, use and close an arena each")
    void manyThreadsHaveAnArenaEach(ArenaKind kind) throws Exception {
        AtomicInteger done = new AtomicInteger();
        List<Thread> threads = new ArrayList<>();
        for (int index = 0; index < MANY; index++) {
            Thread.Builder builder = index % 8 == 0 ? Thread.ofPlatform() : Thread.ofVirtual();
            int size = 1 + index;
            threads.add(builder.start(() -> {
                Arena arena = kind.open(heap);
                arena.allocate(size, 8).fill((byte) 1);
                if (kind.is(Trait.CLOSEABLE)) {
                    arena.close();
                }
                done.incrementAndGet();
            }));
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertThat(done).hasValue(MANY);
        if (kind.is(Trait.COLLECTED)) {
            open(kind); // there are blocks left then
        }
    }

    @ContractPoint(
            value = "Of threads that close an arena at once, one does",
            of = {Trait.OPEN, Trait.CLOSEABLE})
    void oneOfManyClosesIt(ArenaKind kind) throws Exception {
        for (int round = 0; round < 50; round++) {
            Arena arena = open(kind);
            arena.allocate(100);
            AtomicInteger closed = new AtomicInteger();
            AtomicInteger refused = new AtomicInteger();
            List<Thread> threads = new ArrayList<>();
            for (int index = 0; index < 4; index++) {
                threads.add(Thread.ofPlatform().start(() -> {
                    try {
                        arena.close();
                        closed.incrementAndGet();
                    } catch (IllegalStateException already) {
                        refused.incrementAndGet();
                    }
                }));
            }
            for (Thread thread : threads) {
                thread.join();
            }
            assertThat(closed).hasValue(1);
            assertThat(refused).hasValue(3);
        }
    }

    @ContractPoint(
            value = "A segment in use while another thread closes its arena is read, or refused",
            of = {Trait.OPEN, Trait.ENDING})
    void aSegmentInUseIsReadOrRefused(ArenaKind kind) throws Exception {
        for (int round = 0; round < 30; round++) {
            Arena arena = open(kind);
            MemorySegment segment = arena.allocate(100_000, 8);
            segment.fill((byte) 3);
            AtomicInteger refused = new AtomicInteger();
            Thread reader = Thread.ofPlatform().start(() -> {
                try {
                    while (true) {
                        assertThat(segment.get(ValueLayout.JAVA_BYTE, 99_999)).isEqualTo((byte) 3);
                    }
                } catch (IllegalStateException closed) {
                    refused.incrementAndGet();
                }
            });
            while (arena.scope().isAlive()) {
                try {
                    arena.close();
                } catch (IllegalStateException inUse) {
                    Thread.onSpinWait();
                }
            }
            reader.join();
            assertThat(refused).hasValue(1);
        }
    }
}
