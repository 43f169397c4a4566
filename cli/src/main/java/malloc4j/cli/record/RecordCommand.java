package malloc4j.cli.record;

import java.io.FileInputStream;
import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import malloc4j.cli.CliException;
import malloc4j.cli.Page;
import malloc4j.cli.ProcessNumber;
import malloc4j.cli.ReportCommand;
import malloc4j.cli.attach.AttachedJvm;
import malloc4j.cli.attach.RecordingAgent;
import malloc4j.cli.attach.agent.FoundRecording;
import malloc4j.cli.child.Progress;
import malloc4j.cli.picture.CallPicture;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `malloc4j record`: a running process's number in, a trace of what it does with a heap out.
@Command(
        name = "record",
        description = {
            "Records what a running Java program does with a heap of malloc4j, as a trace that replay replays.",
            "",
            "The program needs no option for it. The recording ends when --for is over, without it at Enter or Ctrl-C, or"
                    + " with the program; meanwhile each malloc and free takes a fraction of a microsecond longer.",
        },
        footer = {
            "",
            "Attaches to the process as sites does. The process writes the file itself, by its own rights and in its own"
                    + " root. If this command is killed, the recording ends.",
        })
public final class RecordCommand extends ReportCommand<RecordedTrace> {
    private static final long MAX_SECONDS = 86_400;
    private static final long FOREVER_MILLIS = TimeUnit.DAYS.toMillis(3_650);
    private static final long TURN_MILLIS = 100;
    private static final String GZIP_SUFFIX = ".gz";

    private final RecordingEnd end = new RecordingEnd();

    @Parameters(paramLabel = "PID", converter = ProcessNumber.class, description = "The process.")
    private long pid;

    @Option(names = "--for", paramLabel = "SECONDS", description = "How long to record. Default: until it is ended.")
    private @Nullable Long seconds;

    @Option(
            names = "--output",
            paramLabel = "FILE",
            description = "Where to write the trace, compressed where its name ends in .gz; nothing may be there."
                    + " Default: malloc4j-PID.trace in the current folder.")
    private @Nullable String output;

    @Option(
            names = "--heap",
            paramLabel = "NAME",
            description = "The heap, where there are several; of those of one name, the oldest.")
    private String heap = "";

    @Override
    protected RecordedTrace read() throws IOException {
        if (seconds != null && (seconds < 1 || seconds > MAX_SECONDS)) {
            throw wrongUsage("--for must be from 1 to " + MAX_SECONDS + ", not " + seconds);
        }
        Progress progress = Progress.onTerminal(err());
        try (AttachedJvm jvm = AttachedJvm.attach(pid)) {
            TargetFile file = TargetFile.of(pid, output);
            end.watch();
            return record(jvm, file, progress);
        } catch (IOException | RuntimeException | Error failed) {
            end.tell();
            throw failed;
        } finally {
            progress.clear();
        }
    }

    private RecordedTrace record(AttachedJvm jvm, TargetFile file, Progress progress) throws IOException {
        var agent = new RecordingAgent(jvm);
        FoundRecording found = agent.start(FOREVER_MILLIS, heap, file.there().toString());
        long begin = System.nanoTime();
        String name = chosen(found);
        try (FileInputStream in = new FileInputStream(file.here().toFile())) { // before its process and root are gone
            if (seconds == null) {
                end.watchInput();
            }
            progress.show("recording into " + file.here() + (seconds == null ? ", press Enter to end" : ""));
            String why = await(jvm, begin);
            if (!why.equals("process")) {
                agent.stop();
            }
            long nanos = System.nanoTime() - begin;
            long byteSize = in.getChannel().size();
            long events = EventCount.of(in, file.here().toString().endsWith(GZIP_SUFFIX));
            return new RecordedTrace(pid, name, file.here().toString(), events, byteSize, nanos, why);
        }
    }

    /// The name of the heap that is recorded.
    private String chosen(FoundRecording found) {
        List<String> names = found.names();
        if (found.libraries() == 0) {
            throw CliException.problem("process " + pid + " uses no malloc4j, or one too old to record");
        }
        if (names.isEmpty()) {
            throw CliException.problem("process " + pid + " has malloc4j, but no heap");
        }
        if (found.chosen() < 0 || found.chosen() >= names.size()) {
            throw wrongUsage((heap.isEmpty() ? "--heap must say which" : "--heap=" + heap + " is none") + " of "
                    + String.join(", ", names));
        }
        return names.get(found.chosen());
    }

    /// Returns why it ended.
    private String await(AttachedJvm jvm, long begin) {
        while (!end.isRequested()) {
            long left = seconds == null
                    ? TURN_MILLIS
                    : TimeUnit.SECONDS.toMillis(seconds) - TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begin);
            if (left <= 0) {
                return "time";
            }
            if (jvm.endsWithin(Math.min(left, TURN_MILLIS))) {
                return "process";
            }
        }
        return "request";
    }

    @Override
    protected void render(RecordedTrace trace, Page page) {
        page.line(CallPicture.sentence(String.format(
                Locale.ROOT,
                "recorded %,d events of heap '%s' of process %d in %.1f s, %,d bytes, into %s%s",
                trace.events(),
                trace.heap(),
                trace.pid(),
                trace.nanos() / 1e9,
                trace.fileBytes(),
                trace.file(),
                trace.end().equals("process") ? "; the process has ended" : "")));
        page.line("Replay it: ./malloc4j replay " + CallPicture.printable(trace.file()));
    }

    @Override
    protected int exitCode(RecordedTrace trace) {
        end.tell();
        return 0;
    }
}
