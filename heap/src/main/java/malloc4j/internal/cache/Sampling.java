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

        @Override
        public long meanBlocks() {
            return 0;
        }

        @Override
        public double nextBlocks(long meanBlocks) {
            return Double.MAX_VALUE;
        }
    };

    /// Mean bytes between two samples, 0 while none are taken.
    long meanBytes();

    /// Bytes to the next sample: exponentially distributed, with that mean.
    double nextBytes(long meanBytes);

    /// Mean blocks from one that is to be guarded to the next, 0 while none is.
    long meanBlocks();

    /// Blocks before the next one: geometrically distributed, so that each is one with the probability `1 /
    /// meanBlocks`.
    double nextBlocks(long meanBlocks);

    /// Whether a block that no countdown counts is to be a sample: [#due], or 0.
    default long dueFor(long byteSize) {
        long mean = meanBytes();
        return mean != 0 && nextBytes(mean) < byteSize ? due(mean, false) : 0;
    }

    /// What stands for an address where a block is to be a sample, or guarded: it is taken elsewhere.
    ///
    /// @param meanBytes the mean by which it is a sample, 0 where it is none
    /// @param isGuarded whether it is to be guarded
    static long due(long meanBytes, boolean isGuarded) {
        return Long.MIN_VALUE + (meanBytes << 1 | (isGuarded ? 1 : 0));
    }

    /// Whether that is what [#due] has made.
    static boolean isDue(long result) {
        return result < Long.MIN_VALUE >> 1;
    }

    /// What [#due] was given.
    static long meanBytes(long result) {
        return (result - Long.MIN_VALUE) >> 1;
    }

    /// What [#due] was given.
    static boolean isGuarded(long result) {
        return (result & 1) != 0;
    }
}
