package malloc4j.cli.workload;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

class SizesTest {
    @Test
    void uniformReachesBothEnds() {
        int[] sizes = Sizes.uniform(10_000, 3, 12);
        assertThat(Arrays.stream(sizes).min()).hasValue(3);
        assertThat(Arrays.stream(sizes).max()).hasValue(12);
        assertThat(Arrays.stream(sizes).average().orElseThrow()).isBetween(7.3, 7.7);
    }

    @Test
    void theSameInEveryRun() {
        assertThat(Sizes.of(100, u -> u * 1_000)).isEqualTo(Sizes.of(100, u -> u * 1_000));
    }

    @Test
    void followsTheDistribution() {
        int[] sizes = Sizes.of(10_000, u -> 16 * Math.pow(2, u * 4)); // 16 to 256, each doubling as likely
        for (int from = 16; from < 256; from *= 2) {
            int low = from;
            assertThat(Arrays.stream(sizes)
                            .filter(size -> size >= low && size < 2 * low)
                            .count())
                    .isBetween(2_300L, 2_700L);
        }
    }
}
