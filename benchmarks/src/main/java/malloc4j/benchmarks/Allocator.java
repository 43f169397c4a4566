package malloc4j.benchmarks;

/// An allocator of blocks by address, so that every one of them runs the same code. A fork sees one implementation,
/// so the JIT inlines it behind one comparison of its class, the same for all.
///
/// Each implementation is a class of its own with its own `static final` handles: what is behind them is a constant
/// to the JIT, the fastest way that Java has to call C.
interface Allocator {
    long malloc(long byteSize);

    void free(long address);

    /// The allocator called `name`.
    ///
    /// @throws IllegalStateException if it is not installed; the message says how to get it
    static Allocator of(String name) {
        return switch (name) {
            case "malloc4j" -> new OfMalloc4j();
            case "unsafe" -> new OfUnsafe();
            case "glibc" -> new OfGlibc();
            case "jemalloc" -> present(OfJemalloc.LIBRARY, new OfJemalloc());
            case "mimalloc" -> present(OfMimalloc.LIBRARY, new OfMimalloc());
            case "tcmalloc" -> present(OfTcmalloc.LIBRARY, new OfTcmalloc());
            default -> throw new IllegalArgumentException("no allocator is called " + name);
        };
    }

    private static Allocator present(NativeLibrary library, Allocator allocator) {
        if (library.isAbsent()) {
            throw new IllegalStateException("ABSENT, nothing measured: " + library.absence());
        }
        return allocator;
    }
}
