package malloc4j.netty;

import io.netty.buffer.AbstractByteBufAllocator;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocatorMetric;
import io.netty.buffer.ByteBufAllocatorMetricProvider;
import io.netty.buffer.CompositeByteBuf;
import java.util.Objects;
import malloc4j.Heap;
import org.jspecify.annotations.Nullable;

/// Netty's buffers, with every direct one a block of a [Heap]:
///
/// ```
/// bootstrap.option(ChannelOption.ALLOCATOR, Malloc4jByteBufAllocator.DEFAULT);
/// ```
///
/// and `childOption` for the connections of a server. A direct buffer has exactly the capacity that was asked for, and
/// grows where it is when there is room behind it. Its block goes back with the last release, by whatever thread. There
/// are no chunks and no caches of buffers: what the heap keeps, its [statistics][Heap#statistics] tell.
///
/// Buffers of the Java heap are arrays of their own, and composite buffers are Netty's. Reference counts and the leak
/// detector work as with Netty's own allocators; sizes in [#metric] are the capacities of live buffers.
///
/// Where the heap has no memory, an allocation throws [malloc4j.OutOfNativeMemoryError], an [OutOfMemoryError] as Netty
/// expects, and a buffer that was to grow stays as it was. A heap that is closed before its buffers are released leaves
/// them useless: reading, writing and releasing them throws.
///
/// Needs no access to `sun.misc.Unsafe`, and native access for the module of the heap only.
///
/// @since 0.1.0
public final class Malloc4jByteBufAllocator extends AbstractByteBufAllocator implements ByteBufAllocatorMetricProvider {
    /// Buffers on the [common heap][Heap#common], which is made when the first direct one is allocated.
    public static final Malloc4jByteBufAllocator DEFAULT = new Malloc4jByteBufAllocator(true, null);

    private static final int INITIAL_CAPACITY = 256; // Netty's, which it keeps for itself

    private final boolean isDirectPreferred;
    private final @Nullable Heap heap; // null: the common one, of which every failure is told and not just the first
    private final BufferCounts counts = new BufferCounts();

    /// Buffers on a heap, direct ones where no kind is asked for.
    public Malloc4jByteBufAllocator(Heap heap) {
        this(heap, true);
    }

    /// Buffers on a heap.
    ///
    /// @param isDirectPreferred whether [#buffer()] and [#compositeBuffer()] make direct ones; [#ioBuffer()] always
    ///     does
    public Malloc4jByteBufAllocator(Heap heap, boolean isDirectPreferred) {
        this(isDirectPreferred, Objects.requireNonNull(heap, "heap"));
    }

    private Malloc4jByteBufAllocator(boolean isDirectPreferred, @Nullable Heap heap) {
        super(isDirectPreferred);
        this.isDirectPreferred = isDirectPreferred;
        this.heap = heap;
    }

    /// The heap that direct buffers are blocks of.
    ///
    /// @throws UnsupportedOperationException as [Heap#common], as the next
    /// @throws IllegalCallerException if native access is not granted; it names the flag
    public Heap heap() {
        Heap own = heap;
        return own != null ? own : Heap.common();
    }

    BufferCounts counts() {
        return counts;
    }

    @Override
    protected ByteBuf newDirectBuffer(int initialCapacity, int maxCapacity) {
        ByteBuf buffer = new Malloc4jByteBuf(this, initialCapacity, maxCapacity);
        try {
            return toLeakAwareBuffer(buffer);
        } catch (Throwable failed) { // the Java heap has no room for what watches it
            buffer.release();
            throw failed;
        }
    }

    @Override
    protected ByteBuf newHeapBuffer(int initialCapacity, int maxCapacity) {
        return new CountedHeapByteBuf(this, initialCapacity, maxCapacity);
    }

    /// Yes: a direct buffer costs no more than one from a pool.
    @Override
    public boolean isDirectBufferPooled() {
        return true;
    }

    @Override
    public ByteBufAllocatorMetric metric() {
        return counts;
    }

    // Netty's own methods make buffers of the Java heap where Netty has no way to free direct memory.

    @Override
    public ByteBuf buffer() {
        return buffer(INITIAL_CAPACITY);
    }

    @Override
    public ByteBuf buffer(int initialCapacity) {
        return isDirectPreferred ? directBuffer(initialCapacity) : heapBuffer(initialCapacity);
    }

    @Override
    public ByteBuf buffer(int initialCapacity, int maxCapacity) {
        return isDirectPreferred
                ? directBuffer(initialCapacity, maxCapacity)
                : heapBuffer(initialCapacity, maxCapacity);
    }

    @Override
    public ByteBuf ioBuffer() {
        return directBuffer(INITIAL_CAPACITY);
    }

    @Override
    public ByteBuf ioBuffer(int initialCapacity) {
        return directBuffer(initialCapacity);
    }

    @Override
    public ByteBuf ioBuffer(int initialCapacity, int maxCapacity) {
        return directBuffer(initialCapacity, maxCapacity);
    }

    @Override
    public CompositeByteBuf compositeBuffer() {
        return isDirectPreferred ? compositeDirectBuffer() : compositeHeapBuffer();
    }

    @Override
    public CompositeByteBuf compositeBuffer(int maxNumComponents) {
        return isDirectPreferred ? compositeDirectBuffer(maxNumComponents) : compositeHeapBuffer(maxNumComponents);
    }

    @Override
    public String toString() {
        String name = heap == null ? "common" : heap.options().name();
        return "Malloc4jByteBufAllocator(heap: " + name + ", directByDefault: " + isDirectPreferred + ')';
    }
}
