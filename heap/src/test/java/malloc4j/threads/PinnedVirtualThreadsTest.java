package malloc4j.threads;

import static org.assertj.core.api.Assertions.assertThat;

import malloc4j.faults.ChildJvm;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Virtual threads that cannot leave their carrier wait for a heap's locks beside such that can.
@Tag("proof")
class PinnedVirtualThreadsTest {
    private static final int THREADS = Integer.getInteger("test.pinnedThreads", 10_000);

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 10})
    void pinnedThreadsOnEveryCarrierEnd(int carriers) throws Exception {
        ChildJvm child = ChildJvm.small(
                "-Djdk.virtualThreadScheduler.parallelism=" + carriers,
                "-Djdk.virtualThreadScheduler.maxPoolSize=" + carriers);
        assertThat(child.run(PinnedVirtualThreadsChild.class, String.valueOf(THREADS)))
                .endsWith("done\n");
    }
}
