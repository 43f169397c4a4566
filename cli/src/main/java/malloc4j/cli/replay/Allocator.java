package malloc4j.cli.replay;

import java.util.BitSet;

/// One allocator under replay. There is a single implementation of it in a child JVM, kept in a `static final`
/// field, so that every call is bound and inlined by the JIT.
///
/// An address of 0 is the answer of a C allocator that has no memory; failures may also be thrown. `id` is the
/// object's number in the trace: a C allocator has no use for it, but `arena` frees through a Java object, which a
/// program that uses arenas keeps beside its data.
interface Allocator {
    /// Name and version of what is measured, for people.
    String version();

    /// Called once, before the first event.
    ///
    /// @param objectCount IDs are below this
    /// @param crossing the objects that more than one thread uses
    default void prepare(int objectCount, BitSet crossing) {}

    long malloc(int id, long byteSize);

    /// Memory that reads zero.
    long calloc(int id, long byteSize);

    long memalign(int id, long byteAlignment, long byteSize);

    long realloc(int id, long address, long byteSize);

    void free(int id, long address);
}
