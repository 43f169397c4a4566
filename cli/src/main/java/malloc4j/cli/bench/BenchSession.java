package malloc4j.cli.bench;

import io.avaje.jsonb.Jsonb;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiConsumer;
import malloc4j.cli.bench.BenchReport.Latency;
import malloc4j.cli.bench.BenchReport.Result;
import malloc4j.cli.bench.BenchReport.Settings;
import malloc4j.cli.bench.BenchReport.Skipped;
import malloc4j.cli.child.ChildProcess.Purpose;
import malloc4j.cli.child.Contest;
import malloc4j.cli.child.Footprint;
import malloc4j.cli.child.MachineFacts;
import malloc4j.cli.child.Progress;
import malloc4j.cli.workload.WorkloadName;
import malloc4j.cli.workload.WorkloadShape;
import malloc4j.peers.AllocatorName;
import org.jspecify.annotations.Nullable;

/// All workloads on all allocators. For each workload:
///
/// 1. A child JVM for each allocator, all alive together. Each is warmed up, then round 1 of all, round 2 of all,
///    and so on, one at work at a time, so that whatever else the machine does meets all of them alike.
/// 2. In the same children, latency: one call in some dozens is timed by itself. The rounds before carry nothing of
///    it.
/// 3. A fresh child for each allocator that measures its memory. These may overlap: nothing is timed.
/// 4. When a report is asked for, one more that is looked at again and again meanwhile.
///
/// Only the first when verifying. An allocator that is absent or fails drops out, the others go on.
final class BenchSession {
    private static final long MEMORY_LIMIT_NANOS = 5_000_000_000L; // shared arenas would take minutes

    private final Settings settings;
    private final Map<String, String> heapProperties;
    private final Contest contest;
    private final Progress progress;
    private final List<Result> results = new ArrayList<>();
    private final List<Skipped> skipped = new ArrayList<>();
    private final boolean withFootprints;
    private final List<Footprint> footprints = new ArrayList<>();

    /// @param heapProperties system properties of malloc4j's common heap
    /// @param withFootprints whether to look at resident memory as workloads go by
    BenchSession(Settings settings, Map<String, String> heapProperties, boolean withFootprints, Progress progress) {
        this.withFootprints = withFootprints;
        this.settings = settings;
        this.heapProperties = heapProperties;
        this.progress = progress;
        this.contest = new Contest(progress);
    }

    /// @param done told each workload's results as soon as they are there
    BenchReport run(
            List<WorkloadName> workloads, List<Candidate> candidates, BiConsumer<WorkloadName, List<Result>> done) {
        for (WorkloadName workload : workloads) {
            List<Result> added = run(workload.toString(), candidates);
            results.addAll(added);
            progress.clear();
            done.accept(workload, added);
        }
        return report();
    }

    private BenchReport report() {
        return new BenchReport(
                MachineFacts.read(),
                settings,
                List.copyOf(results),
                List.copyOf(skipped),
                Dropouts.absent(contest),
                Dropouts.failures(contest),
                withFootprints ? List.copyOf(footprints) : null);
    }

    private List<Result> run(String workload, List<Candidate> candidates) {
        var match = new Player.Match(
                workload,
                WorkloadShape.of(workload, settings.threads()),
                settings.threads(),
                settings.verify(),
                (long) (settings.secondsPerRound() * 1e9),
                heapProperties);
        List<Entry> entries = new ArrayList<>();
        for (Candidate candidate : candidates) {
            Skipped misfit = candidate.misfit(workload, match.shape());
            if (misfit != null) {
                skipped.add(misfit);
            } else if (!contest.isAbsent(candidate.label())) {
                entries.add(new Entry(match, candidate));
            }
        }
        try {
            Player.playTogether(entries, settings.rounds());
            if (!settings.verify()) {
                entries.forEach(entry -> entry.child().attempt("latency", entry::latency));
            }
            entries.forEach(entry -> entry.child().attempt("freeing all", entry::finish));
        } finally {
            entries.forEach(entry -> entry.child().close());
        }
        if (!settings.verify()) {
            Contest.atOnce(entries, entry -> entry.child().attempt("memory", entry::memory));
        }
        if (withFootprints) {
            Contest.atOnce(entries, entry -> entry.child().attempt("footprint", entry::lookAtFootprint));
        }
        List<Entry> left =
                entries.stream().filter(entry -> !entry.child().isOut()).toList();
        left.forEach(entry -> footprints.addAll(entry.footprint));
        Optional<Rounds> best = left.stream()
                .filter(entry -> entry.candidate().allocator() != AllocatorName.NONE || left.size() == 1)
                .map(Player::rounds)
                .min(Comparator.comparingDouble(Rounds::medianNanos));
        return left.stream().map(entry -> entry.result(best.orElseThrow())).toList();
    }

    /// One allocator at one workload, and what is known of it so far.
    private final class Entry extends Player {
        private @Nullable Latency mallocNanos;
        private @Nullable Latency freeNanos;
        private @Nullable Long peakResidentBytes;
        private @Nullable Long endResidentBytes;
        private List<Footprint> footprint = List.of();

        Entry(Match match, Candidate candidate) {
            super(match, candidate, contest);
        }

        void latency() {
            String[] parts = child().ask("latency " + match().roundNanos()).split(" ", 2);
            mallocNanos = latency(parts[0]);
            freeNanos = latency(parts[1]);
        }

        void finish() {
            String unused = child().ask("finish");
        }

        void memory() {
            start(Purpose.MEMORY, false);
            String[] bytes = child().ask("memory " + MEMORY_LIMIT_NANOS).split(" ", 2);
            peakResidentBytes = Long.parseLong(bytes[0]);
            endResidentBytes = Long.parseLong(bytes[1]);
            child().close();
        }

        void lookAtFootprint() {
            start(Purpose.MEMORY, false);
            boolean isHeap = candidate().label().equals(AllocatorName.MALLOC4J.toString());
            String samples = child().ask("footprint " + MEMORY_LIMIT_NANOS + " " + isHeap);
            child().close();
            footprint = List.of(Footprint.of(
                    match().workload(),
                    candidate().label(),
                    "millisecond",
                    Jsonb.instance().type(Footprint.Samples.class).fromJson(samples),
                    null));
        }

        private static Latency latency(String percentiles) {
            String[] values = percentiles.split(",", 7);
            return new Latency(
                    Long.parseLong(values[0]),
                    Long.parseLong(values[1]),
                    Long.parseLong(values[2]),
                    Long.parseLong(values[3]),
                    Long.parseLong(values[4]),
                    Long.parseLong(values[5]),
                    Long.parseLong(values[6]));
        }

        Result result(Rounds best) {
            double nanos = rounds().medianNanos();
            return new Result(
                    match().workload(),
                    candidate().label(),
                    version(),
                    match().shape().workerCount(),
                    settings.rounds(),
                    rounds().operations(),
                    Figures.rounded(1e9 / nanos, 0),
                    nanos,
                    rounds().medianCpuNanos(),
                    rounds().nanosPerOperation().stream()
                            .map(value -> Figures.rounded(value, 3))
                            .toList(),
                    rounds().to(best),
                    mallocNanos,
                    freeNanos,
                    peakResidentBytes,
                    endResidentBytes,
                    settings.verify() ? Boolean.TRUE : null,
                    rounds().disturbance());
        }
    }
}
