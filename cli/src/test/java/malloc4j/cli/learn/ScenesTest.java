package malloc4j.cli.learn;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.stream.Stream;
import malloc4j.cli.learn.ScenePlayed.Figure;
import malloc4j.cli.learn.ScenePlayed.Piece;
import malloc4j.cli.learn.ScenePlayed.Step;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/// Every scene, played as people play it.
class ScenesTest {
    @TestFactory
    Stream<DynamicTest> aScenePlaysToItsEndAndItsClaimsHold() {
        return Scenes.all().stream()
                .map(scene -> DynamicTest.dynamicTest(scene.name(), () -> {
                    ScenePlayed played = ScenePlayer.play(scene.name());

                    assertThat(played.title()).isEqualTo(scene.title());
                    assertThat(played.steps()).isNotEmpty().allSatisfy(step -> {
                        assertThat(step.holds()).as(step.claim()).isNotEqualTo(false);
                        assertThat(step.text()).isNotEqualTo("The scene ends here.");
                    });
                    assertThat(played.steps())
                            .anySatisfy(step -> assertThat(step.holds()).isTrue());
                    assertThat(played.steps()).allSatisfy(ScenesTest::isWellFormed);
                    for (int columns : new int[] {40, 80, Integer.MAX_VALUE}) {
                        assertThat(ScenePicture.of(played, columns).lines())
                                .allMatch(line -> line.length() <= columns, "fits " + columns)
                                .allMatch(line -> line.matches("[ -~]*"), "is ASCII");
                    }
                }));
    }

    private static void isWellFormed(Step step) {
        assertThat(step.text()).endsWith(".");
        assertThat(step.figures()).extracting(Figure::name).doesNotHaveDuplicates();
        List<Piece> strip = step.strip() == null ? List.of() : step.strip();
        for (int index = 0; index < strip.size(); index++) {
            Piece piece = strip.get(index);
            assertThat(piece.byteSize()).as(piece.label()).isPositive();
            assertThat(StripKind.named(piece.kind())).hasToString(piece.kind());
            if (index > 0) {
                assertThat(piece.from())
                        .as(piece.label())
                        .isGreaterThanOrEqualTo(strip.get(index - 1).to());
            }
        }
        if (step.claim() == null) {
            assertThat(step.holds()).isNull();
        } else {
            assertThat(step.holds() == null).as(step.claim()).isEqualTo(step.reason() != null);
        }
    }
}
