package malloc4j.cli.sites;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnknownFieldSet;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.zip.GZIPInputStream;
import malloc4j.cli.profile.Measure;
import malloc4j.cli.profile.SampledProcess;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The files of `sites --format`, from profiles made by hand.
class SitesFileTest {
    private static final Path GO = Path.of("/usr/bin/go");

    @TempDir
    @SuppressWarnings("NullAway.Init")
    private Path temporary;

    @Test
    void collapsedStacksAreALineEach() throws IOException {
        assertThat(text(SitesFormat.COLLAPSED, Profiles.process(), Measure.LIVE))
                .isEqualTo("""
                app.Main.main(Main.java:7);app.Parser.intern(Parser.java:41) 3145728
                app.Main.main(Main.java:7);app.Reader.read(Reader.java:12) 1048576
                """);
        assertThat(text(SitesFormat.COLLAPSED, Profiles.process(), Measure.TOTAL))
                .contains("app.Parser.intern(Parser.java:41) 8388608\n");
    }

    @Test
    void collapsedStacksOfADifferenceHaveBothFigures() throws IOException {
        assertThat(text(SitesFormat.COLLAPSED, Profiles.difference(), Measure.LIVE))
                .isEqualTo("""
                app.Main.main(Main.java:7);app.Parser.intern(Parser.java:41) 1048576 3145728
                app.Main.main(Main.java:7);app.Reader.read(Reader.java:12) 2097152 1048576
                """);
    }

    @Test
    void stacksOfSeveralHeapsStandBelowTheirHeaps() throws IOException {
        assertThat(text(SitesFormat.COLLAPSED, Profiles.twoHeaps(), Measure.LIVE))
                .contains("heap cache;app.Main.main(Main.java:7);app.Parser.intern(Parser.java:41) 3145728\n")
                .contains("heap common;app.Main.main(Main.java:7);app.Parser.intern(Parser.java:41) 3145728\n");
    }

    @Test
    void aFlameGraphCountsBytes() throws IOException {
        String page = text(SitesFormat.HTML, Profiles.process(), Measure.LIVE);

        assertThat(page)
                .startsWith("<!DOCTYPE html>")
                .contains("<h1>Live native memory of process 4711</h1>")
                .contains("Parser.intern(Parser.java:41)", "4194304")
                .contains("' bytes'")
                .doesNotContain(" samples'", "grown");
    }

    @Test
    void aFlameGraphOfADifferenceHasWhatGrewInRedAndWhatShrankInBlue() throws IOException {
        String page = text(SitesFormat.HTML, Profiles.difference(), Measure.LIVE);

        assertThat(page)
                .contains("<h1>Live native memory of process 4711, difference of 10 s</h1>")
                .contains("[0xe15a5a, 30, 40, 40]", "[0x5a8ce1, 30, 40, 30]")
                .containsPattern("'.grown'")
                .containsPattern("'.shrunk'");
    }

    @Test
    void aPprofProfileHasFourFiguresOfEachSite() throws IOException {
        UnknownFieldSet profile = pprof(Profiles.process(), Measure.TOTAL);
        List<ByteString> strings = profile.getField(6).getLengthDelimitedList();

        assertThat(profile.getField(1).getLengthDelimitedList()).hasSize(4);
        assertThat(strings.getFirst().isEmpty()).isTrue();
        assertThat(strings.stream().map(ByteString::toStringUtf8))
                .contains("alloc_objects", "alloc_space", "inuse_objects", "inuse_space", "app.Parser.intern", "heap");
        assertThat(profile.getField(12).getVarintList()).containsExactly(512L << 10);
        int byDefault = Math.toIntExact(profile.getField(14).getVarintList().getFirst());
        assertThat(strings.get(byDefault).toStringUtf8()).isEqualTo("alloc_space");

        UnknownFieldSet sample = UnknownFieldSet.parseFrom(
                profile.getField(2).getLengthDelimitedList().getFirst());
        assertThat(sample.getField(1).getVarintList()).containsExactly(1L, 2L);
        assertThat(sample.getField(2).getVarintList()).containsExactly(2048L, 8L << 20, 768L, 3L << 20);
    }

    @Test
    void figuresOfADifferenceMayBeNegative() throws IOException {
        UnknownFieldSet profile = pprof(Profiles.difference(), Measure.LIVE);

        UnknownFieldSet last = UnknownFieldSet.parseFrom(
                profile.getField(2).getLengthDelimitedList().getLast());
        assertThat(last.getField(2).getVarintList()).containsExactly(2L, 2L << 20, -1L, -1L << 20);
    }

    @Test
    void pprofReadsIt() throws Exception {
        assumeTrue(Files.isExecutable(GO) || System.getenv("CI") != null, "Go is not installed");
        Path file = temporary.resolve("heap.pb.gz");
        Files.write(file, bytes(SitesFormat.PPROF, Profiles.process(), Measure.LIVE));
        var builder =
                new ProcessBuilder(GO.toString(), "tool", "pprof", "-top", file.toString()).redirectErrorStream(true);
        builder.environment().put("PPROF_TMPDIR", temporary.toString());
        builder.environment().put("HOME", temporary.toString());

        Process pprof = builder.start();
        String text = new String(pprof.getInputStream().readAllBytes(), StandardCharsets.UTF_8);

        assertThat(pprof.waitFor(1, TimeUnit.MINUTES)).isTrue();
        assertThat(text)
                .contains("Type: inuse_space", "Showing nodes accounting for 4MB, 100% of 4MB total")
                .containsPattern("3MB 75.00% 75.00% +3MB 75.00%  app.Parser.intern\n")
                .containsPattern("0 +0%   100% +4MB   100%  app.Main.main\n");
    }

    @Test
    void whereNothingWasSampledTheFilesAreEmptyAndWhole() throws IOException {
        assertThat(text(SitesFormat.COLLAPSED, Profiles.nothing(), Measure.LIVE))
                .isEmpty();
        assertThat(text(SitesFormat.HTML, Profiles.nothing(), Measure.LIVE)).contains("</html>");
        assertThat(pprof(Profiles.nothing(), Measure.LIVE).getField(2).getLengthDelimitedList())
                .isEmpty();
    }

    private static UnknownFieldSet pprof(SampledProcess process, Measure measure) throws IOException {
        var gzip = new GZIPInputStream(new ByteArrayInputStream(bytes(SitesFormat.PPROF, process, measure)));
        return UnknownFieldSet.parseFrom(gzip);
    }

    private static String text(SitesFormat format, SampledProcess process, Measure measure) throws IOException {
        return new String(bytes(format, process, measure), StandardCharsets.UTF_8);
    }

    private static byte[] bytes(SitesFormat format, SampledProcess process, Measure measure) throws IOException {
        var bytes = new ByteArrayOutputStream();
        format.file().write(process, measure, bytes);
        return bytes.toByteArray();
    }
}
