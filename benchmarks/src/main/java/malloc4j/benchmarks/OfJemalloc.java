package malloc4j.benchmarks;

import java.lang.invoke.MethodHandle;

/// jemalloc, whose library has C's names; they are looked up in that library alone.
final class OfJemalloc implements Allocator {
    static final NativeLibrary LIBRARY = NativeLibrary.of("libjemalloc.so.2", "libjemalloc2");
    private static final MethodHandle MALLOC = LIBRARY.malloc("malloc");
    private static final MethodHandle FREE = LIBRARY.free("free");

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
