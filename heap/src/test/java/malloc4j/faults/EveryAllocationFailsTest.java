package malloc4j.faults;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.stream.Stream;
import malloc4j.MemorySource;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Whichever allocation on the Java heap fails, in whatever a heap is asked for: the heap is whole, no block, page,
/// mapping or charge is lost, and the next call works. Eight rounds of each operation and one source by default; all
/// sources, and so many rounds, by `-Dtest.fullRounds`.
@Tag("proof")
class EveryAllocationFailsTest {
    private static final int ROUNDS = Integer.getInteger("test.fullRounds", 0);

    private static Stream<MemorySource> sources() {
        return ROUNDS == 0 ? Stream.of(MemorySource.FILE) : Stream.of(MemorySource.values());
    }

    @ParameterizedTest
    @MethodSource("sources")
    void heapIsWholeWhicheverAllocationFails(MemorySource source) throws Exception {
        String rounds = String.valueOf(ROUNDS == 0 ? 8 : ROUNDS);
        assertThat(ChildJvm.small("-Xms12m", "-Xmx12m").run(EveryAllocationFailsChild.class, source.name(), rounds))
                .endsWith("passed\n");
    }
}
