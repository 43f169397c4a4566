package malloc4j.faults;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Whatever call a stack overflow hits: the heap is whole, no lock is held, no block is given twice, and nothing is
/// lost but what the torn call had in hand.
@Tag("proof")
class DeepRecursionTest {
    private static final int THREADS = 4;
    private static final int OVERFLOWS = Integer.getInteger("test.deepOverflows", 20); // of each thread

    @ParameterizedTest
    @CsvSource({"-Xint, 20", "-XX:TieredStopAtLevel=1, 20", "-XX:-TieredCompilation, 20", "-XX:+TieredCompilation, 10"})
    void overflowedStackLeavesHeapWhole(String compiler, String maxSizeBits) throws Exception {
        ChildJvm child = ChildJvm.small(compiler);
        String printed =
                child.run(DeepRecursionChild.class, String.valueOf(THREADS), String.valueOf(OVERFLOWS), maxSizeBits);
        assertThat(printed).endsWith("done\n");
    }

    /// A free that was torn must not hide a word's free blocks, which a confined pool finds by nothing else.
    @ParameterizedTest
    @ValueSource(strings = {"-Xint", "-XX:TieredStopAtLevel=1"})
    void overflowedStackLeavesPoolWhole(String compiler) throws Exception {
        assertThat(ChildJvm.small(compiler).run(DeepPoolChild.class)).endsWith("done\n");
    }
}
