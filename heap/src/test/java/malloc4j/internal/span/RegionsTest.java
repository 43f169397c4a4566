package malloc4j.internal.span;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import malloc4j.internal.region.PageGeometry;
import org.junit.jupiter.api.Test;

class RegionsTest {
    private static final int PAGES = 64;
    private static final long BYTES = PAGES * PageGeometry.PAGE_BYTES;

    private final Regions regions = new Regions();

    private Region add(long base) {
        Region region = new Region(BYTES);
        regions.makeRoom();
        region.place(base);
        regions.add(region);
        return region;
    }

    @Test
    void noRegionHasNothing() {
        assertThat(regions.size()).isZero();
        assertThat(regions.firstWith(1, 0)).isZero();
        assertThat(regions.indexFrom(BYTES)).isZero();
        regions.verify();
    }

    @Test
    void theLowestRegionThatHasTheRunIsFoundFirstAndThenTheNext() {
        List<Region> all = new ArrayList<>();
        for (int index = 0; index < 5; index++) {
            all.add(add((5L - index) * 10 * BYTES)); // from the top
        }
        all.sort(Comparator.comparingLong(Region::base));
        for (int index = 0; index < 5; index++) {
            all.get(index).take(0, PAGES - index - 1); // index + 1 pages are left
            assertThat(all.get(index).find(index + 2, 1)).isNegative();
        }
        regions.verify();
        assertThat(regions.firstWith(3, 0)).isEqualTo(2);
        assertThat(regions.firstWith(3, 3)).isEqualTo(3);
        assertThat(regions.firstWith(3, 5)).isEqualTo(5);
        assertThat(regions.firstWith(6, 0)).isEqualTo(5);
        all.getFirst().give(0, PAGES - 1, false);
        assertThat(regions.firstWith(PAGES, 0)).isZero();
        assertThat(regions.firstWith(PAGES, 1)).isEqualTo(5);
        regions.remove(0);
        regions.verify();
        assertThat(regions.firstWith(PAGES, 0)).isEqualTo(4);
        assertThat(regions.firstWith(5, 0)).isEqualTo(3);
    }

    @Test
    void searchesAgreeWithALookAtEachRegion() {
        Random random = new Random(42);
        for (int round = 0; round < 3_000; round++) {
            if (regions.size() == 0 || random.nextInt(12) == 0) {
                long base = (1 + random.nextInt(1_000)) * BYTES;
                int at = regions.indexFrom(base);
                if (at == regions.size() || !regions.get(at).contains(base)) {
                    add(base);
                }
            } else if (random.nextInt(40) == 0) {
                regions.remove(random.nextInt(regions.size()));
            }
            if (regions.size() > 0) {
                Region region = regions.get(random.nextInt(regions.size()));
                int count = 1 + random.nextInt(PAGES);
                int page = region.find(count, 1);
                if (page >= 0) {
                    region.take(page, page + count);
                } else if (!region.isFree(0, PAGES)) {
                    int taken = random.nextInt(PAGES);
                    if (!region.isFree(taken, taken + 1)) {
                        region.give(taken, taken + 1, random.nextBoolean());
                    }
                }
            }
            int pages = 1 + random.nextInt(PAGES);
            int from = random.nextInt(regions.size() + 1);
            int expected = from;
            while (expected < regions.size() && regions.get(expected).longestRun() < pages) {
                expected++;
            }
            assertThat(regions.firstWith(pages, from)).isEqualTo(expected);
            regions.verify();
        }
    }
}
