package malloc4j.cli.map;

import static org.assertj.core.api.Assertions.assertThat;

import io.avaje.jsonb.Jsonb;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import malloc4j.cli.CommandRun;
import malloc4j.cli.map.MapReport.Zone;
import malloc4j.cli.picture.Fit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The whole command, on processes of this machine.
class MapCommandTest {
    @TempDir
    private Path folder;

    @Test
    void drawsThisProcess() {
        CommandRun run = CommandRun.of("map");

        assertThat(run.err()).isEmpty();
        assertThat(run.out())
                .startsWith("Process " + ProcessHandle.current().pid() + " (java) has ")
                .contains(" mappings (", "| STACK ", "| MMAP ZONE ", "| BRK HEAP ", "| PROGRAM ", "\nJava heap ")
                .containsPattern("\nGuards: \\d+ ranges of together ");
        Fit.check(Fit::mapOfThisProcess);
    }

    @Test
    void zonesPartsAndAreasAddUp() throws Exception {
        Process process = new ProcessBuilder("sh", "-c", "echo ready; read line").start();
        try {
            assertThat(process.inputReader().readLine()).isEqualTo("ready");

            CommandRun run = CommandRun.of("map", "--json", Long.toString(process.pid()));

            MapReport report = Jsonb.instance().type(MapReport.class).fromJson(run.out());
            assertThat(run.err()).isEmpty();
            assertThat(report.rollupBytes()).isEqualTo(report.residentBytes());
            assertThat(report.zones().stream()
                            .mapToLong(zone -> Objects.requireNonNull(zone.residentBytes()))
                            .sum())
                    .isEqualTo(report.residentBytes());
            assertThat(report.parts().stream()
                            .mapToLong(part -> Objects.requireNonNull(part.residentBytes()))
                            .sum())
                    .isEqualTo(report.residentBytes());
            assertThat(report.areas().stream()
                            .mapToLong(area -> Objects.requireNonNull(area.residentBytes()))
                            .sum())
                    .isEqualTo(report.residentBytes());
            assertThat(report.zones()).extracting(Zone::name).contains("stack", "mmap zone", "brk heap", "program");
            assertThat(report.mappings().used()).isEqualTo(countLines(process.pid()));
            assertThat(report.mappings().max()).isGreaterThan(1_000);
        } finally {
            process.destroyForcibly();
        }
    }

    private static int countLines(long pid) throws Exception {
        return Files.readAllLines(Path.of("/proc/" + pid + "/maps")).size();
    }

    @Test
    void thePictureIsWellFormedAndNamesTheOwners() throws Exception {
        Path svg = folder.resolve("map.svg");

        CommandRun run = CommandRun.of("map", "--svg", svg.toString());

        assertThat(run.out()).endsWith("Written to " + svg + ".\n");
        String text = Files.readString(svg);
        assertThat(text)
                .startsWith("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 900 ")
                .endsWith("</svg>\n")
                .contains(">MMAP ZONE<", ">Java heap<", ">shared libraries<", "of at most");
        assertThat(count(text, "<g>"))
                .isEqualTo(count(text, "</g>"))
                .isEqualTo(count(text, "<title>"))
                .isPositive();
        assertThat(count(text, "<text")).isEqualTo(count(text, "</text>"));
    }

    private static int count(String text, String part) {
        return text.split(part, -1).length - 1;
    }

    @Test
    void wrongUsageIsExitCode2AndOneLine() {
        assertThat(CommandRun.of("map", "99999999"))
                .isEqualTo(new CommandRun(2, "", "malloc4j: process 99999999: there is no process with this number\n"));
        assertThat(CommandRun.of("map", "--svg", folder.toString()))
                .isEqualTo(new CommandRun(2, "", "malloc4j: " + folder + ": no file can be written there\n"));
    }
}
