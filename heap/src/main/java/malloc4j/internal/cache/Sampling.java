package malloc4j.internal.cache;

/// Who looks at some of a heap's blocks when they are allocated, given at wiring. From any thread.
public interface Sampling {
    /// Nobody looks.
    Sampling NONE = new Sampling() {
        @Override
        public long meanBytes() {
            return 0;
        }

        @Override
        public double nextBytes(long meanBytes) {
            return Double.MAX_VALUE;
        }
    };

    /// Mean bytes between two samples, 0 while none are taken.
    long meanBytes();

    /// Bytes to the next sample: exponentially distributed, with that mean.
    double nextBytes(long meanBytes);

    /// Whether a block that no countdown counts is to be a sample: [#due], or 0.
    default long dueFor(long byteSize) {
        long mean = meanBytes();
        return mean != 0 && nextBytes(mean) < byteSize ? due(mean) : 0;
    }

    /// What stands for an address where a block is to be a sample: it is taken elsewhere.
    static long due(long meanBytes) {
        return Long.MIN_VALUE + meanBytes;
    }

    /// Whether that is what [#due] has made.
    static boolean isDue(long result) {
        return result < Long.MIN_VALUE >> 1;
    }

    /// What [#due] was given.
    static long meanBytes(long result) {
        return result - Long.MIN_VALUE;
    }
}
