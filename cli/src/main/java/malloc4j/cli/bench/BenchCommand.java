package malloc4j.cli.bench;

import java.io.IOException;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import malloc4j.cli.Choice;
import malloc4j.cli.CliException;
import malloc4j.cli.Page;
import malloc4j.cli.ReportCommand;
import malloc4j.cli.child.Progress;
import malloc4j.cli.report.ReportOption;
import malloc4j.cli.workload.WorkloadName;
import malloc4j.peers.AllocatorName;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `malloc4j bench`: arguments in, tables or JSON out.
@Command(
        name = "bench",
        subcommands = {ScaleCommand.class, ReturnCommand.class},
        description = {
            "Puts malloc4j and other allocators to the same workloads, and compares throughput, latency and memory.",
            "",
            "Each allocator runs in a JVM of its own, their rounds in turns; the C ones are reached by critical"
                    + " downcalls. All workloads on all allocators take about ten minutes: name some.",
        },
        footer = {
            "",
            "Rounds that other processes or the hypervisor disturbed, or that differ much, are marked: compare again"
                    + " when the machine is quiet. Latency is that of single calls, sampled after the rounds; each has"
                    + " one reading of the clock in it. peak and end are the growth of the allocator's resident memory"
                    + " at its highest, and two seconds after everything was freed; the JVM's own is excluded.",
        })
public final class BenchCommand extends ReportCommand<BenchReport> {
    private static final int MAX_THREADS = 64;

    /// What is compared when nothing is asked for: each by its own fastest way.
    private static final Set<AllocatorName> BY_DEFAULT = EnumSet.of(
            AllocatorName.MALLOC4J,
            AllocatorName.GLIBC,
            AllocatorName.JEMALLOC,
            AllocatorName.MIMALLOC,
            AllocatorName.TCMALLOC,
            AllocatorName.ARENA,
            AllocatorName.UNSAFE,
            AllocatorName.NETTY,
            AllocatorName.NETTY_ADAPTIVE);

    @Parameters(paramLabel = "WORKLOAD", description = "Which; --list tells them. Default: all.")
    private List<String> workloads = List.of();

    @Option(names = "--list", description = "List the workloads, a line each, and end.")
    private boolean list;

    @Mixin
    private final ContestantOptions contestants = new ContestantOptions();

    @Option(
            names = "--threads",
            paramLabel = "N",
            description = "Threads of the workloads that take a number. Default: one a processor.")
    private int threads = Math.min(Runtime.getRuntime().availableProcessors(), MAX_THREADS);

    @Mixin
    private final TimingOptions timing = new TimingOptions();

    @Option(names = "--verify", description = "Only check: write a pattern into every byte, and check it at each free.")
    private boolean verify;

    @Mixin
    private final ReportOption reportPage = new ReportOption();

    @Override
    public Integer call() throws IOException {
        return list ? showList() : super.call();
    }

    private int showList() {
        Page page = page();
        for (WorkloadName workload : WorkloadName.values()) {
            page.line(String.format("%-14s %s", workload, workload.line()));
        }
        page.flush();
        return 0;
    }

    @Override
    protected BenchReport read() {
        if (threads < 1 || threads > MAX_THREADS) {
            throw wrongUsage("--threads must be from 1 to " + MAX_THREADS + ", not " + threads);
        }
        if (reportPage.isAsked() && verify) {
            throw wrongUsage("--report shows times, and those of --verify are no measure: leave one of them out");
        }
        Set<WorkloadName> chosen = new WorkloadChoice().convertAll(spec().commandLine(), "WORKLOAD", workloads);
        var settings = new BenchReport.Settings(threads, timing.rounds(), timing.seconds(), verify);
        List<Candidate> candidates = contestants.candidates(BY_DEFAULT);
        reportPage.check();
        var session = new BenchSession(
                settings, contestants.heapProperties(), reportPage.isAsked(), Progress.onTerminal(err()));
        return session.run(List.copyOf(chosen), candidates, this::showTable);
    }

    private void showTable(WorkloadName workload, List<BenchReport.Result> results) {
        if (isText() && !results.isEmpty()) {
            page().block(BenchTable.workload(workload, results)).flush();
        }
    }

    @Override
    protected void render(BenchReport report, Page page) {
        if (!report.results().isEmpty()) {
            page.block(BenchTable.footnotes(report));
        }
    }

    @Override
    protected int exitCode(BenchReport report) {
        if (report.results().isEmpty() && report.failures().isEmpty()) {
            throw CliException.cannot("nothing to measure: " + whyNothing(report));
        }
        int exitCode = Dropouts.tell(report.failures(), err());
        if (reportPage.isAsked() && !report.results().isEmpty()) {
            Path written = reportPage.write(BenchComparison.of(report));
            if (isText()) {
                page().line("report: " + written).flush();
            }
        }
        return exitCode;
    }

    static String whyNothing(BenchReport report) {
        Stream<String> absent =
                report.absent().stream().map(one -> one.allocator() + " is not installed (" + one.reason() + ")");
        Stream<String> skipped = report.skipped().stream()
                .map(one -> one.allocator() + " does not suit " + one.workload() + " (" + one.reason() + ")");
        return Stream.concat(absent, skipped).collect(Collectors.joining(", "));
    }

    /// From the command line.
    static final class WorkloadChoice extends Choice<WorkloadName> {
        WorkloadChoice() {
            super(WorkloadName.class);
        }
    }
}
