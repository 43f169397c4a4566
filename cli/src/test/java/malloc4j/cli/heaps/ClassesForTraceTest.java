package malloc4j.cli.heaps;

import static org.assertj.core.api.Assertions.assertThat;

import io.avaje.jsonb.Jsonb;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.GZIPOutputStream;
import malloc4j.cli.CommandRun;
import malloc4j.cli.picture.TraceClasses;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// `classes --for TRACE`.
class ClassesForTraceTest {
    private static final int BLOCKS_OF_1280 = 65_536 / 1_280;

    @TempDir
    @SuppressWarnings("NullAway.Init")
    private Path temporary;

    @Test
    void everyRequestIsInItsClassAndThePeakIsWhatLivesThen() throws IOException {
        TraceClasses trace =
                json(trace("a 0 0 100", "c 0 1 16", "a 0 2 40000", "m 0 3 100 128", "r 0 0 500", "f 0 1", "a 0 4 1"));

        assertThat(trace.requests()).isEqualTo(6);
        assertThat(trace.events()).isEqualTo(7);
        assertThat(trace.classes())
                .extracting(TraceClasses.SizeClass::blockBytes)
                .as("memalign to 128 needs a block of 128 bytes")
                .containsExactly(16, 112, 128, 512);
        assertThat(trace.classes()).extracting(TraceClasses.SizeClass::requests).containsExactly(2L, 1L, 1L, 1L);
        assertThat(trace.classes())
                .extracting(TraceClasses.SizeClass::wasteBytes)
                .containsExactly(15L, 12L, 28L, 12L);
        assertThat(trace.classes())
                .extracting(TraceClasses.SizeClass::peakBlocks)
                .containsExactly(1L, 0L, 1L, 1L);
        assertThat(trace.larger()).isEqualTo(new TraceClasses.Larger(1, 40_000, 1, 40_000));
        assertThat(trace.peak().event()).as("500 for 100 bytes, 16 still live").isEqualTo(5);
        assertThat(trace.peak().liveBytes()).isEqualTo(500 + 16 + 40_000 + 100);
        assertThat(trace.peak().slabs()).isEqualTo(3);
        assertAddsUp(trace);
    }

    @Test
    void slabsAreAsManyAsTheBlocksThatLiveNeed() throws IOException {
        String[] events = new String[BLOCKS_OF_1280 + 1];
        for (int id = 0; id < events.length; id++) {
            events[id] = "a 0 " + id + " 1280";
        }
        TraceClasses trace = json(trace(events));

        assertThat(trace.peak().slabs()).isEqualTo(2);
        assertThat(trace.peak().freeBytes()).isEqualTo(2 * 65_536 - 1_280 * (BLOCKS_OF_1280 + 1));
        assertThat(trace.gains()).isEmpty();
        assertAddsUp(trace);
    }

    @Test
    void aSizeLittleAboveABlockIsTold() throws IOException {
        String[] events = new String[400];
        for (int id = 0; id < events.length; id++) {
            events[id] = "a 0 " + id + " " + (id % 4 == 0 ? 1024 : 1032);
        }
        Path file = trace(events);

        TraceClasses trace = json(file);
        assertThat(trace.gains()).containsExactly(new TraceClasses.Gain(1032, 300, 8, 1280, 1024, 300 * 256));
        assertAddsUp(trace);
        assertThat(CommandRun.of("classes", "--for", file.toString()).out())
                .startsWith(file
                        + ": Of what blocks have, 15 % is lost by rounding up: 72.7 KiB of 475 KiB, most in blocks of 1,280"
                        + " bytes (72.7 KiB). At the peak, after event 400, 400 blocks in slabs need at least 8 slabs, 512 KiB, 79 % of"
                        + " it asked for.\n\n")
                .containsPattern("\n1,280 +300 +75.0 % +302 KiB +72.7 KiB +19 % +300 +6 +98 %  #{16}\\.{4}\n")
                .endsWith(
                        "\n1,032 bytes, asked for 300 times: 8 bytes less would save 20 % of each block, 75 KiB in all.\n");
    }

    @Test
    void aCompressedTraceIsRead() throws IOException {
        Path file = temporary.resolve("app.trace.gz");
        try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(file))) {
            out.write("# malloc-trace 1\na 0 0 8\n".getBytes(StandardCharsets.UTF_8));
        }
        assertThat(json(file).classes()).hasSize(1);
    }

    @Test
    void whatNoSlabServesIsSaid() throws IOException {
        assertThat(CommandRun.of("classes", "--for", trace("a 0 0 40000").toString())
                        .out())
                .contains("No request goes into a slab: all are larger than 32 KiB, or aligned to more.\n")
                .containsPattern("\nlarger +1 +100.0 % ");
    }

    @Test
    void whatIsWrongIsOneLine() throws IOException {
        Path bad = trace("a 0 0 8", "f 0 0", "f 0 0");
        CommandRun run = CommandRun.of("classes", "--for", bad.toString());
        assertThat(run.exitCode()).isEqualTo(1);
        assertThat(run.err()).isEqualTo("malloc4j: " + bad + ": line 4: ID 0 is freed twice\n");
        assertThat(run.out()).isEmpty();

        assertWrongUsage("--for is about a trace: leave out the process 1", "classes", "1", "--for", bad.toString());
        assertWrongUsage("--for is about a trace: leave out --watch", "classes", "--watch=1", "--for", bad.toString());
        assertWrongUsage(temporary + "/no: no such file", "classes", "--for", temporary + "/no");
        assertWrongUsage("Name a process, or a trace by --for", "classes");
        assertWrongUsage("Missing required parameter: 'PID|CORE'", "stats");
    }

    private static void assertWrongUsage(String message, String... arguments) {
        CommandRun run = CommandRun.of(arguments);
        assertThat(run.err()).isEqualTo("malloc4j: " + message + "\n");
        assertThat(run.exitCode()).isEqualTo(2);
    }

    private static void assertAddsUp(TraceClasses trace) {
        TraceClasses.Peak peak = trace.peak();
        assertThat(trace.blockBytes()).isEqualTo(trace.requestedBytes() + trace.wasteBytes());
        assertThat(peak.slabBytes()).isEqualTo(peak.requestedBytes() + peak.wasteBytes() + peak.freeBytes());
        assertThat(peak.liveBytes())
                .isEqualTo(peak.requestedBytes() + trace.larger().peakRequestedBytes());
        assertThat(trace.classes().stream()
                        .mapToLong(TraceClasses.SizeClass::requests)
                        .sum())
                .isEqualTo(trace.requests() - trace.larger().requests());
    }

    private static TraceClasses json(Path file) {
        CommandRun run = CommandRun.of("classes", "--for", file.toString(), "--json");
        assertThat(run.err()).isEmpty();
        assertThat(run.exitCode()).isZero();
        return Jsonb.instance().type(TraceClasses.class).fromJson(run.out());
    }

    private Path trace(String... events) throws IOException {
        return Files.writeString(
                temporary.resolve("app.trace"), "# malloc-trace 1\n" + String.join("\n", events) + "\n");
    }
}
