package malloc4j.cli.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import malloc4j.cli.Choice;
import malloc4j.cli.CliException;
import malloc4j.cli.Page;
import malloc4j.cli.ReportCommand;
import malloc4j.cli.child.Progress;
import malloc4j.cli.workload.ScaleDimension;
import malloc4j.peers.AllocatorName;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `malloc4j bench scale`: arguments in, tables, JSON and plots out.
@Command(
        name = "scale",
        description = {
            "Shows what an operation costs as there are more live blocks, larger blocks, more threads, more heaps or"
                    + " more live bytes, on malloc4j and on other allocators.",
            "",
            "Each point runs in JVMs of its own, the allocators by turns while memory holds all of them. All dimensions"
                    + " take some fifteen minutes; the largest points 24 GiB of memory, and are left out where there"
                    + " is less.",
        })
public final class ScaleCommand extends ReportCommand<ScaleReport> {
    private static final Set<AllocatorName> BY_DEFAULT = EnumSet.of(
            AllocatorName.MALLOC4J,
            AllocatorName.GLIBC,
            AllocatorName.JEMALLOC,
            AllocatorName.MIMALLOC,
            AllocatorName.TCMALLOC,
            AllocatorName.NONE);

    @Parameters(
            paramLabel = "DIMENSION",
            description = "live-blocks, block-size, threads, heaps or heap-size. Default: all.")
    private List<String> dimensions = List.of();

    @Mixin
    private final ContestantOptions contestants = new ContestantOptions();

    @Mixin
    private final TimingOptions timing = new TimingOptions();

    @Option(
            names = "--up-to",
            paramLabel = "N",
            description = "Leave out points above N: blocks, bytes, threads or heaps. Default: none.")
    private long limit = Long.MAX_VALUE;

    @Option(
            names = "--plots",
            paramLabel = "FOLDER",
            description = "Write a plot for each dimension there: scale-DIMENSION.svg.")
    private @Nullable Path plots;

    @Override
    protected ScaleReport read() throws IOException {
        if (limit < 1) {
            throw wrongUsage("--up-to must be 1 or more, not " + limit);
        }
        Set<ScaleDimension> chosen = new DimensionChoice().convertAll(spec().commandLine(), "DIMENSION", dimensions);
        var settings = new ScaleReport.Settings(timing.rounds(), timing.seconds());
        List<Candidate> candidates = contestants.candidates(BY_DEFAULT);
        if (plots != null) {
            createFolder(plots);
        }
        var session = new ScaleSession(settings, contestants.heapProperties(), Progress.onTerminal(err()));
        ScaleReport report = session.run(List.copyOf(chosen), limit, candidates, this::showTable);
        if (plots != null) {
            for (ScaleDimension dimension : chosen) {
                writePlot(plots, dimension, report);
            }
        }
        return report;
    }

    private void createFolder(Path folder) {
        try {
            Files.createDirectories(folder);
        } catch (IOException e) {
            throw wrongUsage("--plots " + folder + ": cannot be made a folder");
        }
    }

    private void showTable(ScaleDimension dimension, List<ScaleReport.Result> results) {
        if (isText() && !results.isEmpty()) {
            page().block(ScaleTable.dimension(dimension, results)).flush();
        }
    }

    private static void writePlot(Path folder, ScaleDimension dimension, ScaleReport report) throws IOException {
        List<ScaleReport.Result> results = report.results().stream()
                .filter(result -> result.dimension().equals(dimension.toString()))
                .toList();
        if (!results.isEmpty()) {
            Files.writeString(
                    folder.resolve("scale-" + dimension + ".svg"),
                    plot(dimension, results).svg());
        }
    }

    private static LinePlot plot(ScaleDimension dimension, List<ScaleReport.Result> results) {
        var plot = new LinePlot(
                "Cost of an operation by " + dimension.unit(),
                dimension.line(),
                dimension.unit(),
                "ns/op",
                results.stream()
                        .map(result -> (double) result.point())
                        .distinct()
                        .sorted()
                        .toList(),
                point -> ScaleTable.label(dimension, (long) point));
        for (String allocator : new LinkedHashSet<>(
                results.stream().map(ScaleReport.Result::allocator).toList())) {
            List<LinePlot.Point> points = new ArrayList<>();
            for (ScaleReport.Result result : results) {
                if (result.allocator().equals(allocator)) {
                    points.add(new LinePlot.Point(result.point(), result.nanosPerOperation()));
                }
            }
            plot.add(new LinePlot.Series(
                    allocator.equals(AllocatorName.NONE.toString()) ? "control" : allocator, points));
        }
        return plot;
    }

    @Override
    protected void render(ScaleReport report, Page page) {
        if (!report.results().isEmpty()) {
            page.block(ScaleTable.footnotes(report));
        }
    }

    @Override
    protected int exitCode(ScaleReport report) {
        if (report.results().isEmpty() && report.failures().isEmpty()) {
            throw CliException.cannot("nothing to measure: no point was left, or no allocator is installed");
        }
        return Dropouts.tell(report.failures(), err());
    }

    /// From the command line.
    static final class DimensionChoice extends Choice<ScaleDimension> {
        DimensionChoice() {
            super(ScaleDimension.class);
        }
    }
}
