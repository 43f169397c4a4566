package malloc4j.internal.proc;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.stream.Collectors;
import malloc4j.observe.MappedRange;
import malloc4j.observe.MemoryUse;
import malloc4j.observe.MemoryUse.Figure;
import org.junit.jupiter.api.Test;

/// Mappings that change while they are told. Each letter is a page.
class MappingsTest {
    private final Mappings mappings = new Mappings();

    @Test
    void whatVanishedLeavesAGap() {
        append(1, 3);
        append(5, 7);

        assertThat(shown()).isEqualTo("1-3 5-7");
        assertThat(mappings.overlaps()).isZero();
        assertThat(mappings.above(0)).isNull();
        assertThat(mappings.below(1)).isNull();
        assertThat(mappings.indexAt(0x1000)).isZero();
        assertThat(mappings.indexAt(0x2fff)).isZero();
        assertThat(mappings.indexAt(0x3000)).isEqualTo(-1);
        assertThat(mappings.indexAt(0x6fff)).isEqualTo(1);
        assertThat(mappings.indexAt(0)).isEqualTo(-1);
        assertThat(mappings.indexAt(-1)).isEqualTo(-1);
    }

    @Test
    void aMappingThatGrewReplacesWhatItTook() {
        append(1, 3);
        append(3, 4);
        append(5, 6);
        append(3, 9);

        assertThat(shown()).isEqualTo("1-3 3-9");
        assertThat(mappings.overlaps()).isEqualTo(2);
    }

    @Test
    void aMappingThatBeginsInsideAnOlderOneCutsIt() {
        append(1, 9);
        append(5, 12);

        assertThat(shown()).isEqualTo("1-5 5-12");
        assertThat(mappings.get(0).use().residentBytes())
                .as("half of what it was")
                .isEqualTo(4 << 12);
        assertThat(mappings.above(0)).isSameAs(mappings.get(1));
        assertThat(mappings.below(1)).isSameAs(mappings.get(0));
    }

    private void append(long from, long to) {
        long[] figures = new long[Figure.count()];
        figures[Figure.RESIDENT.index()] = (to - from) << 12;
        mappings.append(
                new MappedRange(from << 12, (to - from) << 12, "rw-p", 0, "00:00", 0, "", "", MemoryUse.of(figures)));
    }

    private String shown() {
        return mappings.stream()
                .map(range -> (range.address() >> 12) + "-" + (range.end() >> 12))
                .collect(Collectors.joining(" "));
    }
}
