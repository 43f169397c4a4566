package malloc4j.cli.heaps;

import io.avaje.jsonb.Json;
import java.util.List;
import malloc4j.cli.Page;
import malloc4j.cli.attach.HeapsAgent;
import malloc4j.cli.picture.HeapsPicture;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/// `malloc4j trim`: has the heaps of a running process give back what they can.
@Command(
        name = "trim",
        description = {
            "Has the malloc4j heaps of a running Java program give back to the kernel what they keep for reuse, as its own"
                    + " Heap.trim would.",
        },
        footer = {"", "Attaches to the process as sites does."})
public final class TrimCommand extends AttachedCommand<TrimCommand.Report> {
    @Option(
            names = "--keep-bytes",
            paramLabel = "N",
            description = "How much each heap may keep for reuse. Default: ${DEFAULT-VALUE}.")
    private long keepBytes;

    /// What `trim --json` prints. The field names are a contract.
    ///
    /// @param heaps what was resident before and after
    @Json
    public record Report(long pid, List<Heap> heaps) {
        /// A heap.
        @Json
        public record Heap(String name, long residentBytesBefore, long residentBytesAfter) {
            /// What a heap has answered.
            public static Heap of(HeapsAgent.Answer<HeapsAgent.Trimmed> answer) {
                return new Heap(
                        answer.name(),
                        answer.value().beforeBytes(),
                        answer.value().afterBytes());
            }
        }
    }

    @Override
    protected Report look(HeapsAgent heaps) {
        if (keepBytes < 0) {
            throw wrongUsage("--keep-bytes must be 0 or more, not " + keepBytes);
        }
        return new Report(
                pid(), heaps.trim(keepBytes).stream().map(Report.Heap::of).toList());
    }

    @Override
    protected void render(Report report, Page page) {
        page.line("Process " + report.pid() + ":");
        for (Report.Heap heap : report.heaps()) {
            page.line(HeapsPicture.trimmed(heap.name(), heap.residentBytesBefore(), heap.residentBytesAfter()));
        }
    }
}
