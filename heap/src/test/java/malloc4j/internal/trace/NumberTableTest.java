package malloc4j.internal.trace;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class NumberTableTest {
    /// Few keys, so that searches meet, in bursts of more puts and of more removals.
    @Test
    void isWhatAMapIs() {
        Random random = new Random(7);
        NumberTable table = new NumberTable();
        Map<Long, Integer> model = new HashMap<>();
        for (int step = 0; step < 300_000; step++) {
            long key = 1 + random.nextInt(500) * 16L;
            boolean isPut = random.nextInt(100) < (step / 10_000 % 2 == 0 ? 70 : 30);
            if (isPut) {
                table.makeRoom();
                Integer old = model.put(key, step);
                assertThat(table.put(key, step)).isEqualTo(old == null ? NumberTable.NONE : old);
            } else {
                Integer old = model.remove(key);
                assertThat(table.remove(key)).isEqualTo(old == null ? NumberTable.NONE : old);
            }
            long asked = 1 + random.nextInt(500) * 16L;
            assertThat(table.get(asked)).isEqualTo(model.getOrDefault(asked, NumberTable.NONE));
        }
        model.forEach((key, number) -> assertThat(table.get(key)).isEqualTo(number));
    }
}
