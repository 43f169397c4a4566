package malloc4j.internal.cache;

import malloc4j.internal.slab.SizeClasses;

/// How many blocks of each size class a cache hands out before one is looked at: what winds up the countdowns of its
/// magazines.
///
/// While nobody [looks][Sampling], a countdown ends after about [#REST_BYTES], so that the thread notices when somebody
/// begins to. While somebody does, the bytes from one sampled block to the next are exponentially distributed: so each
/// block of `b` bytes is one with the probability `1 - exp(-b / mean)`, whatever was before it. Blocks out of slots and
/// blocks out of words are counted apart, which changes nothing in that.
///
/// What would be further than [#CUT_BYTES] is cut off there, and drawn again, with the mean of that moment: the
/// distribution has no memory.
///
/// Concurrency: by the owner of the cache.
final class Countdowns {
    private static final int REST_BYTES = 1 << 20; // 1 MiB
    private static final int CUT_BYTES = 1 << 23; // 8 MiB
    private static final int MIN_REST = 1 << 8; // blocks: their share of what the long way costs is lost in noise
    private static final int MAX_REST = 1 << 13;

    /// What [#rewind] answers when nothing is to be looked at.
    static final long NO_SAMPLE = -1;

    private final Sampling sampling;
    private final long[] popMeans =
            new long[SizeClasses.COUNT]; // with what mean the countdown was drawn; 0 for no sample
    private final long[] drawMeans = new long[SizeClasses.COUNT];

    Countdowns(Sampling sampling) {
        this.sampling = sampling;
    }

    /// Winds up what has ended of the countdowns of a magazine, or was never wound up. Returns 0 when nothing has
    /// ended; otherwise the mean in bytes by which the block that is asked for is a sample, or [#NO_SAMPLE].
    long rewind(long magazine, int sizeClass) {
        boolean isNew = !Magazine.isWound(magazine);
        boolean isPop = Magazine.isPopDue(magazine);
        if (!isNew && !isPop && !Magazine.isDrawDue(magazine)) {
            return 0;
        }
        long due = isNew ? 0 : isPop ? popMeans[sizeClass] : drawMeans[sizeClass];
        long mean = sampling.meanBytes();
        long popsLeft = Magazine.popsLeft(magazine);
        long drawsLeft = Magazine.drawsLeft(magazine);
        if (isNew || isPop) {
            popsLeft = next(popMeans, sizeClass, mean);
        }
        if (isNew || !isPop) {
            drawsLeft = next(drawMeans, sizeClass, mean);
        }
        Magazine.rewind(magazine, popsLeft, drawsLeft);
        return due == 0 ? NO_SAMPLE : due;
    }

    private long next(long[] means, int sizeClass, long mean) {
        int blockBytes = SizeClasses.blockBytes(sizeClass);
        if (mean == 0) {
            means[sizeClass] = 0;
            return Math.clamp(REST_BYTES / blockBytes, MIN_REST, MAX_REST);
        }
        double blocks = sampling.nextBytes(mean) / blockBytes;
        long limit = Math.clamp(CUT_BYTES / blockBytes, MIN_REST, Magazine.MAX_COUNTDOWN);
        boolean isNear = blocks < limit;
        means[sizeClass] = isNear ? mean : 0;
        return isNear ? (long) blocks : limit;
    }
}
