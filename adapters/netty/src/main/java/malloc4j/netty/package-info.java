/// Netty's buffers on a heap.
///
/// ```
///   Malloc4jByteBufAllocator  --newDirectBuffer-->  Malloc4jByteBuf     a block of the heap
///                             --newHeapBuffer---->  CountedHeapByteBuf  an array
///                             --metric----------->  BufferCounts        bytes of both
/// ```
@NullMarked
package malloc4j.netty;

import org.jspecify.annotations.NullMarked;
