package malloc4j.netty;

import io.netty.buffer.ByteBufAllocatorMetric;
import java.lang.ref.WeakReference;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/// How many bytes the live buffers of an allocator have, by their capacities.
///
/// ```
///   rows     [ . | 21 | . | 7 | ... ]   by the lowest bits of a thread's number
///                  |
///                  +-- the bytes that this thread has taken minus those that it has given back, written by it alone
///   shared   those of threads without a row, and of threads that have ended
/// ```
///
/// An atomic addition for each buffer would cost as much as its block. So a thread has a row of its own, unless a
/// living one has that row already, or it is a virtual thread, of which there are too many.
///
/// Invariant: `shared` and all rows add up to the bytes of live buffers, while none is made or released.
final class BufferCounts implements ByteBufAllocatorMetric {
    private static final int MASK = 255;

    private final AtomicReferenceArray<@Nullable Row> rows = new AtomicReferenceArray<>(MASK + 1);
    private final LongAdder shared = new LongAdder();
    private final LongAdder heap = new LongAdder();

    /// What one thread has added; as long as two cache lines, so that two threads do not write into one.
    private static final class Row extends AtomicLong {
        private static final long serialVersionUID = 1;

        private final long threadId;
        private final transient WeakReference<Thread> thread;

        @SuppressWarnings("UnusedVariable")
        private long apart1, apart2, apart3, apart4, apart5, apart6, apart7, apart8, apart9, apart10, apart11, apart12;

        Row(Thread thread, long byteSize) {
            super(byteSize);
            this.threadId = thread.threadId();
            this.thread = new WeakReference<>(thread);
        }

        boolean hasEnded() {
            Thread known = thread.get();
            return known == null || !known.isAlive();
        }
    }

    /// Adds to the bytes of direct buffers.
    void addDirect(int change) {
        Thread thread = Thread.currentThread();
        long threadId = thread.threadId();
        Row row = rows.getPlain((int) threadId & MASK);
        if (row != null && row.threadId == threadId) {
            row.setOpaque(row.getPlain() + change);
        } else {
            addSlow(thread, change);
        }
    }

    private void addSlow(Thread thread, int change) {
        int index = (int) thread.threadId() & MASK;
        Row row = rows.get(index);
        boolean isFree = !thread.isVirtual() && (row == null || row.hasEnded());
        if (!isFree || !rows.compareAndSet(index, row, new Row(thread, change))) {
            shared.add(change);
        } else if (row != null) {
            shared.add(row.get());
        }
    }

    /// Adds to the bytes of arrays.
    void addHeap(int change) {
        heap.add(change);
    }

    @Override
    public long usedHeapMemory() {
        return heap.sum();
    }

    @Override
    public long usedDirectMemory() {
        long byteSize = shared.sum();
        for (int index = 0; index <= MASK; index++) {
            Row row = rows.get(index);
            byteSize += row == null ? 0 : row.get();
        }
        return byteSize;
    }

    @Override
    public String toString() {
        return "BufferCounts(usedHeapMemory: " + usedHeapMemory() + "; usedDirectMemory: " + usedDirectMemory() + ')';
    }
}
