package malloc4j.cli.replay;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import malloc4j.cli.CliException;
import malloc4j.cli.Page;
import malloc4j.cli.ReportCommand;
import malloc4j.cli.child.Progress;
import malloc4j.cli.report.ReportOption;
import malloc4j.peers.AllocatorName;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `malloc4j replay`: arguments in, table or JSON out. All traces are read and checked before anything runs.
@Command(
        name = "replay",
        description = {
            "Replays allocation traces of real programs on malloc4j and on other allocators, and compares time and"
                    + " memory.",
            "",
            "Each allocator runs in a JVM of its own, their rounds in turns; the C ones are reached by critical"
                    + " downcalls. A multi-threaded trace is replayed on as many threads.",
        },
        footer = {
            "",
            "Times are per event, of the best and of the median round; each round is timed right after one that is not, so"
                    + " that no allocator pays for having waited. peak is the growth of the allocator's resident"
                    + " memory at its highest, after free the same two seconds after everything was freed; the JVM's"
                    + " own is excluded.",
            "",
            "arena is one Arena a block: confined where the block stays on one thread, shared where not. none is no"
                    + " allocator: it shows what the replay itself costs.",
        })
public final class ReplayCommand extends ReportCommand<ReplayCommand.Replayed> {
    private static final int MAX_ROUNDS = 10_000;

    /// What came of it, and of which traces.
    record Replayed(ReplayReport report, List<PreparedTrace> traces) {}

    @Parameters(
            paramLabel = "TRACE",
            description =
                    "Trace files: this project's, or what heaptrack recorded of a native program; plain, .gz or .zst."
                            + " Default: the bundled one.")
    private List<Path> traces = List.of();

    @Option(
            names = "--with",
            split = ",",
            converter = AllocatorChoice.class,
            paramLabel = "NAME",
            description = "Allocators, separated by commas: " + AllocatorChoice.WORDS + ". Default: all but none.")
    private List<AllocatorName> with = List.of();

    @Option(names = "--rounds", paramLabel = "N", description = "Timed rounds of each. Default: ${DEFAULT-VALUE}.")
    private int rounds = 5;

    @Option(names = "--serial", description = "All events on one thread, in file order.")
    private boolean serial;

    @Option(
            names = "--touch",
            converter = Touch.Converter.class,
            paramLabel = "WHAT",
            description = "What is written into each new block: first (word) or all. Default: ${DEFAULT-VALUE}.")
    private Touch touch = Touch.FIRST;

    @Option(
            names = "--verify",
            description = "Write a pattern into every byte, and check every byte, zeroing and alignment. Slow.")
    private boolean verify;

    @Option(
            names = "--source",
            converter = ReplaySource.Converter.class,
            paramLabel = "SOURCE",
            description = "Where malloc4j gets its pages: ${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}.")
    private ReplaySource source = ReplaySource.MMAP;

    @Mixin
    private final ReportOption reportPage = new ReportOption();

    @Override
    protected Replayed read() throws IOException {
        checkArguments();
        reportPage.check();
        Set<AllocatorName> allocators = with.isEmpty() ? AllocatorChoice.EVERY_ALLOCATOR : EnumSet.copyOf(with);
        List<PreparedTrace> prepared = new ArrayList<>();
        try {
            prepareAll(prepared);
            return new Replayed(replay(prepared, allocators), prepared);
        } finally {
            for (PreparedTrace trace : prepared) {
                Files.deleteIfExists(trace.image());
            }
        }
    }

    private void checkArguments() {
        if (rounds < 1 || rounds > MAX_ROUNDS) {
            throw wrongUsage("--rounds must be from 1 to " + MAX_ROUNDS + ", not " + rounds);
        }
        if (with.contains(AllocatorName.NONE) && (verify || touch == Touch.ALL)) {
            throw wrongUsage("--with none has no memory to verify, or to touch beyond the first word");
        }
        if (reportPage.isAsked() && verify) {
            throw wrongUsage("--report shows times, and those of --verify are no measure: leave one of them out");
        }
        for (Path trace : traces) {
            if (!Files.exists(trace)) {
                throw wrongUsage(trace + ": no such file");
            }
            if (!Files.isReadable(trace) || Files.isDirectory(trace)) {
                throw wrongUsage(trace + ": not a readable file");
            }
        }
    }

    private void prepareAll(List<PreparedTrace> prepared) throws IOException {
        Progress progress = Progress.onTerminal(err());
        for (Path named : traces.isEmpty() ? List.of(BundledTrace.PATH) : new LinkedHashSet<>(traces)) {
            progress.show("reading " + named);
            TraceReader.Result read = read(traces.isEmpty() ? BundledTrace.find() : named);
            Path image = Files.createTempFile("malloc4j-replay", ".image");
            image.toFile().deleteOnExit(); // for the end that comes by a signal
            prepared.add(new PreparedTrace(
                    named.toString(), read.summary(), read.notes(), LiveCurve.of(read.trace()), image));
            TraceImage.write(read.trace(), image);
        }
        progress.clear();
    }

    private static TraceReader.Result read(Path file) {
        try {
            return TraceReader.read(file);
        } catch (TraceProblem e) {
            throw CliException.problem(String.valueOf(e.getMessage()));
        } catch (IOException e) {
            throw CliException.problem(file + ": cannot be read: " + e.getMessage());
        }
    }

    private ReplayReport replay(List<PreparedTrace> prepared, Set<AllocatorName> allocators) {
        var settings = new ReplayReport.Settings(rounds, serial, touch.toString(), verify, source.toString());
        var session = new ReplaySession(settings, source, touch, reportPage.isAsked(), Progress.onTerminal(err()));
        return session.run(prepared, allocators);
    }

    @Override
    protected Object document(Replayed replayed) {
        return replayed.report;
    }

    @Override
    protected void render(Replayed replayed, Page page) {
        if (!replayed.report.results().isEmpty()) {
            page.block(ReplayTable.render(replayed.report, replayed.traces));
        }
    }

    @Override
    protected int exitCode(Replayed replayed) {
        ReplayReport report = replayed.report;
        if (report.results().isEmpty() && report.failures().isEmpty()) {
            throw CliException.cannot("none of these allocators is installed: "
                    + String.join(
                            ", ",
                            report.absent().stream()
                                    .map(absent -> absent.allocator() + " (" + absent.reason() + ")")
                                    .toList()));
        }
        for (ReplayReport.Failure failure : report.failures()) {
            err().println("malloc4j: " + failure.trace() + ": " + failure.allocator() + " failed: " + failure.reason());
        }
        err().flush();
        if (reportPage.isAsked() && !report.results().isEmpty()) {
            Path written = reportPage.write(ReplayComparison.of(report, replayed.traces));
            if (isText()) {
                page().line("report: " + written).flush();
            }
        }
        return report.failures().isEmpty() ? 0 : 1;
    }
}
