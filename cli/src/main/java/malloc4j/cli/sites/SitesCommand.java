package malloc4j.cli.sites;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import malloc4j.cli.CliException;
import malloc4j.cli.Page;
import malloc4j.cli.ProcessNumber;
import malloc4j.cli.ReportCommand;
import malloc4j.cli.attach.AttachedJvm;
import malloc4j.cli.attach.ProfileAgent;
import malloc4j.cli.attach.agent.FoundHeaps;
import malloc4j.cli.child.Progress;
import malloc4j.cli.picture.SitesPicture;
import malloc4j.cli.profile.Measure;
import malloc4j.cli.profile.SampledHeap;
import malloc4j.cli.profile.SampledProcess;
import malloc4j.observe.AllocationProfile;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `malloc4j sites`: a running process's number in, who has allocated what out.
@Command(
        name = "sites",
        description = {
            "Shows which lines of a running Java program have allocated how much native memory from malloc4j, and how much"
                    + " of it is live, estimated from samples.",
            "",
            "The program needs no option for it. Where it takes no samples, they are taken for some seconds, and what was"
                    + " allocated before is not seen.",
        },
        footer = {
            "",
            "Works by attaching to the process: for its user and root, unless it runs with -XX:+DisableAttachMechanism. Its"
                    + " JVM prints a warning that an agent was loaded, unless it runs with"
                    + " -XX:+EnableDynamicAgentLoading.",
            "",
            "live is what is not freed, total all that was allocated. The column +- is the standard deviation of the"
                    + " figure that counts. In JSON, stacks are innermost first.",
        })
public final class SitesCommand extends ReportCommand<SampledProcess> {
    private static final int DEFAULT_SECONDS = 10;
    private static final int MAX_SECONDS = 86_400;

    @Parameters(paramLabel = "PID", converter = ProcessNumber.class, description = "The process.")
    private long pid;

    @Option(
            names = "--seconds",
            paramLabel = "N",
            description = "How long to take samples. Default: " + DEFAULT_SECONDS
                    + ", and not at all where the program takes some by itself.")
    private @Nullable Integer seconds;

    @Option(
            names = "--sample-bytes",
            paramLabel = "N",
            description = "Mean bytes allocated between two samples, where the program takes none by itself. Default:"
                    + " ${DEFAULT-VALUE}.")
    private long sampleBytes = 512 << 10;

    @Option(
            names = "--by",
            paramLabel = "WHAT",
            converter = Measure.Converter.class,
            description = "What counts: live or total. Default: ${DEFAULT-VALUE}.")
    private Measure by = Measure.LIVE;

    @Option(names = "--diff", description = "Show what came about in these seconds: the difference of two moments.")
    private boolean isDifference;

    @Option(names = "--top", paramLabel = "N", description = "Sites in the table. Default: ${DEFAULT-VALUE}.")
    private int top = 20;

    @Option(
            names = "--frames",
            paramLabel = "N",
            description = "Frames of each stack in the table. Default: ${DEFAULT-VALUE}.")
    private int frames = 5;

    @Option(
            names = "--format",
            paramLabel = "FORMAT",
            converter = SitesFormat.Converter.class,
            description = "Write a file instead: collapsed (stacks), pprof, or html (a flame graph).")
    private @Nullable SitesFormat format;

    @Option(
            names = "--output",
            paramLabel = "FILE",
            description = "Where to write it. Default: standard output, for collapsed alone.")
    private @Nullable Path output;

    @Override
    protected SampledProcess read() {
        checkArguments();
        Progress progress = Progress.onTerminal(err());
        try (AttachedJvm jvm = AttachedJvm.attach(pid)) {
            return sample(jvm, progress);
        } finally {
            progress.clear();
        }
    }

    private void checkArguments() {
        checkRange("--seconds", seconds == null ? DEFAULT_SECONDS : seconds, MAX_SECONDS);
        checkRange("--sample-bytes", sampleBytes, Long.MAX_VALUE);
        checkRange("--top", top, Integer.MAX_VALUE);
        checkRange("--frames", frames, Integer.MAX_VALUE);
        if (format == null) {
            if (output != null) {
                throw wrongUsage("--output needs --format");
            }
            return;
        }
        if (!isText()) {
            throw wrongUsage("--json and --format exclude each other");
        }
        if (output == null) {
            if (format != SitesFormat.COLLAPSED) {
                throw wrongUsage("--format " + format + " needs --output");
            }
            return;
        }
        Path folder = output.toAbsolutePath().getParent();
        if (Files.isDirectory(output) || folder == null || !Files.isDirectory(folder)) {
            throw wrongUsage(output + ": no file can be written there");
        }
    }

    private void checkRange(String option, long value, long max) {
        if (value < 1 || value > max) {
            throw wrongUsage(option + " must be from 1 to " + max + ", not " + value);
        }
    }

    private SampledProcess sample(AttachedJvm jvm, Progress progress) {
        var agent = new ProfileAgent(jvm);
        int wait = seconds == null ? DEFAULT_SECONDS : seconds;
        FoundHeaps found = agent.start(sampleBytes, TimeUnit.SECONDS.toMillis(wait));
        jvm.requireHeaps(found.libraries(), found.heaps());
        Map<Integer, AllocationProfile> earlier = isDifference ? agent.profiles() : Map.of();
        boolean waits = isDifference || seconds != null || found.startedHeaps() > 0;
        if (waits) {
            progress.show("taking samples for " + wait + " s");
            jvm.pause(TimeUnit.SECONDS.toMillis(wait));
        }
        Map<Integer, AllocationProfile> later = agent.profiles();
        if (later.isEmpty()) {
            throw CliException.problem("process " + pid + ": its samples were ended by somebody else, try again");
        }
        return new SampledProcess(
                pid,
                waits ? wait : 0,
                isDifference,
                later.entrySet().stream()
                        .map(heap -> new SampledHeap(earlier.get(heap.getKey()), heap.getValue()))
                        .toList());
    }

    @Override
    protected Object document(SampledProcess process) {
        return SitesReport.of(process, by);
    }

    @Override
    protected void render(SampledProcess process, Page page) {
        if (format == null) {
            SitesPicture.sentences(process, by).forEach(page::line);
            if (!process.sites(by).isEmpty()) {
                page.blankLine().block(SitesPicture.table(process, by, top, frames, page.columns()));
            }
        } else if (output == null) {
            page.block(new String(file(format, process), StandardCharsets.UTF_8));
        } else {
            try {
                Files.write(output, file(format, process));
            } catch (IOException failed) {
                throw CliException.cannot(output + ": cannot be written: " + failed.getMessage());
            }
            page.line(SitesPicture.sentences(process, by).getFirst());
            page.line("Written to " + output + ".");
        }
    }

    private byte[] file(SitesFormat written, SampledProcess process) {
        var bytes = new ByteArrayOutputStream();
        try {
            written.file().write(process, by, bytes);
        } catch (IOException impossible) {
            throw new UncheckedIOException("in memory", impossible);
        }
        return bytes.toByteArray();
    }
}
