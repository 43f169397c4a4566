package malloc4j.cli.learn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.List;
import malloc4j.cli.learn.ScenePlayed.Figure;
import malloc4j.cli.learn.ScenePlayed.Piece;
import malloc4j.cli.learn.ScenePlayed.Step;
import malloc4j.cli.learn.Stage.Strip;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// What scenes are made of.
class ScenePartsTest {
    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "4096;bytes;4,096 bytes",
                "0;bytes;0 bytes",
                "-5;bytes;-5 bytes",
                "33554432;bytes;32 MiB",
                "-33554432;bytes;-32 MiB",
                "1234.56;ns;1,234.6 ns",
                "1;times;1.0 times",
                "16384;pages;16,384 pages",
                "1;caches;1 cache",
                "1;of 10;1 of 10"
            })
    void figuresAreTextWithTheirUnit(double value, String unit, String text) {
        assertThat(Figures.text(new Figure("name", value, unit))).isEqualTo(text);
    }

    @Test
    void partsOfAProgramAreReadFromItsMap() throws IOException {
        Starts.Start start = Starts.parse("""
                555555554000-555555556000 r--p 00000000 fe:00 1    /usr/bin/cat
                555555556000-555555560000 r-xp 00002000 fe:00 1    /usr/bin/cat
                555555560000-555555581000 rw-p 00000000 00:00 0    [heap]
                7ffff7d4d000-7ffff7d6f000 rw-p 00000000 00:00 0
                7ffff7d6f000-7ffff7d95000 r--p 00000000 fe:00 2    /usr/lib/libc.so.6
                7ffffffde000-7ffffffff000 rw-p 00000000 00:00 0    [stack]
                ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0    [vsyscall]
                """);

        assertThat(start)
                .isEqualTo(new Starts.Start(
                        0x555555554000L,
                        0x555555560000L,
                        0x555555560000L,
                        0x555555581000L,
                        0x7ffff7d4d000L,
                        0x7ffff7d95000L,
                        0x7ffffffde000L,
                        0x7ffffffff000L));
        assertThat(start.isInOrder()).isTrue();
    }

    @Test
    void whatIsNoMapSaysItsFirstLine() {
        assertThatThrownBy(() -> Starts.parse("setarch: failed to set personality - not permitted\nmore\n"))
                .hasMessage("setarch: failed to set personality - not permitted");
    }

    @Test
    void whatHasNotMovedIsDrawnInOnePlace() {
        List<Piece> before = strip(0x10_000, 0x20_000).pieces();
        List<Piece> after = strip(0x10_000, 0x20_000)
                .add(0x40_000, 0x80_000, "new", StripKind.LIVE)
                .pieces();
        List<Piece> elsewhere = strip(0x7000_0000, 0x7000_1000).pieces();
        ScenePlayed scene = new ScenePlayed(
                "name", "title", "source", "verdict", "here", List.of(step(before), step(after), step(elsewhere)));

        StripAxis one = StripAxis.of(scene, before);
        StripAxis other = StripAxis.of(scene, after);
        assertThat(one.at(0x10_000, 100)).isZero();
        assertThat(one.at(0x20_000, 100)).isEqualTo(other.at(0x20_000, 100)).isBetween(20.0, 60.0);
        assertThat(other.at(0x40_000, 100)).isBetween(other.at(0x20_000, 100), 70.0);
        assertThat(other.at(0x80_000, 100)).isEqualTo(100);
        assertThat(StripAxis.of(scene, elsewhere).at(0x7000_1000, 100)).isEqualTo(100);
    }

    @Test
    void aStripIsInTheOrderOfAddressesAndHasNoEmptyPieces() {
        assertThat(new Strip()
                        .add(0x2000, 0x3000, "b", StripKind.LIVE)
                        .add(0x2000, 0x2000, "empty", StripKind.LIVE)
                        .add(0x1000, 0x2000, "a", StripKind.FREE)
                        .pieces())
                .extracting(Piece::label)
                .containsExactly("a", "b");
    }

    @Test
    void aClaimThatCannotBeShownHasAReasonAndNoOutcome() {
        Stage stage = new Stage();
        stage.step("Done.").claimUnless("no swap", "said", () -> true);
        stage.step("Done.").claimUnless(null, "said", () -> false);

        assertThat(stage.steps()).extracting(Step::holds).containsExactly(null, false);
        assertThat(stage.steps()).extracting(Step::reason).containsExactly("no swap", null);
        assertThat(stage.steps()).extracting(Step::isOpen).containsExactly(true, false);
    }

    private static Strip strip(long from, long to) {
        return new Strip().add(from, to, "piece", StripKind.BREAK);
    }

    private static Step step(List<Piece> strip) {
        return new Step("Done.", List.of(), strip, null, null, null);
    }
}
