package malloc4j.internal.memory;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/// Zeroed memory outside of the Java heap that the garbage collector gives back once nobody can reach this any more.
///
/// For tables that the warm path reads by address: an array on the Java heap costs it a bounds check, and whoever still
/// calls a heap that is closed must find its own table, not another's.
///
/// The JDK counts it as direct memory. Where that is used up, the memory is taken all the same, and stays for ever.
///
/// @source [Arena.ofAuto](https://docs.oracle.com/en/java/javase/25/docs/api/java.base/java/lang/foreign/Arena.html)
public final class CollectedMemory {
    private static final long ALIGNMENT_BYTES = 64; // a cache line

    private final MemorySegment memory;

    /// Allocates `byteSize` bytes at a multiple of 64.
    public CollectedMemory(long byteSize) {
        this.memory = allocate(byteSize);
    }

    private static MemorySegment allocate(long byteSize) {
        try {
            return Arena.ofAuto().allocate(byteSize, ALIGNMENT_BYTES);
        } catch (OutOfMemoryError noDirectMemory) {
            return Arena.global().allocate(byteSize, ALIGNMENT_BYTES);
        }
    }

    public long address() {
        return memory.address();
    }
}
