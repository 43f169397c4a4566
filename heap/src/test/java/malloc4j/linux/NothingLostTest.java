package malloc4j.linux;

import static org.assertj.core.api.Assertions.assertThat;

import malloc4j.faults.ChildJvm;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/// Whichever allocation on the Java heap fails, in whatever takes mappings, descriptors or locks: what was handed out
/// can be closed, and then nothing of it is left. Eight rounds of each operation by default; so many by
/// `-Dtest.fullRounds`, and 40 by `-Pproof`.
@Tag("proof")
class NothingLostTest {
    private static final int ROUNDS = Integer.getInteger("test.fullRounds", 8);

    @Test
    void nothingOfTheKernelIsLostWhicheverAllocationFails() throws Exception {
        assertThat(ChildJvm.small("-Xms5m", "-Xmx5m").run(NothingLostChild.class, String.valueOf(ROUNDS)))
                .endsWith("passed\n");
    }
}
