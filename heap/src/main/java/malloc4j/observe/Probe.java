package malloc4j.observe;

import malloc4j.internal.memory.Sizes;

/// Is told what heaps do seldom: what a malloc or free that hits does is never told. Given in
/// `HeapOptions.Builder.probe`, or for heaps without one found by [java.util.ServiceLoader].
///
/// **It can do a heap no harm.** Events are put into a ring as they happen, whatever locks are held, and told a moment
/// later by a daemon thread of the library: there a probe may throw, wait, and use the heap. Where it is too slow, the
/// ring is full and events are lost: [#lost] tells how many. A heap without a probe spends one comparison on an event.
///
/// All methods are called by one thread, one after the other, for all heaps.
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
        LIMIT_MET,
        /// A sampled allocation. Not told by this version.
        SAMPLE,
        /// A guard page was hit. Not told by this version.
        GUARD_HIT
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

    /// Is told of an event.
    void event(Event event);

    /// Is told that events of a heap were lost.
    ///
    /// @param count how many since it was told last
    default void lost(String heap, int heapId, long count) {}
}
