package malloc4j.internal.region;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashMap;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class AddressTableTest {
    @Test
    void tableHasWhatAMapHas() {
        SplittableRandom random = new SplittableRandom(41);
        AddressTable table = new AddressTable();
        Map<Long, Long> model = new HashMap<>();
        for (int step = 0; step < 20_000; step++) {
            long key = (1L + random.nextLong(step < 10_000 ? 2_000 : 100)) << 12;
            long value = 1L + random.nextInt(100);
            if (model.containsKey(key)) {
                assertThat(table.remove(key)).isEqualTo(model.remove(key));
                table.release(1);
            } else {
                assertThat(table.get(key)).isZero();
                assertThat(table.remove(key)).isZero();
                table.reserve(1);
                table.put(key, value);
                model.put(key, value);
            }
            assertThat(table.count()).isEqualTo(model.size());
            if (step % 500 == 0) {
                table.verify();
                model.forEach((each, number) -> assertThat(table.get(each)).isEqualTo(number));
            }
        }
    }

    @Test
    void roomOfWhatIsTakenOutIsKept() {
        AddressTable table = new AddressTable();
        table.reserve(1);
        table.put(4096, 7);
        int length = table.length();
        assertThat(table.remove(4096)).isEqualTo(7);
        table.reserve(length / 2 - 1);
        table.verify();
        assertThat(table.length()).isEqualTo(length);
        table.put(4096, 7);
        table.verify();
    }
}
