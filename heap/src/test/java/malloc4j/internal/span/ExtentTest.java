package malloc4j.internal.span;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.util.SplittableRandom;
import malloc4j.internal.region.PageGeometry;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Pages of an extent before and after, as pictures: `#` taken, `.` free, `d` free and dirty, `i` dirty and idle.
class ExtentTest {
    private static final long BASE = 1L << 40;

    private static Extent extent(String picture) {
        Extent extent = extent(picture.length() * PageGeometry.PAGE_BYTES);
        extent.take(0, picture.length());
        for (int page = 0; page < picture.length(); page++) {
            if (picture.charAt(page) == 'i') {
                extent.give(page, page + 1, true);
            }
        }
        extent.markIdle();
        for (int page = 0; page < picture.length(); page++) {
            if (picture.charAt(page) == '.' || picture.charAt(page) == 'd') {
                extent.give(page, page + 1, picture.charAt(page) == 'd');
            }
        }
        extent.verify();
        assertThat(picture(extent)).isEqualTo(picture);
        return extent;
    }

    private static String picture(Extent extent) {
        StringBuilder picture = new StringBuilder();
        for (int page = 0; page < extent.pageCount; page++) {
            boolean dirty = extent.nextPurgeable(page, true) == page;
            boolean idle = extent.nextPurgeable(page, false) == page;
            picture.append(idle ? 'i' : dirty ? 'd' : extent.isFree(page, page + 1) ? '.' : '#');
        }
        return picture.toString();
    }

    @ParameterizedTest
    @CsvSource({
        // picture, pages, alignment, found
        "........, 3, 1, 0",
        "#.#..#.., 1, 1, 1",
        "#.#..#.., 2, 1, 3",
        "#.#..#.., 3, 1, -1",
        "##d.i###, 3, 1, 2",
        "#.......#, 4, 4, 4",
        "#.......#, 5, 4, -1",
        "#.#.....#, 2, 2, 4",
        "########, 1, 1, -1",
        ".#.#.#.#, 1, 8, 0",
        "#.......#......., 1, 8, -1",
        "........, 9, 1, -1"
    })
    void findsTheLowestRunThatIsLongAndAlignedEnough(String picture, int count, int alignment, int found) {
        Extent extent = extent(picture);
        assertThat(extent.find(count, alignment)).isEqualTo(found);
        extent.verify();
        assertThat(extent.find(count, alignment))
                .as("again, with what it learnt")
                .isEqualTo(found);
        assertThat(picture(extent)).isEqualTo(picture);
    }

    @ParameterizedTest
    @CsvSource({"........, 2, 5, ..###...", "..di..di, 2, 4, ..##..di", "..di..di, 0, 8, ########"})
    void takenPagesAreNoLongerFreeOrDirty(String before, int from, int to, String after) {
        Extent extent = extent(before);
        extent.take(from, to);
        extent.verify();
        assertThat(picture(extent)).isEqualTo(after);
        assertThat(extent.freeCount())
                .isEqualTo((int) after.chars().filter(c -> c != '#').count());
        assertThat(extent.dirtyCount())
                .isEqualTo((int) after.chars().filter(c -> c == 'd' || c == 'i').count());
    }

    @ParameterizedTest
    @CsvSource({"########, 2, 5, true, ##ddd###", "########, 2, 5, false, ##...###", "..####di, 2, 6, true, ..dddddi"})
    void givenPagesAreFreeAgain(String before, int from, int to, boolean dirty, String after) {
        Extent extent = extent(before);
        extent.give(from, to, dirty);
        extent.verify();
        assertThat(picture(extent)).isEqualTo(after);
    }

    @Test
    void joiningNeighboursMakesRoomForALongerRun() {
        Extent extent = extent("..##..#");
        assertThat(extent.find(6, 1)).isEqualTo(-1);
        extent.give(2, 4, true);
        assertThat(extent.find(6, 1)).isZero();
        assertThat(picture(extent)).isEqualTo("..dd..#");
    }

    @Test
    void markIdleTurnsWhatIsDirtyIdle() {
        Extent extent = extent("#d.i");
        extent.markIdle();
        assertThat(picture(extent)).isEqualTo("#i.i");
        assertThat(extent.nextPurgeable(0, false)).isEqualTo(1);
        assertThat(extent.purgeableEnd(1, 100, false)).isEqualTo(2);
        assertThat(extent.nextPurgeable(2, false)).isEqualTo(3);
        assertThat(extent.nextPurgeable(4, false)).isEqualTo(4);
    }

    @Test
    void alignmentIsOfTheAddressNotOfThePage() {
        Extent extent = new Extent(8 * PageGeometry.PAGE_BYTES);
        extent.place(BASE + PageGeometry.PAGE_BYTES);
        assertThat(extent.find(1, 4)).isEqualTo(3);
        assertThat(extent.address(3) % (4 * PageGeometry.PAGE_BYTES)).isZero();
        assertThat(extent.page(extent.address(3) + 5)).isEqualTo(3);
        assertThat(extent.contains(BASE)).isFalse();
        assertThat(extent.contains(BASE + PageGeometry.PAGE_BYTES)).isTrue();
        assertThat(extent.contains(BASE + 9 * PageGeometry.PAGE_BYTES)).isFalse();
    }

    @Test
    void usedEndIsTheHighestPageEverTaken() {
        Extent extent = extent(8 * PageGeometry.PAGE_BYTES);
        assertThat(extent.usedEnd()).isZero();
        extent.take(2, 5);
        extent.give(2, 5, false);
        extent.take(0, 1);
        assertThat(extent.usedEnd()).isEqualTo(5);
    }

    @Test
    void pagesBeyondTheEndAreNotFree() {
        Extent extent = extent("....");
        assertThat(extent.isFree(2, 4)).isTrue();
        assertThat(extent.isFree(2, 5)).isFalse();
    }

    @Test
    void verifyFindsAPageGivenTwice() {
        Extent extent = extent("....");
        extent.give(1, 2, false);
        assertThatExceptionOfType(AssertionError.class)
                .isThrownBy(extent::verify)
                .withMessage("extent 0x10000000000: freeCount is wrong");
    }

    private static final int[] PAGES = {300, 512, 1_300, 2_048}; // less than a group, one, two and a piece, four

    @RepeatedTest(4)
    void randomOperationsAgreeWithAPicture(RepetitionInfo repetition) {
        SplittableRandom random = new SplittableRandom(repetition.getCurrentRepetition());
        int pages = PAGES[repetition.getCurrentRepetition() - 1];
        Extent extent = extent(pages * PageGeometry.PAGE_BYTES);
        StringBuilder model = new StringBuilder(".".repeat(pages));
        for (int step = 0; step < 2_000; step++) {
            int count = 1 + random.nextInt(random.nextInt(10) == 0 ? pages / 5 : 6);
            int alignment = 1 << random.nextInt(4);
            if (random.nextInt(100) == 0) {
                extent.markIdle();
                String idle = model.toString().replace('d', 'i');
                model.replace(0, pages, idle);
            } else if (random.nextBoolean()) {
                int expected = find(model, count, alignment);
                assertThat(extent.find(count, alignment)).isEqualTo(expected);
                if (expected >= 0) {
                    extent.take(expected, expected + count);
                    model.replace(expected, expected + count, "#".repeat(count));
                }
            } else {
                int from = model.indexOf("#", random.nextInt(pages));
                int to = from;
                while (from >= 0 && to < pages && to < from + count && model.charAt(to) == '#') {
                    to++;
                }
                if (from >= 0) {
                    boolean dirty = random.nextBoolean();
                    extent.give(from, to, dirty);
                    model.replace(from, to, (dirty ? "d" : ".").repeat(to - from));
                }
            }
            extent.verify();
            assertThat(picture(extent)).isEqualTo(model.toString());
        }
    }

    private static int find(StringBuilder model, int count, int alignment) {
        for (int page = 0; page + count <= model.length(); page += alignment) {
            if (model.substring(page, page + count).indexOf('#') < 0) {
                return page;
            }
        }
        return -1;
    }

    private static Extent extent(long byteSize) {
        Extent extent = new Extent(byteSize);
        extent.place(BASE);
        return extent;
    }
}
