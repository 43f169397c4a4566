package malloc4j.cli.replay;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LiveCurveTest {
    @TempDir
    Path folder;

    @Test
    void ofAShortTraceEveryEventIsAPoint() throws Exception {
        LiveCurve curve = LiveCurve.of(Traces.parse(folder, Traces.TWO_THREADS));

        assertThat(curve.events()).containsExactly(1, 2, 3, 4, 5, 6);
        assertThat(curve.liveBytes()).containsExactly(64L, 164L, 228L, 276L, 148L, 100L);
        assertThat(curve.peakEvent()).isEqualTo(4);
    }

    @Test
    void ofALongOneThePeakAndTheEndAreAmongThePoints() throws Exception {
        String[] events = new String[10_001];
        for (int i = 0; i < 5_000; i++) {
            events[2 * i] = "a 0 " + i + " " + (i == 1_234 ? 1_000_000 : 10);
            events[2 * i + 1] = "f 0 " + i;
        }
        events[10_000] = "a 0 5000 7";
        LiveCurve curve = LiveCurve.of(Traces.parse(folder, Traces.text(events)));

        assertThat(curve.peakEvent()).isEqualTo(2_469);
        assertThat(curve.events())
                .isSorted()
                .doesNotHaveDuplicates()
                .contains(2_469)
                .endsWith(10_001)
                .hasSizeBetween(100, 200);
        assertThat(curve.liveBytes())
                .hasSameSizeAs(curve.events())
                .contains(1_000_000L)
                .endsWith(7L);
    }
}
