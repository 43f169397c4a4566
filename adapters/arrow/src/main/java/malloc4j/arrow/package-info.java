/// Arrow's buffers on malloc4j heaps.
///
/// ```
///   RootAllocator --create(size)--> Factory --malloc--> Heap        Arrow counts size, the heap what it rounds that to
///   ArrowBuf      --release0----->  Malloc4jAllocationManager --free--> Heap
///   program       --of----------->  ArrowBudgets                    both counts beside each other
/// ```
@NullMarked
package malloc4j.arrow;

import org.jspecify.annotations.NullMarked;
