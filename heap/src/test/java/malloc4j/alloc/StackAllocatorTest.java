package malloc4j.alloc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.FutureTask;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.alloc.StackAllocator.Frame;
import malloc4j.internal.region.PageGeometry;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class StackAllocatorTest {
    private final Heap heap = Heap.create(HeapOptions.builder()
            .name("stacks")
            .purgeDelay(Duration.ofMillis(-1))
            .build());
    private final StackAllocator stacks = StackAllocator.ofHeap(heap, 4096);

    @AfterEach
    void everythingIsGivenBack() {
        stacks.verify();
        stacks.close();
        assertThat(heap.statistics().liveBytes()).isZero();
        heap.close();
    }

    @Test
    void framesReuseTheSameMemory() {
        long first;
        try (Frame frame = stacks.push()) {
            first = frame.allocate(ValueLayout.JAVA_LONG).address();
            assertThat(frame.usedBytes()).isEqualTo(8);
        }
        try (Frame frame = stacks.push()) {
            assertThat(frame.allocate(ValueLayout.JAVA_LONG).address()).isEqualTo(first);
            long second = frame.alloca(1);
            assertThat(second).isEqualTo(first + 16);
            assertThat(frame.alloca(1, 1)).isEqualTo(second + 1);
            assertThat(frame.alloca(1, 256) % 256).isZero();
            stacks.verify();
        }
        assertThat(stacks.stackCount()).isEqualTo(1);
        assertThat(heap.statistics().liveBytes()).isEqualTo(PageGeometry.PAGE_BYTES);
    }

    @Test
    void blockThrowsAfterItsFrameIsClosed() {
        MemorySegment inner;
        MemorySegment outer;
        try (Frame frame = stacks.push()) {
            outer = frame.allocate(ValueLayout.JAVA_LONG);
            try (Frame nested = stacks.push()) {
                inner = nested.allocate(ValueLayout.JAVA_LONG);
                inner.set(ValueLayout.JAVA_LONG, 0, 1);
                outer.set(ValueLayout.JAVA_LONG, 0, 1);
            }
            assertThatIllegalStateException().isThrownBy(() -> inner.get(ValueLayout.JAVA_LONG, 0));
            outer.set(ValueLayout.JAVA_LONG, 0, 1);
        }
        assertThatIllegalStateException().isThrownBy(() -> outer.get(ValueLayout.JAVA_LONG, 0));
        try (Frame frame = stacks.push()) { // in the same place, and it changes nothing
            frame.allocate(ValueLayout.JAVA_LONG);
            assertThatIllegalStateException().isThrownBy(() -> outer.get(ValueLayout.JAVA_LONG, 0));
        }
    }

    @Test
    void contentsAreZeroOnlyWhenAskedFor() {
        try (Frame frame = stacks.push()) {
            frame.allocate(100, 1).fill((byte) 0x55);
        }
        try (Frame frame = stacks.push()) {
            assertThat(frame.allocate(10, 1).get(ValueLayout.JAVA_BYTE, 9)).isEqualTo((byte) 0x55);
            assertThat(frame.allocateZeroed(10, 1).mismatch(MemorySegment.ofArray(new byte[10])))
                    .isEqualTo(-1);
            assertThat(frame.zeroed().allocate(10, 1).mismatch(MemorySegment.ofArray(new byte[10])))
                    .isEqualTo(-1);
            assertThat(frame.allocate(1, 1).get(ValueLayout.JAVA_BYTE, 0)).isEqualTo((byte) 0x55);
        }
    }

    @Test
    void overflowTellsSizes() {
        try (Frame frame = stacks.push()) {
            frame.allocate(4000, 1);
            assertThatExceptionOfType(AllocatorOverflowException.class)
                    .isThrownBy(() -> frame.allocate(97, 1))
                    .withMessage("allocate(byteSize=97, byteAlignment=1) overflows the stack of "
                            + Thread.currentThread()
                            + ": 97 bytes asked, 4000 of 4096 used; close frames, or make the stacks larger")
                    .satisfies(overflow -> {
                        assertThat(overflow.requestedBytes()).isEqualTo(97);
                        assertThat(overflow.usedBytes()).isEqualTo(4000);
                        assertThat(overflow.capacityBytes()).isEqualTo(4096);
                    });
            assertThatExceptionOfType(AllocatorOverflowException.class).isThrownBy(() -> frame.alloca(97));
            assertThatExceptionOfType(AllocatorOverflowException.class)
                    .isThrownBy(() -> frame.allocate(Long.MAX_VALUE, 1));
            assertThatExceptionOfType(AllocatorOverflowException.class).isThrownBy(() -> frame.allocate(1, 1L << 62));
            assertThat(frame.usedBytes()).isEqualTo(4000);
            frame.allocate(96, 1).fill((byte) 1);
            stacks.verify();
        }
    }

    @Test
    void argumentsOutsideOfRangeAreRefused() {
        try (Frame frame = stacks.push()) {
            assertThatIllegalArgumentException().isThrownBy(() -> frame.allocate(-1, 1));
            assertThatIllegalArgumentException().isThrownBy(() -> frame.allocate(8, 0));
            assertThatIllegalArgumentException().isThrownBy(() -> frame.allocate(8, 12));
            assertThatIllegalArgumentException().isThrownBy(() -> frame.alloca(-1));
            assertThatIllegalArgumentException().isThrownBy(() -> frame.alloca(1, -16));
            assertThat(frame.usedBytes()).isZero();
        }
        for (long stackBytes : new long[] {0, -1, 63, (1L << 30) + 1}) {
            assertThatIllegalArgumentException().isThrownBy(() -> StackAllocator.ofHeap(heap, stackBytes));
        }
    }

    // --------------------------------------------------------------------------------------------------------- order

    @Test
    void outerFrameIsNotClosedBeforeTheInner() {
        Frame outer = stacks.push();
        Frame inner = stacks.push();
        MemorySegment block = inner.allocate(8, 8);
        assertThatIllegalStateException()
                .isThrownBy(outer::close)
                .withMessage("close of a frame at depth 1: a frame at depth 2 is open inside it");
        assertThat(block.scope().isAlive()).isTrue();
        stacks.verify();
        inner.close();
        outer.close();
    }

    @Test
    void outerFrameDoesNotAllocateWhileAnInnerOneIsOpen() {
        try (Frame outer = stacks.push();
                Frame inner = stacks.push()) {
            assertThatIllegalStateException()
                    .isThrownBy(() -> outer.allocate(8, 8))
                    .withMessage("allocate in a frame at depth 1: a frame at depth 2 is open inside it");
            assertThatIllegalStateException().isThrownBy(() -> outer.alloca(8));
            assertThat(inner.usedBytes()).isZero();
        }
    }

    @Test
    void closingAClosedFrameDoesNothing() {
        Frame closed = stacks.push();
        closed.close();
        closed.close();
        try (Frame frame = stacks.push()) { // at the same depth, and in the same place
            MemorySegment block = frame.allocate(8, 8);
            closed.close();
            assertThat(block.scope().isAlive()).isTrue();
            assertThat(frame.usedBytes()).isEqualTo(8);
            assertThat(closed.usedBytes()).isZero();
            String message = " in a frame at depth 1: the frame is closed";
            assertThatIllegalStateException()
                    .isThrownBy(() -> closed.allocate(8, 8))
                    .withMessage("allocate" + message);
            assertThatIllegalStateException().isThrownBy(() -> closed.alloca(8)).withMessage("alloca" + message);
            assertThat(frame.usedBytes()).isEqualTo(8);
        }
    }

    @Test
    void frameIsForItsThreadAlone() throws Exception {
        try (Frame frame = stacks.push()) {
            MemorySegment block = frame.allocate(8, 8);
            CompletableFuture.runAsync(() -> {
                        assertThatExceptionOfType(WrongThreadException.class).isThrownBy(() -> frame.allocate(8, 8));
                        assertThatExceptionOfType(WrongThreadException.class).isThrownBy(() -> frame.alloca(8));
                        assertThatExceptionOfType(WrongThreadException.class).isThrownBy(frame::usedBytes);
                        assertThatExceptionOfType(WrongThreadException.class).isThrownBy(frame::close);
                        assertThatExceptionOfType(WrongThreadException.class)
                                .isThrownBy(() -> block.get(ValueLayout.JAVA_LONG, 0));
                        try (Frame own = stacks.push()) { // which is at depth 1 too
                            assertThatExceptionOfType(WrongThreadException.class)
                                    .isThrownBy(() -> frame.allocate(8, 8));
                            assertThat(own.allocate(8, 8).address()).isNotEqualTo(block.address());
                        }
                    })
                    .get();
            assertThat(frame.usedBytes()).isEqualTo(8);
            block.set(ValueLayout.JAVA_LONG, 0, 1);
        }
    }

    @Test
    @SuppressWarnings("restricted")
    void frameStaysOpenWhileANativeCallUsesItsBlock() throws Throwable {
        Linker linker = Linker.nativeLinker();
        MethodHandle qsort = linker.downcallHandle(
                linker.defaultLookup().findOrThrow("qsort"),
                FunctionDescriptor.ofVoid(
                        ValueLayout.ADDRESS, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG, ValueLayout.ADDRESS));
        try (Arena arena = Arena.ofConfined()) {
            Frame frame = stacks.push();
            MemorySegment numbers = frame.allocateFrom(ValueLayout.JAVA_LONG, 2, 1);
            Closing closing = new Closing(frame);
            MemorySegment compare = linker.upcallStub(
                    MethodHandles.lookup()
                            .bind(
                                    closing,
                                    "compare",
                                    MethodType.methodType(int.class, MemorySegment.class, MemorySegment.class)),
                    FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.ADDRESS),
                    arena);
            qsort.invokeExact(numbers, 2L, 8L, compare);
            assertThat(closing.refused).isInstanceOf(IllegalStateException.class);
            assertThat(numbers.get(ValueLayout.JAVA_LONG, 0)).isEqualTo(2);
            stacks.verify();
            frame.close();
            assertThat(numbers.scope().isAlive()).isFalse();
        }
    }

    /// Closes a frame from inside a native call that uses a block of it.
    static final class Closing {
        private final Frame frame;
        private @Nullable RuntimeException refused;

        Closing(Frame frame) {
            this.frame = frame;
        }

        int compare(MemorySegment left, MemorySegment right) {
            try {
                frame.close();
            } catch (IllegalStateException acquired) {
                refused = acquired;
            }
            return Long.compare(left.address(), right.address());
        }
    }

    // ------------------------------------------------------------------------------- the allocator as an allocator

    @Test
    void allocatorItselfAllocatesFromTheInnermostFrame() {
        String outside = "allocate of " + stacks + ": no frame is open on " + Thread.currentThread();
        assertThatIllegalStateException()
                .isThrownBy(() -> stacks.allocate(8, 8))
                .withMessage(outside);
        MemorySegment inOuter;
        MemorySegment inInner;
        try (Frame outer = stacks.push()) {
            inOuter = stacks.allocate(8, 8);
            MemorySegment direct = outer.allocate(8, 8);
            assertThat(direct.address()).isEqualTo(inOuter.address() + 8);
            try (Frame empty = stacks.push();
                    Frame inner = stacks.push()) {
                inInner = stacks.allocateFrom("deep");
                assertThat(stacks.allocate(8, 8).scope()).isEqualTo(inInner.scope());
                assertThat(inner.usedBytes()).isEqualTo(16);
                assertThat(empty.usedBytes()).isEqualTo(16);
                stacks.verify();
            }
            assertThat(inInner.scope().isAlive()).isFalse();
            assertThat(inOuter.scope().isAlive()).isTrue();
            stacks.verify();
            assertThatExceptionOfType(AllocatorOverflowException.class)
                    .isThrownBy(() -> stacks.allocate(5000, 1))
                    .satisfies(overflow -> assertThat(overflow.usedBytes()).isEqualTo(16));
        }
        assertThat(inOuter.scope().isAlive()).isFalse();
        assertThatIllegalStateException()
                .isThrownBy(() -> stacks.allocate(8, 8))
                .withMessage(outside);
    }

    // ------------------------------------------------------------------------------------------------------- segments

    @Test
    void stacksOfASegmentAreHandedFromThreadToThread() throws Exception {
        try (Arena arena = Arena.ofShared()) {
            MemorySegment segment = arena.allocate(2 * 256 + 100, 16);
            try (StackAllocator two = StackAllocator.ofSegment(segment, 256)) {
                try (Frame frame = two.push()) {
                    assertThat(frame.allocate(256, 1).address()).isEqualTo(segment.address());
                    long second = inThread(() -> address(two));
                    assertThat(second).isEqualTo(segment.address() + 256);
                    for (int i = 0; i < 5; i++) { // each takes over from the one that has ended
                        assertThat(inThread(() -> address(two))).isEqualTo(second);
                        two.verify();
                    }
                    assertThat(two.stackCount()).isEqualTo(2);
                }
            }
        }
    }

    private static long address(StackAllocator stacks) {
        try (Frame frame = stacks.push()) {
            return frame.alloca(256, 1);
        }
    }

    private static <T> T inThread(java.util.concurrent.Callable<T> task) throws Exception {
        FutureTask<T> future = new FutureTask<>(task);
        Thread thread = Thread.ofPlatform().start(future);
        thread.join();
        return future.get();
    }

    @Test
    void moreThreadsThanStacksOfASegmentAreRefused() throws Exception {
        try (Arena arena = Arena.ofShared();
                StackAllocator one = StackAllocator.ofSegment(arena.allocate(300), 256);
                Frame frame = one.push()) {
            frame.alloca(16);
            CompletableFuture.runAsync(
                            () -> assertThatExceptionOfType(AllocatorOverflowException.class)
                                    .isThrownBy(one::push)
                                    .withMessage(
                                            "push overflows StackAllocator[segment, stacks of 256 bytes]: 256 bytes asked, "
                                                    + "256 of 256 used; all stacks belong to threads that live; give it a larger segment"))
                    .get();
            one.verify();
        }
    }

    @Test
    void segmentThatWasClosedBeforeTheAllocatorIsNotGivenOut() {
        Arena arena = Arena.ofConfined();
        try (StackAllocator gone = StackAllocator.ofSegment(arena.allocate(1000), 500)) {
            gone.push().close();
            arena.close();
            assertThatIllegalStateException().isThrownBy(gone::push).withMessageEndingWith(": its segment is closed");
            gone.verify();
        }
    }

    @Test
    void unsuitableSegmentsAreRefused() {
        MemorySegment onHeap = MemorySegment.ofArray(new long[100]);
        assertThatIllegalArgumentException().isThrownBy(() -> StackAllocator.ofSegment(onHeap, 64));
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment small = arena.allocate(100);
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> StackAllocator.ofSegment(small, 101))
                    .withMessage("a segment of 100 bytes has no room for a stack of 101");
        }
    }

    // ----------------------------------------------------------------------------------------------------------- ends

    @Test
    void allocatorIsNotClosedWhileAFrameIsOpen() throws Exception {
        Frame frame = stacks.push();
        MemorySegment block = frame.allocate(8, 8);
        assertThatIllegalStateException()
                .isThrownBy(stacks::close)
                .withMessage(
                        "close of StackAllocator[heap 'stacks', stacks of 4096 bytes]: a frame at depth 1 is open in "
                                + Thread.currentThread());
        block.set(ValueLayout.JAVA_LONG, 0, 1);
        stacks.push().close();
        frame.close();
        stacks.close();
        stacks.close();
        assertThat(heap.statistics().liveBytes()).isZero();
        String closed = "push of StackAllocator[heap 'stacks', stacks of 4096 bytes, closed]: the allocator is closed";
        assertThatIllegalStateException().isThrownBy(stacks::push).withMessage(closed);
        assertThatThrownBy(() -> inThread(stacks::push))
                .hasCauseInstanceOf(IllegalStateException.class)
                .hasRootCauseMessage(closed);
        assertThatIllegalStateException()
                .isThrownBy(() -> stacks.allocate(8, 8))
                .withMessageEndingWith("the allocator is closed");
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void frameOfAThreadThatHasEndedDoesNotKeepTheAllocatorOpen(boolean virtual) throws Exception {
        Frame[] leaked = new Frame[1];
        Thread thread = virtual
                ? Thread.startVirtualThread(() -> leaked[0] = stacks.push())
                : Thread.ofPlatform().start(() -> leaked[0] = stacks.push());
        thread.join();
        stacks.verify();
        assertThatThrownBy(() -> leaked[0].alloca(8)).isInstanceOf(WrongThreadException.class);
        stacks.close();
        assertThat(heap.statistics().liveBytes()).isZero();
        assertThatThrownBy(() -> leaked[0].alloca(8)).isInstanceOf(WrongThreadException.class);
        assertThatThrownBy(() -> leaked[0].close()).isInstanceOf(WrongThreadException.class);
    }
}
