package malloc4j.netty;

import io.netty.buffer.AbstractReferenceCountedByteBuf;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.channels.GatheringByteChannel;
import java.nio.channels.ScatteringByteChannel;
import malloc4j.Heap;
import org.jspecify.annotations.Nullable;

/// A direct buffer that is one block of a heap, of exactly its capacity.
///
/// ```
///   block    |<------------- capacity ------------->|  rest of what the heap has given   at address
///   memory   |<------------------------------------>|  a segment: every access is within it
///   whole    the same as a ByteBuffer; its position is never moved
///   own      a view of that for this buffer's own calls, whose position moves
/// ```
///
/// The last three are made when they are first needed, and again after the capacity has changed. Two threads that read
/// may each make one; both are right.
///
/// Invariant: until the last release a live block of at least `capacity` bytes begins at `address`; after it, `address`
/// is 0, at which no block begins, and the last three are null.
final class Malloc4jByteBuf extends AbstractReferenceCountedByteBuf {
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
    private static final ValueLayout.OfShort SHORT_LE =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT_LE = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG_LE =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private static final int CHUNK_BYTES = 8192; // of an array between memory and a stream

    private final Malloc4jByteBufAllocator alloc;
    private long address;
    private int capacity;
    private @Nullable MemorySegment memory;
    private @Nullable ByteBuffer whole;
    private @Nullable ByteBuffer own;

    Malloc4jByteBuf(Malloc4jByteBufAllocator alloc, int initialCapacity, int maxCapacity) {
        super(maxCapacity);
        this.alloc = alloc;
        this.address = alloc.heap().malloc(initialCapacity);
        this.capacity = initialCapacity;
        alloc.counts().addDirect(initialCapacity);
    }

    @Override
    protected void deallocate() {
        long block = address;
        address = 0;
        forgetViews();
        alloc.counts().addDirect(-capacity);
        alloc.heap().free(block);
    }

    private void forgetViews() {
        if (memory != null) {
            memory = null;
            whole = null;
            own = null;
        }
    }

    private MemorySegment memory() {
        MemorySegment segment = memory;
        return segment != null ? segment : makeMemory();
    }

    private MemorySegment makeMemory() {
        MemorySegment segment = alloc.heap().segment(address).asSlice(0, capacity);
        memory = segment;
        return segment;
    }

    @Override
    public ByteBufAllocator alloc() {
        return alloc;
    }

    @Override
    @SuppressWarnings("deprecation")
    public ByteOrder order() {
        return ByteOrder.BIG_ENDIAN;
    }

    @Override
    public @Nullable ByteBuf unwrap() {
        return null;
    }

    @Override
    public boolean isDirect() {
        return true;
    }

    @Override
    public boolean hasArray() {
        return false;
    }

    @Override
    public byte[] array() {
        throw new UnsupportedOperationException("direct buffer");
    }

    @Override
    public int arrayOffset() {
        throw new UnsupportedOperationException("direct buffer");
    }

    @Override
    public boolean hasMemoryAddress() {
        return true;
    }

    @Override
    public long memoryAddress() {
        ensureAccessible();
        return address;
    }

    @Override
    public boolean isContiguous() {
        return true;
    }

    // ------------------------------------------------------------------------------------------------------ capacity

    @Override
    public int capacity() {
        return capacity;
    }

    @Override
    public ByteBuf capacity(int newCapacity) {
        checkNewCapacity(newCapacity);
        if (newCapacity == capacity) {
            return this;
        }
        Heap heap = alloc.heap();
        if (!heap.resizeInPlace(address, newCapacity)) {
            address = heap.realloc(address, newCapacity);
        }
        forgetViews();
        alloc.counts().addDirect(newCapacity - capacity);
        capacity = newCapacity;
        trimIndicesToCapacity(newCapacity);
        return this;
    }

    // ------------------------------------------------------------------------------------- one value, already checked

    @Override
    protected byte _getByte(int index) {
        return memory().get(ValueLayout.JAVA_BYTE, index);
    }

    @Override
    protected short _getShort(int index) {
        return memory().get(SHORT, index);
    }

    @Override
    protected short _getShortLE(int index) {
        return memory().get(SHORT_LE, index);
    }

    @Override
    protected int _getUnsignedMedium(int index) {
        return ((_getByte(index) & 0xff) << 16) | (_getShort(index + 1) & 0xffff);
    }

    @Override
    protected int _getUnsignedMediumLE(int index) {
        return (_getByte(index) & 0xff) | ((_getShortLE(index + 1) & 0xffff) << 8);
    }

    @Override
    protected int _getInt(int index) {
        return memory().get(INT, index);
    }

    @Override
    protected int _getIntLE(int index) {
        return memory().get(INT_LE, index);
    }

    @Override
    protected long _getLong(int index) {
        return memory().get(LONG, index);
    }

    @Override
    protected long _getLongLE(int index) {
        return memory().get(LONG_LE, index);
    }

    @Override
    protected void _setByte(int index, int value) {
        memory().set(ValueLayout.JAVA_BYTE, index, (byte) value);
    }

    @Override
    protected void _setShort(int index, int value) {
        memory().set(SHORT, index, (short) value);
    }

    @Override
    protected void _setShortLE(int index, int value) {
        memory().set(SHORT_LE, index, (short) value);
    }

    @Override
    protected void _setMedium(int index, int value) {
        _setByte(index, value >>> 16);
        _setShort(index + 1, value);
    }

    @Override
    protected void _setMediumLE(int index, int value) {
        _setByte(index, value);
        _setShortLE(index + 1, value >>> 8);
    }

    @Override
    protected void _setInt(int index, int value) {
        memory().set(INT, index, value);
    }

    @Override
    protected void _setIntLE(int index, int value) {
        memory().set(INT_LE, index, value);
    }

    @Override
    protected void _setLong(int index, long value) {
        memory().set(LONG, index, value);
    }

    @Override
    protected void _setLongLE(int index, long value) {
        memory().set(LONG_LE, index, value);
    }

    // --------------------------------------------------------------------------------------------------- many at once

    @Override
    public ByteBuf getBytes(int index, ByteBuf dst, int dstIndex, int length) {
        checkDstIndex(index, length, dstIndex, dst.capacity());
        if (dst instanceof Malloc4jByteBuf other) {
            MemorySegment.copy(memory(), index, other.memory(), dstIndex, length);
        } else if (dst.hasArray()) {
            copyToArray(index, dst.array(), dst.arrayOffset() + dstIndex, length);
        } else if (dst.nioBufferCount() > 0) {
            int from = index;
            for (ByteBuffer part : dst.nioBuffers(dstIndex, length)) {
                int byteSize = part.remaining();
                part.put(part.position(), whole(), from, byteSize);
                from += byteSize;
            }
        } else {
            dst.setBytes(dstIndex, this, index, length);
        }
        return this;
    }

    @Override
    public ByteBuf getBytes(int index, byte[] dst, int dstIndex, int length) {
        checkDstIndex(index, length, dstIndex, dst.length);
        copyToArray(index, dst, dstIndex, length);
        return this;
    }

    private void copyToArray(int index, byte[] to, int toIndex, int length) {
        MemorySegment.copy(memory(), ValueLayout.JAVA_BYTE, index, to, toIndex, length);
    }

    @Override
    public ByteBuf getBytes(int index, ByteBuffer dst) {
        int length = dst.remaining();
        checkIndex(index, length);
        int position = dst.position();
        dst.put(position, whole(), index, length);
        dst.position(position + length);
        return this;
    }

    @Override
    public ByteBuf getBytes(int index, OutputStream out, int length) throws IOException {
        checkIndex(index, length);
        byte[] chunk = new byte[Math.min(length, CHUNK_BYTES)];
        for (int done = 0; done < length; done += chunk.length) {
            int byteSize = Math.min(chunk.length, length - done);
            copyToArray(index + done, chunk, 0, byteSize);
            out.write(chunk, 0, byteSize);
        }
        return this;
    }

    @Override
    public int getBytes(int index, GatheringByteChannel out, int length) throws IOException {
        return length == 0 ? nothing() : out.write(nioBuffer(index, length));
    }

    @Override
    public int getBytes(int index, FileChannel out, long position, int length) throws IOException {
        return length == 0 ? nothing() : out.write(nioBuffer(index, length), position);
    }

    private int nothing() {
        ensureAccessible();
        return 0;
    }

    @Override
    public ByteBuf setBytes(int index, ByteBuf src, int srcIndex, int length) {
        checkSrcIndex(index, length, srcIndex, src.capacity());
        if (src instanceof Malloc4jByteBuf other) {
            MemorySegment.copy(other.memory(), srcIndex, memory(), index, length);
        } else if (src.hasArray()) {
            copyFromArray(src.array(), src.arrayOffset() + srcIndex, index, length);
        } else if (src.nioBufferCount() > 0) {
            int to = index;
            for (ByteBuffer part : src.nioBuffers(srcIndex, length)) {
                int byteSize = part.remaining();
                whole().put(to, part, part.position(), byteSize);
                to += byteSize;
            }
        } else {
            src.getBytes(srcIndex, this, index, length);
        }
        return this;
    }

    @Override
    public ByteBuf setBytes(int index, byte[] src, int srcIndex, int length) {
        checkSrcIndex(index, length, srcIndex, src.length);
        copyFromArray(src, srcIndex, index, length);
        return this;
    }

    private void copyFromArray(byte[] from, int fromIndex, int index, int length) {
        MemorySegment.copy(from, fromIndex, memory(), ValueLayout.JAVA_BYTE, index, length);
    }

    @Override
    public ByteBuf setBytes(int index, ByteBuffer src) {
        int length = src.remaining();
        checkIndex(index, length);
        int position = src.position();
        whole().put(index, src, position, length);
        src.position(position + length);
        return this;
    }

    @Override
    public int setBytes(int index, InputStream in, int length) throws IOException {
        checkIndex(index, length);
        byte[] bytes = new byte[length];
        int count = in.read(bytes, 0, length);
        if (count > 0) {
            copyFromArray(bytes, 0, index, count);
        }
        return count;
    }

    @Override
    public int setBytes(int index, ScatteringByteChannel in, int length) throws IOException {
        try {
            return in.read(internalNioBuffer(index, length));
        } catch (ClosedChannelException closed) {
            return -1;
        }
    }

    @Override
    public int setBytes(int index, FileChannel in, long position, int length) throws IOException {
        try {
            return in.read(internalNioBuffer(index, length), position);
        } catch (ClosedChannelException closed) {
            return -1;
        }
    }

    @Override
    public ByteBuf setZero(int index, int length) {
        checkIndex(index, length);
        memory().asSlice(index, length).fill((byte) 0);
        return this;
    }

    @Override
    public ByteBuf writeZero(int length) {
        ensureWritable(length);
        int index = writerIndex();
        setZero(index, length);
        return writerIndex(index + length);
    }

    @Override
    public ByteBuf copy(int index, int length) {
        checkIndex(index, length);
        return alloc.directBuffer(length, maxCapacity()).writeBytes(this, index, length);
    }

    // --------------------------------------------------------------------------------------------- as JDK's buffers

    @Override
    public int nioBufferCount() {
        return 1;
    }

    @Override
    public ByteBuffer nioBuffer(int index, int length) {
        checkIndex(index, length);
        return whole().slice(index, length);
    }

    @Override
    public ByteBuffer[] nioBuffers(int index, int length) {
        return new ByteBuffer[] {nioBuffer(index, length)};
    }

    @Override
    public ByteBuffer internalNioBuffer(int index, int length) {
        checkIndex(index, length);
        ByteBuffer buffer = own;
        if (buffer == null) {
            buffer = whole().duplicate();
            own = buffer;
        }
        return buffer.clear().position(index).limit(index + length);
    }

    private ByteBuffer whole() {
        ByteBuffer buffer = whole;
        if (buffer == null) {
            buffer = memory().asByteBuffer();
            whole = buffer;
        }
        return buffer;
    }
}
