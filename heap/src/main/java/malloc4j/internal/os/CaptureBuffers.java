package malloc4j.internal.os;

import java.lang.foreign.Arena;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicLong;

/// The buffers into which the linker stores errno: one for each call under way, never shared.
///
/// A call has to work when memory has run out, so a buffer must not need `malloc`: 64 of them are allocated once, a
/// bit of [#FREE] says which are in nobody's hands. A thread claims one by clearing its bit and gives it back by
/// setting it, two compare-and-sets (20 ns; an arena for each call takes 50 ns and a `malloc`). When 64
/// calls are under way at once, the next ones get an index of [#NONE] and make one of their own, or wait where the Java
/// heap has no room for it.
///
/// Invariant: a set bit's buffer is used by no call; a call uses exactly the buffer whose bit it cleared.
final class CaptureBuffers {
    /// No buffer is free.
    static final int NONE = Long.SIZE;

    /// The buffer of calls whose errno nobody reads, for any number of threads at a time.
    static final MemorySegment UNREAD = Arena.global().allocate(Linker.Option.captureStateLayout());

    private static final int STRIDE_BYTES = 64; // a cache line each, so that neighbours do not slow each other down

    private static final MemorySegment[] BUFFERS = allocate();
    private static final AtomicLong FREE = new AtomicLong(-1L); // one bit a buffer

    private CaptureBuffers() {}

    private static MemorySegment[] allocate() {
        MemorySegment all = Arena.global().allocate((long) Long.SIZE * STRIDE_BYTES, STRIDE_BYTES);
        long byteSize = Linker.Option.captureStateLayout().byteSize();
        MemorySegment[] buffers = new MemorySegment[Long.SIZE];
        for (int index = 0; index < Long.SIZE; index++) {
            buffers[index] = all.asSlice((long) index * STRIDE_BYTES, byteSize);
        }
        return buffers;
    }

    /// Takes a free buffer. Returns its index, or [#NONE].
    static int claim() {
        while (true) {
            long bits = FREE.get();
            int index = Long.numberOfTrailingZeros(bits); // 64, which is NONE, when no bit is set
            if (index == NONE || FREE.compareAndSet(bits, bits & ~(1L << index))) {
                return index;
            }
        }
    }

    /// The buffer that was claimed.
    static MemorySegment get(int index) {
        return BUFFERS[index];
    }

    /// Gives a buffer back; [#NONE] is ignored.
    static void release(int index) {
        if (index != NONE) {
            long bits = FREE.get();
            while (!FREE.compareAndSet(bits, bits | 1L << index)) {
                bits = FREE.get();
            }
        }
    }
}
