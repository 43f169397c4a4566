/// Infinispan's off-heap entries on heaps of malloc4j, each cache of the storage OFF_HEAP on one of its own. The jar on
/// the class path is enough.
///
/// ```
///   Infinispan  --ServiceLoader-->  HeapModule        registers AllocatorFactory, gives CacheHeaps
///               --a cache is made-->  AllocatorFactory  ->  CacheHeaps  ->  HeapMemoryAllocator, on a heap
///               --entries-->  HeapMemoryAllocator  --malloc, free-->  Heap
///               --a cache has stopped-->  CacheHeaps    closes the heap: all of it goes back
/// ```
@NullMarked
package malloc4j.infinispan;

import org.jspecify.annotations.NullMarked;
