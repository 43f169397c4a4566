package malloc4j.cli.sites;

import malloc4j.cli.Page;
import malloc4j.cli.ProcessNumber;
import malloc4j.cli.ReportCommand;
import malloc4j.cli.attach.AttachedJvm;
import malloc4j.cli.attach.ProfileAgent;
import malloc4j.cli.attach.agent.FoundHeaps;
import malloc4j.cli.child.Progress;
import malloc4j.cli.picture.LeaksPicture;
import malloc4j.observe.LeakReport;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `malloc4j leaks`: a running process's number in, which lines keep allocating what is not freed out.
@Command(
        name = "leaks",
        description = {
            "Finds the lines of a running Java program that keep allocating native memory from malloc4j and do not free it.",
            "",
            "Two snapshots of what is live are compared, by samples: at half time and at the end. What is younger than a"
                    + " quarter of the time does not count, for it may still be freed. A line is shown when three standard"
                    + " deviations more came than went. A cache that is being filled looks the same: take the time long"
                    + " enough.",
        },
        footer = {
            "",
            "Exit code 1 where something is found. Attaches to the process as sites does.",
        })
public final class LeaksCommand extends ReportCommand<FoundLeaks> {
    private static final int DEFAULT_SECONDS = 30;
    private static final int MAX_SECONDS = 86_400;

    @Parameters(paramLabel = "PID", converter = ProcessNumber.class, description = "The process.")
    private long pid;

    @Option(names = "--seconds", paramLabel = "N", description = "How long to watch. Default: ${DEFAULT-VALUE}.")
    private int seconds = DEFAULT_SECONDS;

    @Option(
            names = "--sample-bytes",
            paramLabel = "N",
            description = "Mean bytes allocated between two samples, where the program takes none by itself. Default:"
                    + " ${DEFAULT-VALUE}.")
    private long sampleBytes = 64 << 10;

    @Override
    protected FoundLeaks read() {
        if (seconds < 1 || seconds > MAX_SECONDS) {
            throw wrongUsage("--seconds must be from 1 to " + MAX_SECONDS + ", not " + seconds);
        }
        if (sampleBytes < 1) {
            throw wrongUsage("--sample-bytes must be from 1 on, not " + sampleBytes);
        }
        Progress progress = Progress.onTerminal(err());
        try (AttachedJvm jvm = AttachedJvm.attach(pid)) {
            progress.show("watching for " + seconds + " s");
            return watch(jvm);
        } finally {
            progress.clear();
        }
    }

    private FoundLeaks watch(AttachedJvm jvm) {
        var watch = new LeakWatch(pid, seconds, new ProfileAgent(jvm));
        FoundHeaps found = watch.begin(sampleBytes, watch.halfMillis());
        jvm.requireHeaps(found.libraries(), found.heaps());
        jvm.pause(watch.halfMillis());
        watch.half();
        jvm.pause(watch.halfMillis());
        return watch.end();
    }

    @Override
    protected Object document(FoundLeaks found) {
        return LeaksReport.of(found);
    }

    @Override
    protected void render(FoundLeaks found, Page page) {
        for (LeakReport report : found.reports()) {
            page.line(LeaksPicture.verdict(found.pid(), found.seconds(), report));
            if (!report.leaks().isEmpty()) {
                page.block(LeaksPicture.sites(report));
            }
        }
    }

    @Override
    protected int exitCode(FoundLeaks found) {
        return found.isEmpty() ? 0 : 1;
    }
}
