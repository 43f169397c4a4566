package malloc4j.benchmarks;

import java.lang.invoke.MethodHandle;

/// The tcmalloc of gperftools.
final class OfTcmalloc implements Allocator {
    static final NativeLibrary LIBRARY = NativeLibrary.of("libtcmalloc_minimal.so.4", "libtcmalloc-minimal4");
    private static final MethodHandle MALLOC = LIBRARY.malloc("tc_malloc");
    private static final MethodHandle FREE = LIBRARY.free("tc_free");

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
