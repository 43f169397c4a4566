package malloc4j.cli.report;

import static org.assertj.core.api.Assertions.assertThat;

import io.avaje.jsonb.Jsonb;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import malloc4j.cli.CommandRun;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The page of `--report`, as `replay` and `bench` write it.
class ReportTest {
    private static final Pattern DOCUMENT =
            Pattern.compile("<script type=\"application/json\" id=\"document\">(.*?)</script>", Pattern.DOTALL);
    private static final Pattern SCRIPT = Pattern.compile("<(script|style)>(.*?)</\\1>", Pattern.DOTALL);

    @TempDir
    Path folder;

    @Test
    void aReplaysPageHasTheDocumentThatJsonPrints() throws Exception {
        Path trace = trace("a </script><b>.trace");
        Path file = folder.resolve("out.html");

        CommandRun run = CommandRun.of(
                "replay",
                trace.toString(),
                "--with=malloc4j,glibc",
                "--rounds=2",
                "--json",
                "--report",
                file.toString());

        assertThat(run.err()).isEmpty();
        assertThat(run.exitCode()).isZero();
        String page = Files.readString(file);
        assertThat(document(page)).isEqualTo(Jsonb.instance().type(Object.class).fromJson(run.out()));
        assertThat(run.out()).contains("\"footprints\": [", "\"unit\": \"event\"", "\"cells\": {");
        assertThat(page)
                .startsWith("<!doctype html>\n")
                .contains("<p class=\"verdict\">malloc4j takes ")
                .contains("<article data-subject=\"" + folder + "/a &lt;/script&gt;&lt;b&gt;.trace\">")
                .contains("./malloc4j replay '" + folder
                        + "/a &lt;/script&gt;&lt;b&gt;.trace' --with=malloc4j,glibc --rounds=2" + " --json --report "
                        + file + "</code>")
                .doesNotContain("{{", "src=");
        assertThat(inlined(page)).hasSize(3).allSatisfy(content -> assertThat(page)
                .as("the policy lets it run")
                .contains("'sha256-"
                        + Base64.getEncoder()
                                .encodeToString(MessageDigest.getInstance("SHA-256")
                                        .digest(content.getBytes(StandardCharsets.UTF_8)))
                        + "'"));
    }

    @Test
    void aBenchsPageHasTheDocumentThatJsonPrints() throws Exception {
        Path file = folder.resolve("out.html");

        CommandRun run = CommandRun.of(
                "bench", "pair", "--with=malloc4j", "--rounds=1", "--seconds=0.02", "--json", "--report=" + file);

        assertThat(run.err()).isEmpty();
        assertThat(run.exitCode()).isZero();
        assertThat(document(Files.readString(file)))
                .isEqualTo(Jsonb.instance().type(Object.class).fromJson(run.out()));
        assertThat(run.out()).contains("\"unit\": \"millisecond\"", "\"cells\": {");
    }

    @Test
    void withoutItNobodyLooksAtFootprints() throws Exception {
        CommandRun run = CommandRun.of("replay", trace("app.trace").toString(), "--with=none", "--rounds=1", "--json");

        assertThat(run.out()).doesNotContain("footprints").contains("\"roundNanosPerEvent\": [");
    }

    @Test
    void theTextSaysWhereThePageIs() throws Exception {
        Path file = folder.resolve("out.html");

        CommandRun run = CommandRun.of(
                "replay", trace("app.trace").toString(), "--with=none", "--rounds=1", "--report", file.toString());

        assertThat(run.out()).endsWith("\nreport: " + file + "\n");
    }

    @Test
    void whatCannotBeWrittenIsRefusedBeforeAnythingIsMeasured() throws Exception {
        String trace = trace("app.trace").toString();
        Path missing = folder.resolve("missing");

        assertRefused(2, missing + "/out.html: there is no folder " + missing, "replay", trace);
        assertRefused(2, folder + ": is a folder, name a file", "replay", trace);
        assertRefused(2, trace + "/out.html: there is no folder " + trace, "bench", "pair");
        assertRefused(3, "/proc/malloc4j.html: cannot be written: NoSuchFileException", "replay", trace);

        CommandRun run = CommandRun.of("replay", trace, "--verify", "--report", folder + "/out.html");
        assertThat(run.exitCode()).isEqualTo(2);
        assertThat(run.err()).contains("--report shows times, and those of --verify are no measure");
        assertThat(folder.resolve("out.html")).doesNotExist();
    }

    @Test
    void aFileThatIsThereIsLeftAsItIsWhenNothingWasMeasured() throws Exception {
        Path file = Files.writeString(folder.resolve("out.html"), "earlier");
        Path bad = Files.writeString(folder.resolve("bad.trace"), "no trace\n");

        assertThat(CommandRun.of("replay", bad.toString(), "--report", file.toString())
                        .exitCode())
                .isEqualTo(1);

        assertThat(file).hasContent("earlier");
    }

    private static void assertRefused(int exitCode, String message, String... command) {
        List<String> arguments = new ArrayList<>(List.of(command));
        arguments.add("--report");
        arguments.add(message.substring(0, message.indexOf(':')));
        CommandRun run = CommandRun.of(arguments.toArray(String[]::new));
        assertThat(run.err()).isEqualTo("malloc4j: --report " + message + "\n");
        assertThat(run.exitCode()).isEqualTo(exitCode);
        assertThat(run.out()).isEmpty();
    }

    private Path trace(String name) throws IOException {
        Path file = folder.resolve(name);
        if (name.contains("/")) {
            Files.createDirectories(java.util.Objects.requireNonNull(file.getParent()));
        }
        return Files.writeString(
                file, "# malloc-trace 1\na 0 0 64\nc 0 1 100\na 0 2 100000\nf 0 0\nr 0 2 50000\nf 0 1\nf 0 2\n");
    }

    private static Object document(String page) {
        Matcher document = DOCUMENT.matcher(page);
        assertThat(document.find()).isTrue();
        assertThat(document.group(1)).doesNotContain("<");
        return Jsonb.instance().type(Object.class).fromJson(document.group(1));
    }

    private static List<String> inlined(String page) {
        return SCRIPT.matcher(page).results().map(found -> found.group(2)).toList();
    }
}
