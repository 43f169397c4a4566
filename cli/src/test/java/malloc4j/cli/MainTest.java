package malloc4j.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;

/// What every command has in common.
class MainTest {
    @ParameterizedTest
    @CsvSource({"layot, layout", "limit, limits", "bnch, bench", "reply, replay"})
    void anUnknownCommandIsAnsweredByTheNearest(String typed, String known) {
        CommandRun run = CommandRun.of(typed);

        assertThat(run.exitCode()).isEqualTo(2);
        assertThat(run.err())
                .isEqualTo("malloc4j: Unmatched argument at index 0: '" + typed + "': did you mean " + known + "?\n");
    }

    @Test
    void helpForAnUnknownCommandNamesTheNearest() {
        CommandRun run = CommandRun.of("help", "layuot");

        assertThat(run.exitCode()).isEqualTo(2);
        assertThat(run.err()).isEqualTo("malloc4j: Unknown subcommand 'layuot': did you mean layout?\n");
    }

    @Test
    void anUnknownOptionIsAnsweredByTheNearest() {
        assertThat(CommandRun.of("limits", "--jsn").err())
                .isEqualTo("malloc4j: Unknown option: '--jsn': did you mean --json?\n");
    }

    /// Whatever is added to one of the two places is missed here in the other.
    @Test
    void aCommandIsTheSameMadeAloneAndAmongAll() {
        Map<String, CommandLine> all = Main.commandLine().getSubcommands();
        assertThat(all.keySet()).hasSizeGreaterThan(10).contains("help");
        for (String name : all.keySet()) {
            Map<String, CommandLine> made = Main.commandLine(name).getSubcommands();
            if (!name.equals("help")) {
                assertThat(made.keySet()).containsExactly(name);
            }
            assertThat(usage(made, name)).isEqualTo(usage(all, name)).contains("Exit codes:");
        }
    }

    private static String usage(Map<String, CommandLine> commands, String name) {
        return Objects.requireNonNull(commands.get(name)).getUsageMessage();
    }

    @Test
    void columnsAreThoseOfTheEnvironment() {
        assertThat(Terminal.columns("60")).isEqualTo(60);
        assertThat(Terminal.columns("1")).as("room for a word").isEqualTo(40);
        assertThat(Terminal.columns("0")).as("a terminal that does not know").isEqualTo(Integer.MAX_VALUE);
        assertThat(Terminal.columns("-5")).isEqualTo(Integer.MAX_VALUE);
        assertThat(Terminal.columns("")).isEqualTo(Integer.MAX_VALUE);
        assertThat(Terminal.columns(null)).isEqualTo(Integer.MAX_VALUE);
        assertThat(Terminal.fitted("one two three", 10)).isEqualTo("one two\n    three");
        assertThat(Terminal.fitted("12345678901", 8)).isEqualTo("12345678\n    901");
    }

    /// Text without a letter that is not ASCII or steers the terminal, in lines that fit, in a language whose digits or
    /// letters are others.
    @ParameterizedTest
    @CsvSource({"layout, tr, TR", "limits, ar, EG", "layout, de, DE", "limits --help, hi, IN"})
    void everyLineFitsTheTerminalInAnyLanguage(String command, String language, String country) throws Exception {
        List<String> words = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Duser.language=" + language,
                "-Duser.country=" + country,
                "-Duser.extensions=u-nu-arab",
                "-cp",
                System.getProperty("java.class.path"),
                Main.class.getName()));
        words.addAll(List.of(command.split(" ", -1)));
        var java = new ProcessBuilder(words);
        java.environment().put("COLUMNS", "60");
        java.environment().put("NO_COLOR", "1");
        Process process = java.redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);

        assertThat(process.waitFor()).as(said).isZero();
        assertThat(said).matches("[\\n -~]+");
        assertThat(said.lines()).allSatisfy(line -> assertThat(line).hasSizeLessThanOrEqualTo(60));
    }
}
