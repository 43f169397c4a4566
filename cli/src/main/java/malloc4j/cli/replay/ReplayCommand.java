package malloc4j.cli.replay;

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
import malloc4j.cli.CliException;
import malloc4j.cli.child.Progress;
import malloc4j.peers.AllocatorName;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

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
public final class ReplayCommand implements Callable<Integer> {
    private static final int MAX_ROUNDS = 10_000;

    @Spec
    @SuppressWarnings("NullAway.Init") // set by picocli
    private CommandSpec spec;

    @Parameters(paramLabel = "TRACE", description = "Trace files, text or .gz. Default: the bundled one.")
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
            converter = PageSource.Converter.class,
            paramLabel = "SOURCE",
            description = "Where malloc4j gets its pages: ${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}.")
    private PageSource source = PageSource.MMAP;

    @Option(names = "--json", description = "Print one JSON document instead of tables.")
    private boolean json;

    @Override
    public Integer call() throws IOException {
        checkArguments();
        Set<AllocatorName> allocators = with.isEmpty() ? AllocatorChoice.EVERY_ALLOCATOR : EnumSet.copyOf(with);
        List<PreparedTrace> prepared = new ArrayList<>();
        try {
            prepareAll(prepared);
            return replay(prepared, allocators);
        } finally {
            for (PreparedTrace trace : prepared) {
                Files.deleteIfExists(trace.image());
            }
        }
    }

    private void checkArguments() {
        if (rounds < 1 || rounds > MAX_ROUNDS) {
            throw wrong("--rounds must be from 1 to " + MAX_ROUNDS + ", not " + rounds);
        }
        if (with.contains(AllocatorName.NONE) && (verify || touch == Touch.ALL)) {
            throw wrong("--with none has no memory to verify, or to touch beyond the first word");
        }
        for (Path trace : traces) {
            if (!Files.exists(trace)) {
                throw wrong(trace + ": no such file");
            }
            if (!Files.isReadable(trace) || Files.isDirectory(trace)) {
                throw wrong(trace + ": not a readable file");
            }
        }
    }

    private void prepareAll(List<PreparedTrace> prepared) throws IOException {
        PrintWriter err = spec.commandLine().getErr();
        Progress progress = Progress.onTerminal(err);
        for (Path named : traces.isEmpty() ? List.of(BundledTrace.PATH) : new LinkedHashSet<>(traces)) {
            progress.show("reading " + named);
            TraceReader.Result read = read(traces.isEmpty() ? BundledTrace.find() : named);
            Path image = Files.createTempFile("malloc4j-replay", ".image");
            image.toFile().deleteOnExit(); // for the end that comes by a signal
            prepared.add(new PreparedTrace(named.toString(), read.summary(), image));
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

    private int replay(List<PreparedTrace> prepared, Set<AllocatorName> allocators) {
        PrintWriter out = spec.commandLine().getOut();
        PrintWriter err = spec.commandLine().getErr();
        var session = new ReplaySession(rounds, serial, touch, verify, source, Progress.onTerminal(err));
        ReplayReport report = session.run(prepared, allocators);
        if (json) {
            out.println(Jsonb.instance().type(ReplayReport.class).toJsonPretty(report));
        } else if (!report.results().isEmpty()) {
            out.print(ReplayTable.render(report, prepared));
        }
        out.flush();
        if (report.results().isEmpty() && report.failures().isEmpty()) {
            throw CliException.cannot("none of these allocators is installed: "
                    + String.join(
                            ", ",
                            report.absent().stream()
                                    .map(absent -> absent.allocator() + " (" + absent.reason() + ")")
                                    .toList()));
        }
        for (ReplayReport.Failure failure : report.failures()) {
            err.println("malloc4j: " + failure.trace() + ": " + failure.allocator() + " failed: " + failure.reason());
        }
        err.flush();
        return report.failures().isEmpty() ? 0 : 1;
    }

    private ParameterException wrong(String message) {
        return new ParameterException(spec.commandLine(), message);
    }
}
