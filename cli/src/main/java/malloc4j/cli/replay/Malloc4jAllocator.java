package malloc4j.cli.replay;

import malloc4j.Malloc;

/// This project's allocator by its C names: the common heap, whose source of pages `--source` chooses.
final class Malloc4jAllocator implements Allocator {
    @Override
    public String version() {
        String version = Malloc.class.getPackage().getImplementationVersion();
        return version == null ? "development" : version;
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
