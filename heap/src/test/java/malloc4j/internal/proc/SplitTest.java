package malloc4j.internal.proc;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.Random;
import malloc4j.observe.MemoryUse;
import malloc4j.observe.MemoryUse.Figure;
import org.junit.jupiter.api.Test;

class SplitTest {
    private static final long PAGE = 4096;

    @Test
    void residentPagesAreGivenByCountAndTheRestInProportion() {
        long[] whole = new long[Figure.count()];
        whole[Figure.RESIDENT.index()] = 10 * PAGE;
        whole[Figure.PRIVATE_DIRTY.index()] = 5 * PAGE;
        whole[Figure.PRIVATE_CLEAN.index()] = 5 * PAGE;
        whole[Figure.PROPORTIONAL.index()] = 10 * PAGE;
        whole[Figure.SWAPPED.index()] = 3 * PAGE;

        MemoryUse[] parts = Split.divide(
                MemoryUse.of(whole), new long[] {100 * PAGE, 100 * PAGE, 100 * PAGE}, new long[] {8, 0, 2}, new long[] {
                    0, 3, 0
                });

        assertThat(parts).extracting(MemoryUse::residentBytes).containsExactly(8 * PAGE, 0L, 2 * PAGE);
        assertThat(parts).extracting(MemoryUse::dirtyBytes).containsExactly(4 * PAGE, 0L, PAGE);
        assertThat(parts).extracting(MemoryUse::proportionalBytes).containsExactly(8 * PAGE, 0L, 2 * PAGE);
        assertThat(parts).extracting(MemoryUse::swappedBytes).containsExactly(0L, 3 * PAGE, 0L);
    }

    @Test
    void withoutCountsSizesDecide() {
        long[] whole = new long[Figure.count()];
        whole[Figure.RESIDENT.index()] = 10 * PAGE;
        whole[Figure.PRIVATE_DIRTY.index()] = 10 * PAGE;

        MemoryUse[] parts = Split.divide(MemoryUse.of(whole), new long[] {40 * PAGE, 10 * PAGE}, null, null);

        assertThat(parts).extracting(MemoryUse::residentBytes).containsExactly(8 * PAGE, 2 * PAGE);
        assertThat(parts).extracting(MemoryUse::dirtyBytes).containsExactly(8 * PAGE, 2 * PAGE);
    }

    @Test
    void nothingIsLostAndNoPartHoldsMoreThanItsSize() {
        Random random = new Random(3);
        for (int round = 0; round < 20_000; round++) {
            int count = 1 + random.nextInt(6);
            long[] byteSizes = new long[count];
            long[] present = new long[count];
            long[] swapped = new long[count];
            for (int part = 0; part < count; part++) {
                byteSizes[part] = PAGE * (1 + random.nextInt(50));
                present[part] = random.nextInt(3) == 0 ? 0 : random.nextInt((int) (byteSizes[part] / PAGE) + 1);
                swapped[part] = random.nextInt(2);
            }
            MemoryUse whole = randomUse(random, Arrays.stream(byteSizes).sum());

            MemoryUse[] parts = Split.divide(
                    whole, byteSizes, random.nextInt(4) == 0 ? null : present, random.nextInt(4) == 0 ? null : swapped);

            assertThat(Arrays.stream(parts).reduce(MemoryUse.NONE, MemoryUse::plus))
                    .isEqualTo(whole);
            for (int part = 0; part < count; part++) {
                MemoryUse use = parts[part];
                for (Figure figure : Figure.values()) {
                    assertThat(use.bytes(figure)).isBetween(0L, byteSizes[part]);
                }
                assertThat(use.bytes(Figure.SHARED_CLEAN) + use.bytes(Figure.PRIVATE_CLEAN) + use.dirtyBytes())
                        .isEqualTo(use.residentBytes());
            }
        }
    }

    /// Figures as the kernel may tell them: four kinds that add up to the resident bytes, and others below those.
    private static MemoryUse randomUse(Random random, long byteSize) {
        long[] figures = new long[Figure.count()];
        long resident = PAGE * random.nextInt((int) (byteSize / PAGE) + 1);
        long left = resident;
        for (Figure kind : new Figure[] {Figure.SHARED_CLEAN, Figure.SHARED_DIRTY, Figure.PRIVATE_CLEAN}) {
            figures[kind.index()] = PAGE * random.nextInt((int) (left / PAGE) + 1);
            left -= figures[kind.index()];
        }
        figures[Figure.PRIVATE_DIRTY.index()] = left;
        figures[Figure.RESIDENT.index()] = resident;
        figures[Figure.PROPORTIONAL.index()] = 1024L * random.nextInt((int) (resident >> 10) + 1);
        figures[Figure.ANONYMOUS.index()] = PAGE * random.nextInt((int) (resident / PAGE) + 1);
        figures[Figure.SWAPPED.index()] = PAGE * random.nextInt((int) ((byteSize - resident) / PAGE) + 1);
        figures[Figure.LOCKED.index()] = random.nextBoolean() ? resident : 0;
        return MemoryUse.of(figures);
    }
}
