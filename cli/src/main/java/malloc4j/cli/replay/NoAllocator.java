package malloc4j.cli.replay;

import java.lang.foreign.Arena;

/// Serves every request from the same 64 KiB and frees nothing: what is measured with `--with none` is what the
/// replay itself costs in time, and what the JVM adds to every figure of resident memory. Not an allocator, so it
/// can neither be verified nor have all bytes touched.
final class NoAllocator implements Allocator {
    private static final long BYTES = 1 << 16; // 64 KiB; only first words are touched
    private static final long BLOCK = Arena.global().allocate(BYTES, 4096).address();

    @Override
    public String version() {
        return "none";
    }

    @Override
    public long malloc(int id, long byteSize) {
        return BLOCK + ((id * 16L) & (BYTES - 16));
    }

    @Override
    public long calloc(int id, long byteSize) {
        return malloc(id, byteSize);
    }

    @Override
    public long memalign(int id, long byteAlignment, long byteSize) {
        return malloc(id, byteSize);
    }

    @Override
    public long realloc(int id, long address, long byteSize) {
        return malloc(id, byteSize);
    }

    @Override
    public void free(int id, long address) {}
}
