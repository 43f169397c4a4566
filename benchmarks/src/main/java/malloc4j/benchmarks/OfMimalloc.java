package malloc4j.benchmarks;

import java.lang.invoke.MethodHandle;

/// mimalloc.
final class OfMimalloc implements Allocator {
    static final NativeLibrary LIBRARY = NativeLibrary.of("libmimalloc.so.2", "libmimalloc2.0");
    private static final MethodHandle MALLOC = LIBRARY.malloc("mi_malloc");
    private static final MethodHandle FREE = LIBRARY.free("mi_free");

    @Override
    public long malloc(long byteSize) {
        try {
            return (long) MALLOC.invokeExact(byteSize);
        } catch (Throwable thrown) {
            throw new IllegalStateException(thrown);
        }
    }

    @Override
    public void free(long address) {
        try {
            FREE.invokeExact(address);
        } catch (Throwable thrown) {
            throw new IllegalStateException(thrown);
        }
    }
}
