package malloc4j.cli.bench;

import io.avaje.jsonb.Jsonb;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import malloc4j.cli.Choice;
import malloc4j.cli.CliException;
import malloc4j.cli.child.Progress;
import malloc4j.cli.workload.ScaleDimension;
import malloc4j.peers.AllocatorName;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

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
public final class ScaleCommand implements Callable<Integer> {
    private static final Set<AllocatorName> BY_DEFAULT = EnumSet.of(
            AllocatorName.MALLOC4J,
            AllocatorName.GLIBC,
            AllocatorName.JEMALLOC,
            AllocatorName.MIMALLOC,
            AllocatorName.TCMALLOC,
            AllocatorName.NONE);

    @Spec
    @SuppressWarnings("NullAway.Init") // set by picocli
    private CommandSpec spec;

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

    @Option(names = "--json", description = "Print one JSON document instead of tables.")
    private boolean json;

    @Override
    public Integer call() throws IOException {
        if (limit < 1) {
            throw new ParameterException(spec.commandLine(), "--up-to must be 1 or more, not " + limit);
        }
        Set<ScaleDimension> chosen = new DimensionChoice().convertAll(spec.commandLine(), "DIMENSION", dimensions);
        var settings = new ScaleReport.Settings(timing.rounds(), timing.seconds());
        List<Candidate> candidates = contestants.candidates(BY_DEFAULT);
        if (plots != null) {
            createFolder(plots);
        }
        var session = new ScaleSession(
                settings,
                contestants.heapProperties(),
                Progress.onTerminal(spec.commandLine().getErr()));
        ScaleReport report = session.run(List.copyOf(chosen), limit, candidates, this::printTable);
        if (plots != null) {
            for (ScaleDimension dimension : chosen) {
                writePlot(plots, dimension, report);
            }
        }
        return print(report);
    }

    private void createFolder(Path folder) {
        try {
            Files.createDirectories(folder);
        } catch (IOException e) {
            throw new ParameterException(spec.commandLine(), "--plots " + folder + ": cannot be made a folder");
        }
    }

    private void printTable(ScaleDimension dimension, List<ScaleReport.Result> results) {
        if (!json && !results.isEmpty()) {
            PrintWriter out = spec.commandLine().getOut();
            out.print(ScaleTable.dimension(dimension, results));
            out.flush();
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

    private int print(ScaleReport report) {
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            out.println(Jsonb.instance().type(ScaleReport.class).toJsonPretty(report));
        } else if (!report.results().isEmpty()) {
            out.print(ScaleTable.footnotes(report));
        }
        out.flush();
        if (report.results().isEmpty() && report.failures().isEmpty()) {
            throw CliException.cannot("nothing to measure: no point was left, or no allocator is installed");
        }
        return Dropouts.tell(report.failures(), spec.commandLine().getErr());
    }

    /// From the command line.
    static final class DimensionChoice extends Choice<ScaleDimension> {
        DimensionChoice() {
            super(ScaleDimension.class);
        }
    }
}
