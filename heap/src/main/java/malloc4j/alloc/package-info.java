/// Allocators for memory with a pattern: each is faster than malloc where its pattern holds, and tells when it is
/// broken.
///
/// | blocks that | allocator | freed | threads |
/// |---|---|---|---|
/// | are of one size, and many | [malloc4j.alloc.BlockPool] | each by itself | one, or any |
/// | are needed until some point, together | [malloc4j.alloc.Region] | all at once, or back to a mark | one |
/// | are needed in one method | [malloc4j.alloc.StackAllocator] | when the frame is closed | a stack for each |
/// | have no pattern | [malloc4j.Heap] | each by itself, by any thread | any |
///
/// Each is a [java.lang.foreign.SegmentAllocator], and takes its memory from a heap, chunk by chunk, or from one
/// segment that it is given: of a mapping, of shared memory, of the stack of another allocator.
///
/// ```java
/// import java.lang.foreign.MemorySegment;
/// import java.lang.foreign.ValueLayout;
/// import malloc4j.Heap;
/// import malloc4j.alloc.BlockPool;
/// import malloc4j.alloc.Region;
/// import malloc4j.alloc.StackAllocator;
/// import malloc4j.linux.Mapping;
///
/// void main() {
///     try (Mapping memory = Mapping.anonymous(1 << 20).map();
///             BlockPool nodes = BlockPool.ofSize(24).confined(memory.segment());
///             Region request = Region.ofHeap(Heap.common(), 64 << 10);
///             StackAllocator stacks = StackAllocator.ofHeap(Heap.common(), 16 << 10)) {
///         MemorySegment node = nodes.allocate();
///         MemorySegment name = request.allocateFrom("lives as long as the request");
///         try (StackAllocator.Frame frame = stacks.push()) {
///             frame.allocate(ValueLayout.JAVA_LONG).set(ValueLayout.JAVA_LONG, 0, name.byteSize());
///         }
///         nodes.free(node);
///         if (nodes.liveBlocks() != 0 || request.usedBytes() < name.byteSize()) throw new AssertionError(nodes);
///     }
/// }
/// ```
///
/// A request that does not fit throws [malloc4j.alloc.AllocatorOverflowException] with the sizes, or what the heap
/// throws; a block that is used too late throws `IllegalStateException`, as far as a segment is used and not its
/// bare address; blocks that are freed wrongly are refused. Contents are unspecified unless they are asked for as
/// zero.
@NullMarked
package malloc4j.alloc;

import org.jspecify.annotations.NullMarked;
