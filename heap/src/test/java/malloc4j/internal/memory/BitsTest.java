package malloc4j.internal.memory;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.BitSet;
import java.util.SplittableRandom;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Bit maps behave as [BitSet] does, at every alignment of a range to words.
class BitsTest {
    private static final int BITS = 64 * 5;

    @RepeatedTest(8)
    void randomRangesAgreeWithBitSet(RepetitionInfo repetition) {
        SplittableRandom random = new SplittableRandom(repetition.getCurrentRepetition());
        long[] map = new long[BITS / 64];
        BitSet model = new BitSet();
        for (int step = 0; step < 20_000; step++) {
            int from = random.nextInt(BITS);
            int to = from + 1 + random.nextInt(BITS - from);
            if (random.nextBoolean()) {
                Bits.set(map, from, to);
                model.set(from, to);
            } else {
                Bits.clear(map, from, to);
                model.clear(from, to);
            }
            int start = random.nextInt(BITS);
            int limit = start + 1 + random.nextInt(BITS - start);
            assertThat(BitSet.valueOf(map)).isEqualTo(model);
            assertThat(Bits.count(map, start, limit))
                    .isEqualTo(model.get(start, limit).cardinality());
            assertThat(Bits.get(map, start)).isEqualTo(model.get(start));
            int nextSet = model.nextSetBit(start);
            assertThat(Bits.nextSet(map, start, limit)).isEqualTo(nextSet < 0 ? limit : Math.min(limit, nextSet));
            assertThat(Bits.nextClear(map, start, limit)).isEqualTo(Math.min(limit, model.nextClearBit(start)));
            assertThat(Bits.runStart(map, limit)).isEqualTo(model.previousClearBit(limit - 1) + 1);
            int count = 1 + random.nextInt(64);
            assertThat(Bits.nextRun(map, start, limit, count)).isEqualTo(nextRun(model, start, limit, count));
        }
    }

    private static int nextRun(BitSet model, int from, int limit, int count) {
        for (int bit = from; bit < limit; bit++) {
            if (model.nextClearBit(bit) >= bit + count) {
                return bit;
            }
        }
        return limit;
    }

    @Test
    void everyRangeOfThreeWordsIsSetAndCounted() {
        for (int from = 0; from < 192; from++) {
            for (int to = from + 1; to <= 192; to++) {
                long[] map = new long[3];
                Bits.set(map, from, to);
                assertThat(Bits.nextSet(map, 0, 192)).isEqualTo(from);
                assertThat(Bits.nextClear(map, from, 192)).isEqualTo(to);
                assertThat(Bits.count(map, 0, 192)).isEqualTo(to - from);
                assertThat(Bits.runStart(map, to)).isEqualTo(from);
                for (int count = 1; count <= 64; count++) {
                    assertThat(Bits.nextRun(map, 0, 192, count)).isEqualTo(to - from >= count ? from : 192);
                }
                Bits.clear(map, from, to);
                assertThat(map).containsOnly(0);
            }
        }
    }

    @Test
    void searchFromTheLimitFindsNothing() {
        long[] map = {-1L};
        assertThat(Bits.nextSet(map, 64, 64)).isEqualTo(64);
        assertThat(Bits.nextClear(map, 64, 64)).isEqualTo(64);
        assertThat(Bits.nextRun(map, 64, 64, 1)).isEqualTo(64);
        assertThat(Bits.runStart(map, 0)).isZero();
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 16, 4096, 1L << 30, 1L << 62})
    void powersOfTwo(long value) {
        assertThat(Bits.isPowerOfTwo(value)).isTrue();
        assertThat(Bits.alignUp(value, value)).isEqualTo(value);
        assertThat(Bits.alignUp(1, value)).isEqualTo(value);
        assertThat(Bits.alignDown(value - 1, value)).isZero();
        assertThat(Bits.alignDown(value, value)).isEqualTo(value);
    }

    @ParameterizedTest
    @ValueSource(longs = {0, -1, 3, 6, 12, 4097, Long.MIN_VALUE, Long.MAX_VALUE, -16})
    void everythingElseIsNoPowerOfTwo(long value) {
        assertThat(Bits.isPowerOfTwo(value)).isFalse();
    }
}
