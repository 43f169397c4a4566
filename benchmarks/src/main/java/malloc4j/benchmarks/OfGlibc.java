package malloc4j.benchmarks;

import java.lang.invoke.MethodHandle;

/// The C library of the JVM, glibc or musl.
final class OfGlibc implements Allocator {
    static final NativeLibrary LIBRARY = NativeLibrary.ofC();
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
