package malloc4j.linux;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class PageCountsTest {
    private static final int PAGES = 40;

    private final PageCounts counts = new PageCounts();

    private record Range(long start, long end) {}

    @Test
    void whatOneOfTwoHoldersLeavesStaysHeld() {
        counts.add(10, 30);
        counts.add(20, 40);
        assertThat(remove(10, 30)).containsExactly(new Range(10, 20));
        assertThat(remove(20, 40)).containsExactly(new Range(20, 40));
    }

    @Test
    void aHolderInsideLeavesTwoRanges() {
        counts.add(10, 40);
        counts.add(20, 30);
        assertThat(remove(10, 40)).containsExactly(new Range(10, 20), new Range(30, 40));
    }

    @Test
    void theSameRangeTwiceIsHeldTwice() {
        counts.add(10, 20);
        counts.add(10, 20);
        assertThat(remove(10, 20)).isEmpty();
        assertThat(remove(10, 20)).containsExactly(new Range(10, 20));
    }

    @Test
    void randomHoldersAreCountedAsInAnArray() {
        Random random = new Random(7);
        int[] model = new int[PAGES];
        List<Range> held = new ArrayList<>();
        for (int step = 0; step < 20_000; step++) {
            if (held.isEmpty() || (held.size() < 12 && random.nextBoolean())) {
                int start = random.nextInt(PAGES);
                Range range = new Range(start, start + 1 + random.nextInt(PAGES - start));
                held.add(range);
                counts.add(range.start(), range.end());
                change(model, range, 1);
            } else {
                Range range = held.remove(random.nextInt(held.size()));
                change(model, range, -1);
                assertThat(remove(range.start(), range.end())).isEqualTo(zeroes(model, range));
            }
            counts.verify();
            for (int page = 0; page < PAGES; page++) {
                assertThat(counts.holders(page)).isEqualTo(model[page]);
            }
        }
    }

    /// Removes a holder. Returns what nobody holds any more.
    private List<Range> remove(long start, long end) {
        List<Range> abandoned = new ArrayList<>();
        long to;
        for (long from = counts.firstHeldOnce(start, end); from < end; from = counts.firstHeldOnce(to, end)) {
            to = counts.endOfSame(from, end);
            abandoned.add(new Range(from, to));
        }
        counts.remove(start, end);
        return abandoned;
    }

    private static void change(int[] model, Range range, int by) {
        for (int page = (int) range.start(); page < range.end(); page++) {
            model[page] += by;
        }
    }

    /// The runs of zeroes in a range.
    private static List<Range> zeroes(int[] model, Range range) {
        List<Range> runs = new ArrayList<>();
        int start = -1;
        for (int page = (int) range.start(); page <= range.end(); page++) {
            boolean zero = page < range.end() && model[page] == 0;
            if (zero && start < 0) {
                start = page;
            } else if (!zero && start >= 0) {
                runs.add(new Range(start, page));
                start = -1;
            }
        }
        return runs;
    }
}
