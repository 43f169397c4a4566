package malloc4j.sources;

import static org.assertj.core.api.Assertions.assertThat;

import malloc4j.faults.ChildJvm;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The program break as a source: used where it can be, left alone where it cannot, and nobody notices but
/// the addresses.
class BrkSourceTest {
    @ParameterizedTest
    @ValueSource(
            strings = {
                "plain",
                "RLIMIT_DATA",
                "mapping above",
                "foreign sbrk",
                "cut off",
                "cut off later",
                "resident",
                "records refused"
            })
    void theBreakIsUsedOrMappingsInItsPlace(String scenario) throws Exception {
        ChildJvm child = scenario.equals("RLIMIT_DATA") ? ChildJvm.small("-Xint") : ChildJvm.small();
        assertThat(child.run(BrkSourceChild.class, scenario)).endsWith("done\n");
    }
}
