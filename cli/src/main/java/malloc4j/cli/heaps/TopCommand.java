package malloc4j.cli.heaps;

import io.avaje.jsonb.Json;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import malloc4j.cli.Page;
import malloc4j.cli.attach.HeapsAgent;
import malloc4j.cli.picture.HeapsPicture;
import malloc4j.observe.HeapStatistics;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;

/// `malloc4j top`: a running process's number in, what its heaps are doing out, again and again.
@Command(
        name = "top",
        description = {
            "Shows what the malloc4j heaps of a running Java program hold and do, every second until the process or this"
                    + " command is ended: the busiest heap first.",
        },
        footer = {"", "Rates are those since the last look. Attaches to the process as sites does."})
public final class TopCommand extends AttachedCommand<TopCommand.Report> {
    private Map<Integer, HeapStatistics> before = Map.of();
    private long beforeNanos;

    /// What `top --json` prints at each look. The field names are a contract.
    ///
    /// @param seconds since the last look, 0 at the first, which has no rates
    @Json
    public record Report(long pid, double seconds, List<Heap> heaps) {
        /// A heap. Rates are per second.
        @Json
        public record Heap(
                String name,
                long liveBytes,
                long liveBlocks,
                long dirtyBytes,
                long committedBytes,
                int threadCaches,
                double allocatedBlocksRate,
                double allocatedBytesRate,
                double freedBlocksRate,
                double systemCallsRate,
                double refusalsRate) {}
    }

    @Override
    protected @Nullable Integer defaultWatchSeconds() {
        return 1;
    }

    @Override
    protected Report look(HeapsAgent heaps) {
        List<HeapsAgent.Answer<HeapStatistics>> answers = heaps.statistics();
        long now = System.nanoTime();
        double seconds = before.isEmpty() ? 0 : (double) (now - beforeNanos) / TimeUnit.SECONDS.toNanos(1);
        Map<Integer, HeapStatistics> known = new HashMap<>();
        List<Report.Heap> rows = new ArrayList<>();
        for (HeapsAgent.Answer<HeapStatistics> answer : answers) {
            known.put(answer.number(), answer.value());
            rows.add(row(answer.name(), before.get(answer.number()), answer.value(), seconds));
        }
        before = known;
        beforeNanos = now;
        rows.sort((left, right) -> {
            int byRate = Double.compare(right.allocatedBlocksRate(), left.allocatedBlocksRate());
            return byRate != 0 ? byRate : Long.compare(right.committedBytes(), left.committedBytes());
        });
        return new Report(pid(), seconds, rows);
    }

    private static Report.Heap row(
            String name, @Nullable HeapStatistics earlier, HeapStatistics later, double seconds) {
        HeapStatistics base = earlier == null ? later : earlier;
        return new Report.Heap(
                name,
                later.liveBytes(),
                later.liveBlocks(),
                later.dirtyBytes(),
                later.committedBytes(),
                later.threadCaches(),
                rate(later.allocatedBlocks() - base.allocatedBlocks(), seconds),
                rate(later.allocatedBytes() - base.allocatedBytes(), seconds),
                rate(later.freedBlocks() - base.freedBlocks(), seconds),
                rate(later.systemCalls() - base.systemCalls(), seconds),
                rate(later.refusals() - base.refusals(), seconds));
    }

    private static double rate(long count, double seconds) {
        return seconds == 0 ? 0 : count / seconds;
    }

    @Override
    protected void render(Report report, Page page) {
        page.line("Process " + report.pid() + ":");
        page.block(HeapsPicture.top(
                report.heaps().stream().map(TopCommand::figures).toList(), page.columns()));
    }

    private static HeapsPicture.Busy figures(Report.Heap heap) {
        return new HeapsPicture.Busy(
                heap.name(),
                heap.liveBytes(),
                heap.liveBlocks(),
                heap.dirtyBytes(),
                heap.committedBytes(),
                heap.allocatedBlocksRate(),
                heap.freedBlocksRate(),
                heap.allocatedBytesRate(),
                heap.systemCallsRate());
    }
}
