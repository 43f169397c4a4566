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

/// Pages of a region before and after, as pictures: `#` taken, `.` free, `d` free and dirty, `i` dirty and idle.
class RegionTest {
    private static final long BASE = 1L << 40;

    private static Region region(String picture) {
        Region region = region(picture.length() * PageGeometry.PAGE_BYTES);
        region.take(0, picture.length());
        for (int page = 0; page < picture.length(); page++) {
            if (picture.charAt(page) == 'i') {
                region.give(page, page + 1, true);
            }
        }
        region.markIdle();
        for (int page = 0; page < picture.length(); page++) {
            if (picture.charAt(page) == '.' || picture.charAt(page) == 'd') {
                region.give(page, page + 1, picture.charAt(page) == 'd');
            }
        }
        region.verify();
        assertThat(picture(region)).isEqualTo(picture);
        return region;
    }

    private static String picture(Region region) {
        StringBuilder picture = new StringBuilder();
        for (int page = 0; page < region.pageCount; page++) {
            boolean dirty = region.nextPurgeable(page, true) == page;
            boolean idle = region.nextPurgeable(page, false) == page;
            picture.append(idle ? 'i' : dirty ? 'd' : region.isFree(page, page + 1) ? '.' : '#');
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
        Region region = region(picture);
        assertThat(region.find(count, alignment)).isEqualTo(found);
        region.verify();
        assertThat(region.find(count, alignment))
                .as("again, with what it learnt")
                .isEqualTo(found);
        assertThat(picture(region)).isEqualTo(picture);
    }

    @ParameterizedTest
    @CsvSource({"........, 2, 5, ..###...", "..di..di, 2, 4, ..##..di", "..di..di, 0, 8, ########"})
    void takenPagesAreNoLongerFreeOrDirty(String before, int from, int to, String after) {
        Region region = region(before);
        region.take(from, to);
        region.verify();
        assertThat(picture(region)).isEqualTo(after);
        assertThat(region.freeCount())
                .isEqualTo((int) after.chars().filter(c -> c != '#').count());
        assertThat(region.dirtyCount())
                .isEqualTo((int) after.chars().filter(c -> c == 'd' || c == 'i').count());
    }

    @ParameterizedTest
    @CsvSource({"########, 2, 5, true, ##ddd###", "########, 2, 5, false, ##...###", "..####di, 2, 6, true, ..dddddi"})
    void givenPagesAreFreeAgain(String before, int from, int to, boolean dirty, String after) {
        Region region = region(before);
        region.give(from, to, dirty);
        region.verify();
        assertThat(picture(region)).isEqualTo(after);
    }

    @Test
    void joiningNeighboursMakesRoomForALongerRun() {
        Region region = region("..##..#");
        assertThat(region.find(6, 1)).isEqualTo(-1);
        region.give(2, 4, true);
        assertThat(region.find(6, 1)).isZero();
        assertThat(picture(region)).isEqualTo("..dd..#");
    }

    @Test
    void markIdleTurnsWhatIsDirtyIdle() {
        Region region = region("#d.i");
        region.markIdle();
        assertThat(picture(region)).isEqualTo("#i.i");
        assertThat(region.nextPurgeable(0, false)).isEqualTo(1);
        assertThat(region.purgeableEnd(1, false)).isEqualTo(2);
        assertThat(region.nextPurgeable(2, false)).isEqualTo(3);
        assertThat(region.nextPurgeable(4, false)).isEqualTo(4);
    }

    @Test
    void alignmentIsOfTheAddressNotOfThePage() {
        Region region = new Region(8 * PageGeometry.PAGE_BYTES);
        region.place(BASE + PageGeometry.PAGE_BYTES);
        assertThat(region.find(1, 4)).isEqualTo(3);
        assertThat(region.address(3) % (4 * PageGeometry.PAGE_BYTES)).isZero();
        assertThat(region.page(region.address(3) + 5)).isEqualTo(3);
        assertThat(region.contains(BASE)).isFalse();
        assertThat(region.contains(BASE + PageGeometry.PAGE_BYTES)).isTrue();
        assertThat(region.contains(BASE + 9 * PageGeometry.PAGE_BYTES)).isFalse();
    }

    @Test
    void usedEndIsTheHighestPageEverTaken() {
        Region region = region(8 * PageGeometry.PAGE_BYTES);
        assertThat(region.usedEnd()).isZero();
        region.take(2, 5);
        region.give(2, 5, false);
        region.take(0, 1);
        assertThat(region.usedEnd()).isEqualTo(5);
    }

    @Test
    void pagesBeyondTheEndAreNotFree() {
        Region region = region("....");
        assertThat(region.isFree(2, 4)).isTrue();
        assertThat(region.isFree(2, 5)).isFalse();
    }

    @Test
    void verifyFindsAPageGivenTwice() {
        Region region = region("....");
        region.give(1, 2, false);
        assertThatExceptionOfType(AssertionError.class)
                .isThrownBy(region::verify)
                .withMessage("region 0x10000000000: freeCount is wrong");
    }

    private static final int[] PAGES = {300, 512, 1_300, 2_048}; // less than a group, one, two and a piece, four

    @RepeatedTest(4)
    void randomOperationsAgreeWithAPicture(RepetitionInfo repetition) {
        SplittableRandom random = new SplittableRandom(repetition.getCurrentRepetition());
        int pages = PAGES[repetition.getCurrentRepetition() - 1];
        Region region = region(pages * PageGeometry.PAGE_BYTES);
        StringBuilder model = new StringBuilder(".".repeat(pages));
        for (int step = 0; step < 2_000; step++) {
            int count = 1 + random.nextInt(random.nextInt(10) == 0 ? pages / 5 : 6);
            int alignment = 1 << random.nextInt(4);
            if (random.nextInt(100) == 0) {
                region.markIdle();
                String idle = model.toString().replace('d', 'i');
                model.replace(0, pages, idle);
            } else if (random.nextBoolean()) {
                int expected = find(model, count, alignment);
                assertThat(region.find(count, alignment)).isEqualTo(expected);
                if (expected >= 0) {
                    region.take(expected, expected + count);
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
                    region.give(from, to, dirty);
                    model.replace(from, to, (dirty ? "d" : ".").repeat(to - from));
                }
            }
            region.verify();
            assertThat(picture(region)).isEqualTo(model.toString());
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

    private static Region region(long byteSize) {
        Region region = new Region(byteSize);
        region.place(BASE);
        return region;
    }
}
