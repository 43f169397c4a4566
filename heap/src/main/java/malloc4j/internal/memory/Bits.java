package malloc4j.internal.memory;

/// Arithmetic on powers of two and bit maps held in `long[]`, bit `i` in word `i / 64`.
public final class Bits {
    private Bits() {}

    public static boolean isPowerOfTwo(long value) {
        return value > 0 && (value & (value - 1)) == 0;
    }

    /// The lowest power of two that is not less than `value`, 1 to 2^62.
    public static long ceilingPowerOfTwo(long value) {
        return value <= 1 ? 1 : Long.highestOneBit(value - 1) << 1;
    }

    /// Rounds down to a multiple of `unit`, a power of two.
    public static long alignDown(long value, long unit) {
        return value & -unit;
    }

    /// Rounds up to a multiple of `unit`, a power of two. The caller makes sure that the sum does not overflow.
    public static long alignUp(long value, long unit) {
        return (value + unit - 1) & -unit;
    }

    public static boolean get(long[] map, int index) {
        return (map[index >>> 6] & (1L << index)) != 0;
    }

    public static void set(long[] map, int from, int to) {
        for (int word = from >>> 6; word <= (to - 1) >>> 6; word++) {
            map[word] |= mask(word, from, to);
        }
    }

    public static void clear(long[] map, int from, int to) {
        for (int word = from >>> 6; word <= (to - 1) >>> 6; word++) {
            map[word] &= ~mask(word, from, to);
        }
    }

    /// How many bits of `[from, to)` are set.
    public static int count(long[] map, int from, int to) {
        int count = 0;
        for (int word = from >>> 6; word <= (to - 1) >>> 6; word++) {
            count += Long.bitCount(map[word] & mask(word, from, to));
        }
        return count;
    }

    /// The first set bit at or after `from`, or `limit` when there is none below it.
    public static int nextSet(long[] map, int from, int limit) {
        return next(map, from, limit, 0);
    }

    /// The first clear bit at or after `from`, or `limit` when there is none below it.
    public static int nextClear(long[] map, int from, int limit) {
        return next(map, from, limit, -1);
    }

    private static int next(long[] map, int from, int limit, long flip) {
        if (from >= limit) {
            return limit;
        }
        int word = from >>> 6;
        long bits = (map[word] ^ flip) & (-1L << from);
        while (bits == 0) {
            word++;
            if (word << 6 >= limit) {
                return limit;
            }
            bits = map[word] ^ flip;
        }
        return Math.min(limit, (word << 6) + Long.numberOfTrailingZeros(bits));
    }

    /// The first bit at or after `from` that begins `count` set bits in a row, or `limit` when there is none below
    /// it. The row may end beyond `limit`.
    ///
    /// @param count 1 to 64
    public static int nextRun(long[] map, int from, int limit, int count) {
        if (from >= limit) {
            return limit;
        }
        long unseen = -1L << from;
        for (int word = from >>> 6; word <= (limit - 1) >>> 6; word++) {
            long low = map[word];
            if (low != 0) {
                long high = word + 1 < map.length ? map[word + 1] : 0;
                for (int run = 1; run < count; ) { // bit i of low stays set if bits [i, i + run) are
                    int shift = Math.min(run, count - run);
                    low &= low >>> shift | high << -shift;
                    high &= high >>> shift;
                    run += shift;
                }
                low &= unseen;
                if (low != 0) {
                    return Math.min(limit, (word << 6) + Long.numberOfTrailingZeros(low));
                }
            }
            unseen = -1L;
        }
        return limit;
    }

    /// The set bit before `from` that ends the run of set bits below it: the lowest `i` such that `[i, from)` is
    /// set.
    public static int runStart(long[] map, int from) {
        int index = from;
        while (index > 0) {
            int word = (index - 1) >>> 6;
            int used = ((index - 1) & 63) + 1;
            int ones = Long.numberOfLeadingZeros(~(map[word] << (64 - used)));
            if (ones < used) {
                return index - ones;
            }
            index -= used;
        }
        return 0;
    }

    private static long mask(int word, int from, int to) {
        long mask = -1L;
        if (word == from >>> 6) {
            mask &= -1L << from;
        }
        if (word == (to - 1) >>> 6) {
            mask &= -1L >>> -to;
        }
        return mask;
    }
}
