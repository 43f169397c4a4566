package malloc4j.cli.serve;

import static org.assertj.core.api.Assertions.assertThat;

import io.avaje.jsonb.Jsonb;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import malloc4j.cli.CommandRun;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Files that a page has saved, and such that none has.
class SavedLookTest {
    private static final Observation NOTHING = new Observation(7, "java", 3, 5, "Process 7.", List.of(), List.of());

    @TempDir
    @SuppressWarnings("NullAway.Init")
    private Path temporary;

    private static SavedLook look(SavedLook.Lines... lines) {
        return new SavedLook(SavedLook.FORMAT, SavedLook.VERSION, 1, NOTHING, List.of(lines), null, null, null, null);
    }

    private Path file(String text) throws IOException {
        return Files.writeString(temporary.resolve("look.json"), text);
    }

    @Test
    void whatWasSavedIsReadAgain() throws IOException {
        SavedLook saved =
                look(new SavedLook.Lines(1, List.of(0.5), List.of(1L), List.of(2L), List.of(3L), List.of(4L)));
        assertThat(SavedLook.read(file(Jsonb.instance().toJson(saved)))).isEqualTo(saved);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "'' | is damaged or incomplete",
                "nonsense | is damaged or incomplete",
                "{} | is no look that the page of serve has saved",
                "{\"format\":\"other\",\"version\":1} | is no look that the page of serve has saved",
                "{\"format\":\"malloc4j-look\",\"version\":2} | has version 2, and this program reads 1",
                "{\"format\":\"malloc4j-look\",\"version\":1} | a part of it is missing",
            })
    void whatIsNoneIsToldInOneLine(String text, String why) throws IOException {
        assertRefused(text, why);
    }

    private void assertRefused(String text, String why) throws IOException {
        Path file = file(text);
        CommandRun run = CommandRun.of("serve", "--open", file.toString());
        assertThat(run.err()).startsWith("malloc4j: " + file + ": " + why).hasLineCount(1);
        assertThat(run.exitCode()).isEqualTo(1);
    }

    @Test
    void aFileThatWasCutIsToldWhereverItWas() throws IOException {
        String whole = Jsonb.instance()
                .toJson(look(new SavedLook.Lines(1, List.of(0.5), List.of(1L), List.of(2L), List.of(3L), List.of(4L))));
        for (int length = 0; length < whole.length(); length += 7) {
            assertRefused(whole.substring(0, length), "");
        }
        assertRefused(whole.replace("\"seconds\":[0.5]", "\"seconds\":[]"), "a part of it is missing");
    }

    @Test
    void aFileThatIsNotThereIsWrongUsage() {
        CommandRun run =
                CommandRun.of("serve", "--open", temporary.resolve("none").toString());
        assertThat(run.err()).contains("none: cannot be read: ").hasLineCount(1);
        assertThat(run.exitCode()).isEqualTo(2);
    }
}
