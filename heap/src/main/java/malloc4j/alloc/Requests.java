package malloc4j.alloc;

import java.lang.foreign.MemorySegment;
import malloc4j.internal.memory.Bits;

/// What all allocators here ask of their arguments and of their callers.
final class Requests {
    private Requests() {}

    /// Refuses a size or alignment that no allocator takes.
    static void check(long byteSize, long byteAlignment) {
        if (byteSize < 0 || !Bits.isPowerOfTwo(byteAlignment)) {
            throw new IllegalArgumentException("allocate(byteSize=" + byteSize + ", byteAlignment=" + byteAlignment
                    + "): the size must be 0 or more, the alignment a power of two");
        }
    }

    /// Refuses a segment that an allocator cannot hand out parts of.
    static void checkBacking(MemorySegment backing) {
        if (!backing.isNative() || backing.isReadOnly()) {
            throw new IllegalArgumentException("the segment " + backing + " is "
                    + (backing.isNative() ? "read-only" : "on the Java heap") + ": a writable native one is needed");
        }
        if (!backing.scope().isAlive()) {
            throw new IllegalStateException("the segment " + backing + " is closed");
        }
        if (!backing.isAccessibleBy(Thread.currentThread())) {
            throw new WrongThreadException("the segment " + backing + " is confined to another thread");
        }
    }

    /// In the JDK's words, and then in ours.
    static WrongThreadException wrongThread(String what, Thread owner) {
        return new WrongThreadException("Attempted access outside owning thread: " + what + " belongs to " + owner
                + ", and was used by " + Thread.currentThread());
    }
}
