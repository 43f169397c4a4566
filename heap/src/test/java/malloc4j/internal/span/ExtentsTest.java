package malloc4j.internal.span;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import malloc4j.internal.region.PageGeometry;
import org.junit.jupiter.api.Test;

class ExtentsTest {
    private static final int PAGES = 64;
    private static final long BYTES = PAGES * PageGeometry.PAGE_BYTES;

    private final Extents extents = new Extents();

    private Extent add(long base) {
        Extent extent = new Extent(BYTES);
        extents.makeRoom();
        extent.place(base);
        extents.add(extent);
        return extent;
    }

    @Test
    void noExtentHasNothing() {
        assertThat(extents.size()).isZero();
        assertThat(extents.firstWith(1, 0)).isZero();
        assertThat(extents.indexFrom(BYTES)).isZero();
        extents.verify();
    }

    @Test
    void theLowestExtentThatHasTheRunIsFoundFirstAndThenTheNext() {
        List<Extent> all = new ArrayList<>();
        for (int index = 0; index < 5; index++) {
            all.add(add((5L - index) * 10 * BYTES)); // from the top
        }
        all.sort(Comparator.comparingLong(Extent::base));
        for (int index = 0; index < 5; index++) {
            all.get(index).take(0, PAGES - index - 1); // index + 1 pages are left
            assertThat(all.get(index).find(index + 2, 1)).isNegative();
        }
        extents.verify();
        assertThat(extents.firstWith(3, 0)).isEqualTo(2);
        assertThat(extents.firstWith(3, 3)).isEqualTo(3);
        assertThat(extents.firstWith(3, 5)).isEqualTo(5);
        assertThat(extents.firstWith(6, 0)).isEqualTo(5);
        all.getFirst().give(0, PAGES - 1, false);
        assertThat(extents.firstWith(PAGES, 0)).isZero();
        assertThat(extents.firstWith(PAGES, 1)).isEqualTo(5);
        extents.remove(0);
        extents.verify();
        assertThat(extents.firstWith(PAGES, 0)).isEqualTo(4);
        assertThat(extents.firstWith(5, 0)).isEqualTo(3);
    }

    @Test
    void searchesAgreeWithALookAtEachExtent() {
        Random random = new Random(42);
        for (int round = 0; round < 3_000; round++) {
            if (extents.size() == 0 || random.nextInt(12) == 0) {
                long base = (1 + random.nextInt(1_000)) * BYTES;
                int at = extents.indexFrom(base);
                if (at == extents.size() || !extents.get(at).contains(base)) {
                    add(base);
                }
            } else if (random.nextInt(40) == 0) {
                extents.remove(random.nextInt(extents.size()));
            }
            if (extents.size() > 0) {
                Extent extent = extents.get(random.nextInt(extents.size()));
                int count = 1 + random.nextInt(PAGES);
                int page = extent.find(count, 1);
                if (page >= 0) {
                    extent.take(page, page + count);
                } else if (!extent.isFree(0, PAGES)) {
                    int taken = random.nextInt(PAGES);
                    if (!extent.isFree(taken, taken + 1)) {
                        extent.give(taken, taken + 1, random.nextBoolean());
                    }
                }
            }
            int pages = 1 + random.nextInt(PAGES);
            int from = random.nextInt(extents.size() + 1);
            int expected = from;
            while (expected < extents.size() && extents.get(expected).longestRun() < pages) {
                expected++;
            }
            assertThat(extents.firstWith(pages, from)).isEqualTo(expected);
            extents.verify();
        }
    }
}
