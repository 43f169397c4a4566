package malloc4j.cli.learn;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.List;
import java.util.stream.Stream;
import javax.xml.parsers.DocumentBuilderFactory;
import malloc4j.cli.learn.ScenePlayed.Figure;
import malloc4j.cli.learn.ScenePlayed.Piece;
import malloc4j.cli.learn.ScenePlayed.Step;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.xml.sax.InputSource;

/// Every scene, played as people play it, and its page under docs/learn.
///
/// `mvn -pl cli -am test -Dtest=ScenesTest -Dsurefire.failIfNoSpecifiedTests=false -Ddocs.regenerate=true` writes the
/// pages and pictures anew.
class ScenesTest {
    private static final Path FOLDER =
            Path.of(System.getProperty("basedir", ".")).resolve("../docs/learn");
    private static final String OUT_OF_DATE = "docs/learn is out of date: run this test with -Ddocs.regenerate=true";

    @TestFactory
    Stream<DynamicTest> aScenePlaysToItsEndAndItsClaimsHold() {
        return Scenes.all().stream().map(scene -> DynamicTest.dynamicTest(scene.name(), () -> check(scene)));
    }

    private static void check(Scene scene) throws Exception {
        ScenePlayed played = ScenePlayer.play(scene.name());

        assertThat(played.title()).isEqualTo(scene.title());
        assertThat(played.steps()).isNotEmpty().allSatisfy(ScenesTest::isWellFormed);
        assertThat(played.steps())
                .filteredOn(step -> !isAboutTime(step))
                .noneMatch(step -> Boolean.FALSE.equals(step.holds()))
                .noneMatch(step -> step.text().equals("The scene ends here."));
        assertThat(played.steps()).anyMatch(step -> step.claim() != null);
        for (int columns : new int[] {40, 80, Integer.MAX_VALUE}) {
            assertThat(ScenePicture.of(played, columns).lines())
                    .allMatch(line -> line.length() <= columns, "fits " + columns)
                    .allMatch(line -> line.matches("[ -~]*"), "is ASCII");
        }
        isWellFormed(SceneSvg.of(played), played);
        pageIsOf(scene, played);
    }

    /// A claim that compares times has their ratio: a machine that is busy may make it fail, so it is not asserted.
    private static boolean isAboutTime(Step step) {
        return step.figures().stream().anyMatch(figure -> figure.unit().equals("times"));
    }

    private static void isWellFormed(Step step) {
        assertThat(step.text()).matches(".*[.?]");
        assertThat(step.figures())
                .filteredOn(figure -> figure.unit().equals("ns"))
                .allSatisfy(figure -> assertThat(figure.value()).isPositive());
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

    private static void isWellFormed(String svg, ScenePlayed played) throws Exception {
        DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(new InputSource(new StringReader(svg)));
        assertThat(svg)
                .contains(Stream.concat(
                                Stream.of(played.title()),
                                played.steps().stream()
                                        .flatMap(step -> step.strip() == null ? Stream.of() : step.strip().stream())
                                        .map(piece -> piece.label() + ", "))
                        .toList());
    }

    private static void pageIsOf(Scene scene, ScenePlayed played) throws Exception {
        Path page = FOLDER.resolve(scene.name() + ".md");
        Path picture = FOLDER.resolve(scene.name() + ".svg");
        String generated =
                LessonPage.of(scene, played, LocalDate.now(ZoneOffset.UTC).toString());
        if (Boolean.getBoolean("docs.regenerate")) {
            Files.createDirectories(FOLDER);
            Files.writeString(page, generated);
            Files.writeString(picture, SceneSvg.of(played));
        }
        String written = Files.readString(page);
        assertThat(LessonPage.skeleton(written)).as(OUT_OF_DATE).isEqualTo(LessonPage.skeleton(generated));
        assertThat(written)
                .as(OUT_OF_DATE)
                .contains(played.steps().stream()
                        .filter(step -> step.holds() != null)
                        .flatMap(step -> step.figures().stream())
                        .filter(figure -> !figure.name().startsWith("until ")) // the limits of this machine
                        .map(figure -> "| " + figure.name() + " | ")
                        .toList());
        isWellFormedPicture(Files.readString(picture), scene);
    }

    private static void isWellFormedPicture(String svg, Scene scene) throws Exception {
        DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(new InputSource(new StringReader(svg)));
        assertThat(svg).as(OUT_OF_DATE).contains(scene.title());
    }

    @Test
    void theIndexListsTheScenesInOrder() throws IOException {
        Path index = FOLDER.resolve("README.md");
        String generated = LessonPage.index();
        if (Boolean.getBoolean("docs.regenerate")) {
            Files.createDirectories(FOLDER);
            Files.writeString(index, generated);
        }
        assertThat(Files.readString(index)).as(OUT_OF_DATE).isEqualTo(generated);
    }

    @Test
    void everyPageAndPictureIsOfAScene() throws IOException {
        List<String> names = Scenes.all().stream()
                .map(Scene::name)
                .flatMap(name -> Stream.of(name + ".md", name + ".svg"))
                .toList();
        try (Stream<Path> files = Files.list(FOLDER)) {
            assertThat(files.map(file -> file.getFileName().toString()))
                    .containsExactlyInAnyOrderElementsOf(Stream.concat(names.stream(), Stream.of("README.md"))
                            .toList());
        }
    }
}
