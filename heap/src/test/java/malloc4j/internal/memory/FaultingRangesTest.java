package malloc4j.internal.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/// Ranges are found from the first byte to the last while they are listed. The addresses are below any mapping's, so
/// that no other test meets them.
class FaultingRangesTest {
    @Test
    void aRangeIsFoundFromItsFirstByteToItsLast() {
        FaultingRanges.add(1000, 100);
        try {
            assertThat(FaultingRanges.overlap(999, 1)).isFalse();
            assertThat(FaultingRanges.overlap(999, 2)).isTrue();
            assertThat(FaultingRanges.overlap(1000, 1)).isTrue();
            assertThat(FaultingRanges.overlap(1050, 500)).isTrue();
            assertThat(FaultingRanges.overlap(1099, 1)).isTrue();
            assertThat(FaultingRanges.overlap(1100, 1)).isFalse();
            assertThat(FaultingRanges.overlap(1, 5000)).isTrue();
        } finally {
            FaultingRanges.remove(1000, 100);
        }
        assertThat(FaultingRanges.overlap(1, 5000)).isFalse();
    }

    @Test
    void overlapsAndStrangersAreRefused() {
        FaultingRanges.add(1000, 100);
        try {
            for (long[] range : new long[][] {{900, 101}, {1000, 100}, {1099, 1}, {1, 5000}}) {
                assertThatIllegalStateException()
                        .isThrownBy(() -> FaultingRanges.add(range[0], range[1]))
                        .withMessage(range[1] + " bytes at 0x" + Long.toHexString(range[0])
                                + " is listed already, from 100 bytes at 0x3e8");
            }
            for (long[] range : new long[][] {{1000, 99}, {999, 100}, {1001, 99}, {1100, 100}, {5000, 1}}) {
                assertThatIllegalStateException()
                        .isThrownBy(() -> FaultingRanges.remove(range[0], range[1]))
                        .withMessage(range[1] + " bytes at 0x" + Long.toHexString(range[0]) + " is not listed");
            }
        } finally {
            FaultingRanges.remove(1000, 100);
        }
    }

    @Test
    void manyRangesComeAndGo() {
        Random random = new Random(11);
        boolean[] listed = new boolean[200]; // ranges of ten bytes, next to each other
        for (int round = 0; round < 5_000; round++) {
            int range = random.nextInt(listed.length);
            if (listed[range]) {
                FaultingRanges.remove(1000 + 10 * range, 10);
            } else {
                FaultingRanges.add(1000 + 10 * range, 10);
            }
            listed[range] = !listed[range];
            int start = random.nextInt(2000);
            int byteSize = 1 + random.nextInt(40);
            assertThat(FaultingRanges.overlap(1000 + start, byteSize)).isEqualTo(isAnyListed(listed, start, byteSize));
        }
        List<Integer> left = new ArrayList<>();
        for (int range = 0; range < listed.length; range++) {
            if (listed[range]) {
                left.add(range);
            }
        }
        left.forEach(range -> FaultingRanges.remove(1000 + 10L * range, 10));
        assertThat(FaultingRanges.overlap(1, 10_000)).isFalse();
    }

    private static boolean isAnyListed(boolean[] listed, int start, int byteSize) {
        for (int index = start; index < start + byteSize; index++) {
            if (index / 10 < listed.length && listed[index / 10]) {
                return true;
            }
        }
        return false;
    }
}
