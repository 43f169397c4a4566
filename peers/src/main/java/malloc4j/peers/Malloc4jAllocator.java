package malloc4j.peers;

import java.util.Objects;
import malloc4j.Malloc;

/// This project's allocator by its C names: the common heap, which reads its options from system properties.
final class Malloc4jAllocator implements Allocator {
    static final String VERSION =
            Objects.requireNonNullElse(Malloc.class.getPackage().getImplementationVersion(), "development");

    @Override
    public String version() {
        return VERSION;
    }

    @Override
    public boolean trim() {
        Malloc.trim(0);
        return true;
    }

    @Override
    public long malloc(int id, long byteSize) {
        return Malloc.malloc(byteSize);
    }

    @Override
    public long calloc(int id, long byteSize) {
        return Malloc.calloc(1, byteSize);
    }

    @Override
    public long memalign(int id, long byteAlignment, long byteSize) {
        return Malloc.alignedAlloc(byteAlignment, byteSize);
    }

    @Override
    public long realloc(int id, long address, long byteSize) {
        return Malloc.realloc(address, byteSize);
    }

    @Override
    public void free(int id, long address) {
        Malloc.free(address);
    }
}
