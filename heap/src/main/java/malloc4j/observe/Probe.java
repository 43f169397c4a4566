package malloc4j.observe;

import java.util.List;
import malloc4j.internal.memory.Sizes;

/// Is told what heaps do seldom: what a malloc or free that hits does is never told. Given in
/// `HeapOptions.Builder.probe`, or for heaps without one found by [java.util.ServiceLoader].
///
/// ```
///   opened, event, lost, closed     by a daemon thread of the library, one after the other, for all heaps
///   sampled, misused, guardHit      by the thread that it happens to, at once: its stack says where
/// ```
///
/// **It can do a heap no harm.** Events are put into a ring as they happen, whatever locks are held, and told a moment
/// later: there a probe may throw, wait, and use the heap. Where it is too slow, the ring is full and events are lost:
/// [#lost] tells how many. What is told at once is told with no lock held: there, too, a probe may throw and use the
/// heap, and is not told of what it does itself; while it waits, the thread of the program does. Where that has little
/// stack left, it is not told, and that counts as lost. What it throws is reported once for each heap, by the daemon
/// thread. A heap without a probe spends one comparison on an event.
///
/// @since 0.1.0
public interface Probe {
    /// What happened.
    enum Kind {
        /// An extent or a huge block was mapped.
        MAP,
        /// An extent or a huge block was given back.
        UNMAP,
        /// A chunk became a slab; the detail is the size of its blocks.
        SLAB_MADE,
        /// A slab became free pages; the detail is the size of its blocks.
        SLAB_RETIRED,
        /// Pages went back to the kernel.
        PURGE,
        /// The program has trimmed the heap; the size is what went back.
        TRIM,
        /// A request was refused; the detail is an error number of Linux, the address 0.
        REFUSAL,
        /// A request has met the hard limit of the heap or of one above it, before anything was done about it.
        LIMIT_MET
    }

    /// One event.
    ///
    /// @param heap the name of the heap
    /// @param heapId its number
    /// @param kind what happened
    /// @param nanoTime when, as [System#nanoTime]
    /// @param address where, or 0
    /// @param byteSize how much
    /// @param detail what [Kind] says, or 0
    record Event(String heap, int heapId, Kind kind, long nanoTime, long address, long byteSize, int detail) {
        @Override
        public String toString() {
            return "Event[heap=" + heap + ", heapId=" + heapId + ", kind=" + kind + ", nanoTime=" + nanoTime
                    + ", address=" + Sizes.hex(address) + ", byteSize=" + Sizes.text(byteSize) + ", detail=" + detail
                    + "]";
        }
    }

    /// A block that was allocated and stands for others: see [malloc4j.Heap#profile].
    ///
    /// @param heap the name of the heap
    /// @param heapId its number
    /// @param address where the block is, which belongs to the program
    /// @param byteSize how many bytes of it may be used
    /// @param weight how many blocks it stands for: sums of it estimate blocks, sums of [#bytes] estimate bytes, both
    ///     without bias
    /// @param stack who has allocated it: innermost frame first, without those of this library
    record Sample(String heap, int heapId, long address, long byteSize, double weight, List<StackTraceElement> stack) {
        /// How many bytes it stands for.
        public double bytes() {
            return weight * byteSize;
        }
    }

    /// A guard that was touched: see [malloc4j.Heap#explain].
    ///
    /// @param heap the name of the heap
    /// @param heapId its number
    /// @param address what was touched, by the kernel's word; 0 where nobody knows, and the block is a guess
    /// @param offset of the address from the block: negative before it, from 1 on behind it, 0 inside of it
    /// @param block the block, with those who have allocated and freed it
    /// @param stack of the error: who has touched it, innermost frame first, those of the JDK too
    /// @param text all of it, as [malloc4j.Heap#explain] says it
    record GuardHit(
            String heap,
            int heapId,
            long address,
            long offset,
            MisuseReport.Block block,
            List<StackTraceElement> stack,
            String text) {
        /// Such as "use after free".
        public String what() {
            return !block.isLive() ? "use after free" : offset < 0 ? "underflow" : offset > 0 ? "overflow" : "touch";
        }

        /// Whether nobody knows the address.
        public boolean isGuess() {
            return address == 0;
        }
    }

    /// Is told that a heap was made, before all that it is told of it by the same thread. It is in
    /// [malloc4j.Heap#all] by then.
    ///
    /// A probe that is found is told this and [#closed] of every heap, also of one that has a probe of its own.
    default void opened(String heap, int heapId) {}

    /// Is told that a heap was closed, after all that it is told of it by the same thread. A heap that the collector
    /// has taken without a close ends without a word.
    default void closed(String heap, int heapId) {}

    /// Is told of an event.
    void event(Event event);

    /// Is told of a sampled allocation, while the heap's profile is on.
    default void sampled(Sample sample) {}

    /// Is told of a call with an address at which no live block begins, before it throws; also where it does not throw,
    /// by [malloc4j.MisusePolicy].
    ///
    /// @param report what the exception has, or would have
    default void misused(String heap, int heapId, MisuseReport report) {}

    /// Is told of an error about a guard when that is explained, once for each error.
    default void guardHit(GuardHit hit) {}

    /// Is told that events of a heap were lost.
    ///
    /// @param count how many since it was told last; of what is told at once too
    default void lost(String heap, int heapId, long count) {}
}
