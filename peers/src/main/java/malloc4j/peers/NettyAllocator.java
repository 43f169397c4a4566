package malloc4j.peers;

import io.netty.buffer.AdaptiveByteBufAllocator;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.util.Version;
import java.util.BitSet;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Netty's direct buffers, each block one that cannot grow. Every thread gets Netty's caches here, as an event
/// loop's has them; plain threads go without by Netty's default. There is no alignment: such a block is cut from a
/// larger one. A `ByteBuf` can do more than a block of bytes, which is part of what it costs.
record NettyAllocator(ByteBufAllocator netty, Live blocks) implements Allocator {
    private static final boolean CACHE_FOR_ALL_THREADS = true;

    /// The buffers of the live blocks, by ID.
    private static final class Live {
        private @Nullable ByteBuf[] buffers = new ByteBuf[0];
    }

    static NettyAllocator pooled() {
        var pooled = new PooledByteBufAllocator(
                true,
                PooledByteBufAllocator.defaultNumHeapArena(),
                PooledByteBufAllocator.defaultNumDirectArena(),
                PooledByteBufAllocator.defaultPageSize(),
                PooledByteBufAllocator.defaultMaxOrder(),
                PooledByteBufAllocator.defaultSmallCacheSize(),
                PooledByteBufAllocator.defaultNormalCacheSize(),
                CACHE_FOR_ALL_THREADS);
        return new NettyAllocator(pooled, new Live());
    }

    static NettyAllocator adaptive() {
        return new NettyAllocator(new AdaptiveByteBufAllocator(true, CACHE_FOR_ALL_THREADS), new Live());
    }

    @Override
    public String version() {
        Map<String, Version> versions = Version.identify(ByteBuf.class.getClassLoader());
        Version version = versions.get("netty-buffer");
        return version == null ? "unknown" : version.artifactVersion().replace(".Final", "");
    }

    @Override
    public void prepare(int blockCount, BitSet crossing) {
        blocks.buffers = new ByteBuf[blockCount];
    }

    @Override
    public long malloc(int id, long byteSize) {
        ByteBuf buffer = netty.directBuffer((int) byteSize, (int) byteSize);
        blocks.buffers[id] = buffer;
        return buffer.memoryAddress();
    }

    @Override
    public long calloc(int id, long byteSize) {
        long address = malloc(id, byteSize);
        blocks.buffers[id].setZero(0, (int) byteSize);
        return address;
    }

    @Override
    public long memalign(int id, long byteAlignment, long byteSize) {
        return (malloc(id, byteSize + byteAlignment - 1) + byteAlignment - 1) & -byteAlignment;
    }

    @Override
    public long realloc(int id, long address, long byteSize) {
        ByteBuf old = blocks.buffers[id];
        long newAddress = malloc(id, byteSize);
        Memory.copy(address, newAddress, Math.min(old.capacity() - (address - old.memoryAddress()), byteSize));
        old.release();
        return newAddress;
    }

    @Override
    public void free(int id, long address) {
        ByteBuf buffer = blocks.buffers[id];
        blocks.buffers[id] = null;
        buffer.release();
    }

    @Override
    public boolean trim() {
        return netty instanceof PooledByteBufAllocator pooled && pooled.trimCurrentThreadCache();
    }
}
