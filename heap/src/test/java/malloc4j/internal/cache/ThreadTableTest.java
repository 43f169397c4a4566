package malloc4j.internal.cache;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ThreadTableTest {
    private final ThreadTable<String> table = new ThreadTable<>();

    private void put(long threadId) {
        table.makeRoom();
        table.put(threadId, "of " + threadId);
    }

    @Test
    void anEmptyTableFindsNothing() {
        assertThat(table.get(1)).isNull();
        table.remove(1);
        assertThat(table.size()).isZero();
        table.verify();
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 256, 4096, 1 << 20, 0x9E37_79B9L, 1L << 40})
    void threadsAreFoundWhateverTheStrideOfTheirIds(long stride) {
        for (int count = 1; count <= 10_000; count++) {
            put(count * stride);
        }
        table.verify();
        for (int count = 1; count <= 10_000; count++) {
            assertThat(table.get(count * stride)).isEqualTo("of " + count * stride);
        }
        assertThat(table.get(10_001 * stride)).isNull();
        assertThat(table.size()).isEqualTo(10_000);
        table.clear();
        assertThat(table.get(stride)).isNull();
        table.verify();
    }

    @Test
    void aNumberIsFoundBesideItsValue() {
        for (long threadId = 1; threadId <= 1_000; threadId++) {
            table.makeRoom();
            table.put(threadId, "of " + threadId, threadId << 20);
            assertThat(table.number(threadId)).isEqualTo(threadId << 20);
            assertThat(table.number(threadId + 1)).isZero();
        }
        table.remove(500);
        assertThat(table.number(500)).isZero();
        assertThat(table.number(501)).isEqualTo(501L << 20);
        assertThat(table.get(501)).isEqualTo("of 501");
        table.verify();
        table.clear();
        assertThat(table.number(501)).isZero();
        table.verify();
    }

    @Test
    void aTableIsAMapWhileThreadsComeAndGo() {
        Random random = new Random(5);
        Map<Long, String> model = new HashMap<>();
        for (int step = 1; step <= 100_000; step++) {
            int most = step / 20_000 % 2 == 0 ? 3_000 : 30; // grows, and shrinks again
            if (model.size() < most && random.nextInt(3) > 0) {
                put(step);
                model.put((long) step, "of " + step);
            } else if (!model.isEmpty()) {
                long threadId = model.keySet().iterator().next();
                table.remove(threadId);
                model.remove(threadId);
                assertThat(table.get(threadId)).isNull();
            }
            if (step % 5_000 == 0) {
                table.verify();
                assertThat(table.size()).isEqualTo(model.size());
                model.forEach(
                        (threadId, value) -> assertThat(table.get(threadId)).isEqualTo(value));
            }
        }
    }
}
