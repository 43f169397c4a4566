package malloc4j.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.AutoComplete;

/// The completion script in a bash of its own, as the build makes it.
class CompletionTest {
    @TempDir
    Path folder;

    @Test
    void aCommandIsCompletedByItsBeginning() throws Exception {
        assertThat(complete("malloc4j", "sta")).containsExactly("stats");
        assertThat(complete("./malloc4j", "hel")).containsExactlyInAnyOrder("held", "help");
        assertThat(complete("malloc4j", "li")).containsExactly("limits");
    }

    @Test
    void anOptionIsCompletedByThoseOfItsCommand() throws Exception {
        assertThat(complete("malloc4j", "replay", "--rep")).containsExactly("--report");
        assertThat(complete("malloc4j", "bench", "return", "--with")).contains("--with");
        assertThat(complete("malloc4j", "doctor", "--rep")).isEmpty();
    }

    @Test
    void aWordThatHasAChoiceIsCompletedByIt() throws Exception {
        assertThat(complete("malloc4j", "replay", "--source", "")).containsExactly("mmap", "brk", "huge");
    }

    /// What bash offers for the last word.
    private List<String> complete(String... words) throws IOException, InterruptedException {
        Path script = Files.writeString(
                folder.resolve("malloc4j"), AutoComplete.bash("malloc4j", Main.commandLine()), StandardCharsets.UTF_8);
        List<String> command = new ArrayList<>(List.of("bash", "--norc", "-c", """
                        source "$0" || exit
                        complete -p malloc4j >/dev/null || exit
                        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
                        _complete_malloc4j
                        printf '%s\\n' "${COMPREPLY[@]}"
                        """, script.toString()));
        command.addAll(List.of(words));
        Process bash = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.DISCARD) // compopt wants to be called by a bash that completes
                .start();
        String said = new String(bash.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(bash.waitFor()).as(said).isZero();
        return said.lines().filter(line -> !line.isBlank()).map(String::strip).toList();
    }
}
