package malloc4j.faults;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Touches of guards are errors that can be caught, in the interpreter and in the code of each compiler.
class GuardModesTest {
    private static final String ALL = ".*: 300 of 300, explained 300";

    /// A read beside a block meets the guard on one side only; at the other nobody can know of it.
    private static final String HALF = "(read|copy to|mismatch|string).*flow: (1\\d\\d) of 300, explained \\2";

    @ParameterizedTest
    @ValueSource(strings = {"-Xint", "-XX:TieredStopAtLevel=1", "-XX:-TieredCompilation", "-XX:+TieredCompilation"})
    void everyTouchIsToldAndExplained(String mode) throws Exception {
        List<String> lines = ChildJvm.small(mode)
                .run(GuardChild.class, mode.equals("-Xint") ? "0" : "20000")
                .lines()
                .toList();
        assertThat(lines.getLast()).startsWith("done");
        for (String line : lines.subList(0, lines.size() - 1)) {
            assertThat(line).as(mode).matches(ALL + "|" + HALF);
        }
        assertThat(lines).hasSize(9 * 3 + 1);
    }
}
