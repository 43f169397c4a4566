package malloc4j.cli.bench;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import malloc4j.cli.Choice;
import malloc4j.cli.CliException;
import malloc4j.cli.Page;
import malloc4j.cli.ReportCommand;
import malloc4j.cli.child.ChildProcess.Purpose;
import malloc4j.cli.child.Contest;
import malloc4j.cli.child.MachineFacts;
import malloc4j.cli.child.Progress;
import malloc4j.cli.workload.ReturnProbe;
import malloc4j.cli.workload.ReturnRunner;
import malloc4j.cli.workload.WorkloadSettings;
import malloc4j.cli.workload.WorkloadShape;
import malloc4j.peers.AllocatorName;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `malloc4j bench return`: arguments in, tables or JSON out. Nothing is timed, so several children run at a time.
@Command(
        name = "return",
        description = {
            "Shows how much memory goes back to the kernel when blocks are freed: at once, when the program is idle,"
                    + " with light use, and when the allocator is called to give back all.",
            "",
            "The JVM's own memory is excluded. Each allocator and probe runs in a JVM of its own, four at a time.",
        })
public final class ReturnCommand extends ReportCommand<ReturnReport> {
    private static final Set<AllocatorName> BY_DEFAULT = EnumSet.of(
            AllocatorName.MALLOC4J,
            AllocatorName.GLIBC,
            AllocatorName.JEMALLOC,
            AllocatorName.MIMALLOC,
            AllocatorName.TCMALLOC);
    private static final int MAX_BLOCKS = 50_000_000;
    private static final double MAX_IDLE_SECONDS = 3_600;

    @Parameters(paramLabel = "PROBE", description = "free-all, freed-by-another or keep-every-200th. Default: all.")
    private List<String> probes = List.of();

    @Mixin
    private final ContestantOptions contestants = new ContestantOptions();

    @Option(names = "--blocks", paramLabel = "N", description = "Blocks of each probe. Default: ${DEFAULT-VALUE}.")
    private int blocks = 2_000_000;

    @Option(
            names = "--idle",
            paramLabel = "S",
            description = "Seconds from the frees to the light use. Default: ${DEFAULT-VALUE}.")
    private double idleSeconds = 16;

    @Override
    protected ReturnReport read() {
        if (blocks < 1 || blocks > MAX_BLOCKS) {
            throw wrongUsage("--blocks must be from 1 to " + MAX_BLOCKS + ", not " + blocks);
        }
        if (!(idleSeconds >= 0 && idleSeconds <= MAX_IDLE_SECONDS)) {
            throw wrongUsage("--idle must be from 0 to " + (int) MAX_IDLE_SECONDS + " seconds, not " + idleSeconds);
        }
        Set<ReturnProbe> chosen = new ProbeChoice().convertAll(spec().commandLine(), "PROBE", probes);
        List<Candidate> candidates = contestants.candidates(BY_DEFAULT);
        if (candidates.stream().anyMatch(candidate -> candidate.allocator() == AllocatorName.NONE)) {
            throw wrongUsage("--with none has no memory to give back");
        }
        Map<String, String> heapProperties = contestants.heapProperties();
        Progress progress = Progress.onTerminal(err());
        var contest = new Contest(progress);
        List<Entry> entries = new ArrayList<>();
        for (ReturnProbe probe : chosen) {
            for (Candidate candidate : candidates) {
                entries.add(new Entry(probe, candidate, heapProperties, contest));
            }
        }
        Contest.atOnce(entries, entry -> entry.child.attempt("probing", entry::probe));
        progress.clear();
        return report(entries, contest);
    }

    private ReturnReport report(List<Entry> entries, Contest contest) {
        return new ReturnReport(
                MachineFacts.read(),
                new ReturnReport.Settings(blocks, idleSeconds),
                entries.stream()
                        .filter(entry -> !entry.child.isOut())
                        .map(Entry::result)
                        .toList(),
                Dropouts.absent(contest),
                Dropouts.failures(contest));
    }

    @Override
    protected void render(ReturnReport report, Page page) {
        if (!report.results().isEmpty()) {
            page.block(ReturnTable.render(report));
        }
    }

    @Override
    protected int exitCode(ReturnReport report) {
        if (report.results().isEmpty() && report.failures().isEmpty()) {
            throw CliException.cannot("nothing to measure: none of these allocators is installed");
        }
        return Dropouts.tell(report.failures(), err());
    }

    /// One allocator at one probe.
    private final class Entry {
        private final ReturnProbe probe;
        private final Candidate candidate;
        private final Map<String, String> heapProperties;
        private final Contest.Contestant child;
        private String[] answer = new String[0];

        Entry(ReturnProbe probe, Candidate candidate, Map<String, String> heapProperties, Contest contest) {
            this.probe = probe;
            this.candidate = candidate;
            this.heapProperties = heapProperties;
            this.child = contest.new Contestant(probe.toString(), candidate.label());
        }

        void probe() {
            String workload = ReturnRunner.workload(blocks);
            var settings = new WorkloadSettings(candidate.allocator(), workload, 1, false);
            child.start(candidate.launch(
                    ReturnChild.class, Purpose.MEMORY, settings, WorkloadShape.of(workload, 1), heapProperties));
            answer = child.ask("probe " + probe.name() + " " + (long) (idleSeconds * 1e3))
                    .split(" ", 8);
            child.close();
        }

        ReturnReport.Result result() {
            long trimmed = bytes(5);
            return new ReturnReport.Result(
                    probe.toString(),
                    candidate.label(),
                    answer[7],
                    bytes(0),
                    bytes(1),
                    bytes(2),
                    bytes(3),
                    bytes(4),
                    trimmed < 0 ? null : trimmed,
                    bytes(6));
        }

        private long bytes(int index) {
            return Long.parseLong(answer[index]);
        }
    }

    /// From the command line.
    static final class ProbeChoice extends Choice<ReturnProbe> {
        ProbeChoice() {
            super(ReturnProbe.class);
        }
    }
}
