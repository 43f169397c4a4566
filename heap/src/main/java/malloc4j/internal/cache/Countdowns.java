package malloc4j.internal.cache;

import malloc4j.internal.slab.SizeClasses;

/// How many blocks of each size class a cache hands out before one is looked at: what winds up the countdowns of its
/// magazines.
///
/// While nobody [looks][Sampling], a countdown ends after about [#REST_BYTES], so that the thread notices when somebody
/// begins to. While somebody does, the bytes from one sampled block to the next are exponentially distributed: so each
/// block of `b` bytes is one with the probability `1 - exp(-b / mean)`, whatever was before it. Blocks that are to be
/// guarded are chosen in the same way by their number. Blocks out of slots and blocks out of words are counted apart,
/// which changes nothing in that.
///
/// What would be further than [#CUT_BYTES], or than [Magazine#MAX_COUNTDOWN] blocks, is cut off there, and drawn again,
/// with the mean of that moment: the distribution has no memory.
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
    // What the block is at which a countdown ends, by Sampling.due; 0 for nothing.

    private final long[] popDues = new long[SizeClasses.COUNT];
    private final long[] drawDues = new long[SizeClasses.COUNT];

    Countdowns(Sampling sampling) {
        this.sampling = sampling;
    }

    /// Winds up what has ended of the countdowns of a magazine, or was never wound up. Returns 0 when nothing has
    /// ended; otherwise what the block is that is asked for, by [Sampling#due], or [#NO_SAMPLE].
    long rewind(long magazine, int sizeClass) {
        boolean isNew = !Magazine.isWound(magazine);
        boolean isPop = Magazine.isPopDue(magazine);
        if (!isNew && !isPop && !Magazine.isDrawDue(magazine)) {
            return 0;
        }
        long due = isNew ? 0 : isPop ? popDues[sizeClass] : drawDues[sizeClass];
        long popsLeft = Magazine.popsLeft(magazine);
        long drawsLeft = Magazine.drawsLeft(magazine);
        if (isNew || isPop) {
            popsLeft = next(popDues, sizeClass);
        }
        if (isNew || !isPop) {
            drawsLeft = next(drawDues, sizeClass);
        }
        Magazine.rewind(magazine, popsLeft, drawsLeft);
        return due == 0 ? NO_SAMPLE : due;
    }

    /// Lets the next block of a class be none that is looked at; the one after it may be again.
    void letOne(long magazine, int sizeClass) {
        if (Magazine.hasSlot(magazine)) {
            popDues[sizeClass] = 0;
            Magazine.rewind(magazine, 1, Magazine.drawsLeft(magazine));
        } else {
            drawDues[sizeClass] = 0;
            Magazine.rewind(magazine, Magazine.popsLeft(magazine), 1);
        }
    }

    private long next(long[] dues, int sizeClass) {
        int blockBytes = SizeClasses.blockBytes(sizeClass);
        long meanBytes = sampling.meanBytes();
        long meanBlocks = sampling.meanBlocks();
        if (meanBytes == 0 && meanBlocks == 0) {
            dues[sizeClass] = 0;
            return Math.clamp(REST_BYTES / blockBytes, MIN_REST, MAX_REST);
        }
        long limit = Math.clamp(CUT_BYTES / blockBytes, MIN_REST, Magazine.MAX_COUNTDOWN);
        double byBytes = meanBytes == 0 ? limit : Math.floor(sampling.nextBytes(meanBytes) / blockBytes);
        double byBlocks = meanBlocks == 0 ? limit : sampling.nextBlocks(meanBlocks);
        double blocks = Math.min(byBytes, byBlocks);
        if (blocks >= limit) {
            dues[sizeClass] = 0;
            return limit;
        }
        dues[sizeClass] = Sampling.due(byBytes == blocks ? meanBytes : 0, byBlocks == blocks);
        return (long) blocks;
    }
}
