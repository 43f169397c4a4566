package malloc4j.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

/// The pieces of a mapping against an array with one state for each page.
class PiecesTest {
    private static final long PAGE = 4096;

    @Test
    void randomChangesAgreeWithAnArrayOfPages() {
        for (int seed = 0; seed < 200; seed++) {
            Random random = new Random(seed);
            int count = 1 + random.nextInt(40);
            Pieces pieces = Pieces.of(count * PAGE, Protection.READ_WRITE, 0);
            Pieces.State[] pages = new Pieces.State[count];
            Arrays.fill(pages, new Pieces.State(Protection.READ_WRITE, 0));
            for (int step = 0; step < 60; step++) {
                int from = random.nextInt(pages.length);
                int to = from + random.nextInt(pages.length - from + 1);
                if (random.nextInt(6) == 0) {
                    int resized = 1 + random.nextInt(40);
                    pieces = pieces.resized(resized * PAGE);
                    Pieces.State last = pages[pages.length - 1];
                    int before = pages.length;
                    pages = Arrays.copyOf(pages, resized);
                    for (int page = before; page < resized; page++) {
                        pages[page] = new Pieces.State(last.protection(), last.traits() & ~MemoryAdvice.Trait.GUARDED);
                    }
                } else {
                    Pieces.State next = new Pieces.State(
                            Protection.of(random.nextInt(3)),
                            random.nextInt(3) * MemoryAdvice.Trait.NOT_DUMPED
                                    | random.nextInt(2) * MemoryAdvice.Trait.GUARDED);
                    pieces = pieces.with(from * PAGE, to * PAGE, state -> next);
                    Arrays.fill(pages, from, to, next);
                }
                compare(pieces, pages);
            }
        }
    }

    private static void compare(Pieces pieces, Pieces.State[] pages) {
        pieces.verify(PAGE);
        assertThat(pieces.byteSize()).isEqualTo(pages.length * PAGE);
        int mappings = 1;
        Protection common = pages[0].protection();
        for (int page = 0; page < pages.length; page++) {
            Pieces.State expected = pages[page];
            int[] seen = {0};
            boolean all = pieces.forEach(page * PAGE, (page + 1) * PAGE, (from, to, state) -> {
                assertThat(state).isEqualTo(expected);
                assertThat(to - from).isEqualTo(PAGE);
                seen[0]++;
                return true;
            });
            assertThat(all).isTrue();
            assertThat(seen[0]).isEqualTo(1);
            mappings += page > 0 && !pages[page - 1].sharesMappingWith(expected) ? 1 : 0;
            common = common.and(expected.protection());
        }
        assertThat(pieces.mappingCount()).isEqualTo(mappings);
        assertThat(pieces.commonProtection()).isEqualTo(common);
    }

    @Test
    void nothingIsSeenOfAnEmptyRange() {
        Pieces pieces = Pieces.of(4 * PAGE, Protection.NONE, 0);
        for (long at : new long[] {0, PAGE, 4 * PAGE}) {
            assertThat(pieces.allMatch(at, at, state -> false)).isTrue();
            assertThat(pieces.with(at, at, state -> new Pieces.State(Protection.READ, 0))
                            .mappingCount())
                    .isEqualTo(1);
        }
    }

    @Test
    void aVisitorCanStop() {
        Pieces pieces = Pieces.of(4 * PAGE, Protection.NONE, 0)
                .with(PAGE, 2 * PAGE, state -> new Pieces.State(Protection.READ, 0));
        int[] seen = {0};
        assertThat(pieces.forEach(0, 4 * PAGE, (from, to, state) -> ++seen[0] < 2))
                .isFalse();
        assertThat(seen[0]).isEqualTo(2);
    }

    @Test
    void verifyFindsPiecesThatAreNotAtPages() {
        Pieces pieces =
                Pieces.of(4 * PAGE, Protection.NONE, 0).with(1, PAGE, state -> new Pieces.State(Protection.READ, 0));
        assertThatThrownBy(() -> pieces.verify(PAGE))
                .isInstanceOf(AssertionError.class)
                .hasMessageContaining("begin and end at pages");
    }

    @Test
    void theWeakerOfTwoStatesAllowsWhatBothDo() {
        for (Protection one : Protection.values()) {
            for (Protection other : Protection.values()) {
                Pieces.State guarded = new Pieces.State(one, MemoryAdvice.Trait.GUARDED);
                Pieces.State open = new Pieces.State(other, 0);
                Pieces.State weaker = new Pieces.State(one, 0).weakerOf(open);
                assertThat(weaker.protection().bits()).isEqualTo(one.bits() & other.bits());
                assertThat(weaker.isReadable() && !(one.isReadable() && other.isReadable()))
                        .isFalse();
                assertThat(weaker.isWritable()).isEqualTo(one.isWritable() && other.isWritable());
                assertThat(open.weakerOf(guarded).isGuarded()).isTrue();
                assertThat(guarded.weakerOf(open).isGuarded()).isTrue();
            }
        }
    }
}
