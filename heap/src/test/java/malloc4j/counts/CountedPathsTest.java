package malloc4j.counts;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import malloc4j.faults.ChildJvm;
import org.junit.jupiter.api.Test;

/// How often each way of malloc and free does what other processors notice: what docs/performance.md argues from.
class CountedPathsTest {
    @Test
    void aHitTakesNoLockNoAtomicOperationAndNoSystemCall() throws Exception {
        Map<String, List<Long>> counts = new HashMap<>();
        String text = new ChildJvm(List.of(), Map.of(), List.of()).run(CountedPaths.class);
        text.lines().filter(line -> line.matches("\\S+( \\d+){4}")).forEach(line -> {
            String[] words = line.split(" ");
            counts.put(words[0], Stream.of(words).skip(1).map(Long::valueOf).toList());
        });
        for (String size : List.of("64", "40000", "65536", "1048576", "16777216")) {
            assertThat(counts.get("pair-" + size)).as(text).startsWith(0L, 0L, 0L);
        }
        assertAtMost(text, counts, "malloc-many-64", 100, 50);
        assertAtMost(text, counts, "free-many-64", 0, 0);
        assertAtMost(text, counts, "free-of-another-64", 1_200, 0);
        assertAtMost(text, counts, "malloc-many-65536", 2_500, 2_500);
        assertAtMost(text, counts, "free-many-65536", 2_500, 2_500);
        assertAtMost(text, counts, "free-of-another-65536", 4_000, 1_100);
        assertAtMost(text, counts, "pass-on-65536", 3_500, 300);
        assertThat(words(text, counts, "purge-2048"))
                .as("linear in the pages: 8 times the pages, " + text)
                .isLessThan(12 * words(text, counts, "purge-256"));
    }

    private static long words(String text, Map<String, List<Long>> counts, String way) {
        return requireNonNull(counts.get(way), text).get(3);
    }

    private static void assertAtMost(
            String text, Map<String, List<Long>> counts, String way, long atomics, long locks) {
        List<Long> found = requireNonNull(counts.get(way), text);
        assertThat(found.get(0)).as(way + " in " + text).isLessThanOrEqualTo(atomics);
        assertThat(found.get(1)).as(way + " in " + text).isLessThanOrEqualTo(locks);
    }
}
