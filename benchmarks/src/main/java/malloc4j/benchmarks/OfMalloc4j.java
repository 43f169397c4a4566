package malloc4j.benchmarks;

import malloc4j.Malloc;

/// malloc4j by its C names.
final class OfMalloc4j implements Allocator {
    @Override
    public long malloc(long byteSize) {
        return Malloc.malloc(byteSize);
    }

    @Override
    public void free(long address) {
        Malloc.free(address);
    }
}
