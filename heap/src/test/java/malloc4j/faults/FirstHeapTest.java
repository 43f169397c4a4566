package malloc4j.faults;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// What a kernel may refuse to the first heap of a process, which all others stand on: zone, records, entries, caches.
@Tag("proof")
class FirstHeapTest {
    /// From the commit of the caches' magazines on, of the records, of the entries, or of the extent.
    @ParameterizedTest
    @ValueSource(ints = {2, 3, 4, 5})
    void commitsThatAreRefusedToTheFirstHeapLoseNothing(int nth) throws IOException, InterruptedException {
        String text = ChildJvm.small().run(FirstHeapChild.class, Integer.toString(nth), "mprotect");
        assertThat(text.strip()).isEqualTo("refused");
    }

    /// Each call in turn, with `-Dtest.firstHeap=all`.
    @Test
    void noCallOfTheFirstHeapLosesAnythingWhenItIsRefused() throws IOException, InterruptedException {
        int last = "all".equals(System.getProperty("test.firstHeap")) ? Integer.MAX_VALUE : 2;
        for (int nth = 1; nth <= last; nth++) {
            String text = ChildJvm.small().run(FirstHeapChild.class, Integer.toString(nth));
            if (text.contains("no such call")) {
                return;
            }
        }
    }
}
