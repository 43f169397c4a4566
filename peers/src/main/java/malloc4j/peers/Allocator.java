package malloc4j.peers;

import java.util.BitSet;

/// One allocator under measurement. A JVM that measures has a single implementation of it, kept in a `static final`
/// field, so that every call is bound and inlined by the JIT.
///
/// An address of 0 is the answer of a C allocator that has no memory; failures may also be thrown. `id` is the
/// number of the block among those that are live at the time: an allocator by address has no use for it, but an
/// arena or a `ByteBuf` is freed through a Java object, which a program keeps beside its data.
public interface Allocator {
    /// Name and version of what is measured, for people.
    String version();

    /// Called once, before the first block.
    ///
    /// @param blockCount IDs are below this
    /// @param crossing the blocks that more than one thread uses
    default void prepare(int blockCount, BitSet crossing) {}

    long malloc(int id, long byteSize);

    /// Memory that reads zero.
    long calloc(int id, long byteSize);

    long memalign(int id, long byteAlignment, long byteSize);

    long realloc(int id, long address, long byteSize);

    void free(int id, long address);

    /// Asks for all free memory to go back to the kernel, in the way that this allocator has for it.
    ///
    /// @return false if it has none
    default boolean trim() {
        return false;
    }
}
