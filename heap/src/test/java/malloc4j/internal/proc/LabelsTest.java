package malloc4j.internal.proc;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import malloc4j.internal.proc.Labels.Label;
import malloc4j.observe.AreaKind;
import org.junit.jupiter.api.Test;

class LabelsTest {
    private static final long PAGE = 4096;

    private final Labels labels = new Labels(PAGE);

    @Test
    void theFirstToLabelAPageHasIt() {
        add(4, 6, "first");
        add(2, 9, "second");
        add(0, 20, "third");

        assertThat(shown()).isEqualTo("0-2 third, 2-4 second, 4-6 first, 6-9 second, 9-20 third");
    }

    @Test
    void aLabelTakesWholePages() {
        labels.add(5000, 9000, AreaKind.STACK, "a", "");

        assertThat(shown()).isEqualTo("1-3 a");
    }

    @Test
    void emptyAndImpossibleRangesAreNobodys() {
        labels.add(8192, 8192, AreaKind.STACK, "empty", "");
        labels.add(8192, 4096, AreaKind.STACK, "backward", "");
        labels.add(-8192, -4096, AreaKind.STACK, "above 2^63", "");
        labels.add(0x1000, Long.MIN_VALUE, AreaKind.STACK, "across", "");

        assertThat(labels.inOrder()).isEmpty();
    }

    @Test
    void agreesWithAMapOfPages() {
        Random random = new Random(11);
        for (int round = 0; round < 200; round++) {
            Labels tried = new Labels(PAGE);
            String[] owners = new String[64];
            for (int count = 0; count < 40; count++) {
                int from = random.nextInt(owners.length);
                int to = from + random.nextInt(owners.length - from + 1);
                String owner = String.valueOf(count);
                tried.add(from * PAGE, to * PAGE, AreaKind.SLAB, owner, "");
                for (int page = from; page < to; page++) {
                    owners[page] = owners[page] == null ? owner : owners[page];
                }
            }
            String[] told = new String[owners.length];
            for (Label label : tried.inOrder()) {
                for (long page = label.start() / PAGE; page < label.end() / PAGE; page++) {
                    assertThat(told[(int) page]).as("labelled twice").isNull();
                    told[(int) page] = label.owner();
                }
            }
            assertThat(told).isEqualTo(owners);
            for (int page = 0; page < owners.length; page++) {
                assertThat(tried.touches(page * PAGE, (page + 1) * PAGE)).isEqualTo(owners[page] != null);
            }
        }
    }

    private void add(long from, long to, String owner) {
        labels.add(from * PAGE, to * PAGE, AreaKind.STACK, owner, "");
    }

    private String shown() {
        StringBuilder text = new StringBuilder();
        for (Label label : labels.inOrder()) {
            text.append(text.isEmpty() ? "" : ", ");
            text.append(label.start() / PAGE).append('-').append(label.end() / PAGE);
            text.append(' ').append(label.owner());
        }
        return text.toString();
    }
}
