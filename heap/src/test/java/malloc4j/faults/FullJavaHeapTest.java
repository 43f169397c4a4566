package malloc4j.faults;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/// What is handed out as an object when the Java heap has no room for the object. Two rounds of each by default, more
/// by `-Dtest.fullRounds`.
///
/// | handed out | after an `OutOfMemoryError` |
/// |---|---|
/// | a block as a segment | the block is freed |
/// | a confined, shared or unscoped arena | it does not count as open, the heap can be closed |
/// | `realloc` of a segment, huge blocks, the first use of a class | not tried here |
@Tag("proof")
class FullJavaHeapTest {
    @Test
    void nothingStaysTakenThatCouldNotBeHandedOut() throws Exception {
        String rounds = System.getProperty("test.fullRounds", "2");
        assertThat(ChildJvm.small("-Xms12m", "-Xmx12m").run(FullJavaHeapChild.class, rounds))
                .contains("passed");
    }
}
