package malloc4j.cli.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiConsumer;
import malloc4j.cli.bench.BenchReport.Skipped;
import malloc4j.cli.bench.BenchReport.Spread;
import malloc4j.cli.bench.Player.Match;
import malloc4j.cli.bench.ScaleReport.Result;
import malloc4j.cli.bench.ScaleReport.Settings;
import malloc4j.cli.child.Contest;
import malloc4j.cli.child.MachineFacts;
import malloc4j.cli.child.Progress;
import malloc4j.cli.workload.ScaleDimension;
import malloc4j.cli.workload.WorkloadShape;
import malloc4j.peers.AllocatorName;

/// All points of dimensions on all allocators, each point in fresh child JVMs: by turns as in [BenchSession] while
/// the memory that is available holds all of them, else one allocator after the other; a point that is too large
/// for even one is skipped.
final class ScaleSession {
    private static final int MAX_PERCENT_OF_MEMORY = 85; // of what is available; the machine has to breathe

    private final Settings settings;
    private final Map<String, String> heapProperties;
    private final Contest contest;
    private final Progress progress;
    private final List<Result> results = new ArrayList<>();
    private final List<Skipped> skipped = new ArrayList<>();

    ScaleSession(Settings settings, Map<String, String> heapProperties, Progress progress) {
        this.settings = settings;
        this.heapProperties = heapProperties;
        this.progress = progress;
        this.contest = new Contest(progress);
    }

    /// @param limit points above are left out
    /// @param done told each dimension's results as soon as they are there
    ScaleReport run(
            List<ScaleDimension> dimensions,
            long limit,
            List<Candidate> candidates,
            BiConsumer<ScaleDimension, List<Result>> done) {
        for (ScaleDimension dimension : dimensions) {
            List<Result> added = new ArrayList<>();
            for (long point : dimension.points()) {
                if (point <= limit) {
                    added.addAll(run(dimension, point, candidates));
                }
            }
            results.addAll(added);
            progress.clear();
            done.accept(dimension, added);
        }
        return report();
    }

    private ScaleReport report() {
        return new ScaleReport(
                MachineFacts.read(),
                settings,
                List.copyOf(results),
                List.copyOf(skipped),
                Dropouts.absent(contest),
                Dropouts.failures(contest));
    }

    private List<Result> run(ScaleDimension dimension, long point, List<Candidate> candidates) {
        List<Player> players = players(dimension, point, candidates);
        long usableBytes = availableBytes() / 100 * MAX_PERCENT_OF_MEMORY;
        long footprintBytes = dimension.footprintBytes(point);
        if (footprintBytes > usableBytes) {
            String reason = "takes about " + Figures.mebibytes(footprintBytes) + " MiB, and "
                    + Figures.mebibytes(usableBytes) + " MiB are to be had";
            players.forEach(player -> skipped.add(
                    new Skipped(player.match().workload(), player.candidate().label(), reason)));
            return List.of();
        }
        boolean byTurns = footprintBytes * players.size() <= usableBytes;
        if (byTurns) {
            play(players);
        } else {
            players.forEach(player -> play(List.of(player)));
        }
        List<Player> left =
                players.stream().filter(player -> !player.child().isOut()).toList();
        Optional<Double> control = left.stream()
                .filter(player -> dimension.hasControl() && player.candidate().allocator() == AllocatorName.NONE)
                .map(player -> player.rounds().medianNanos())
                .findFirst();
        return left.stream()
                .map(player -> result(dimension, point, player, control, byTurns))
                .toList();
    }

    private List<Player> players(ScaleDimension dimension, long point, List<Candidate> candidates) {
        String workload = dimension.workload(point);
        var match = new Match(
                workload,
                WorkloadShape.of(workload, 1),
                1,
                false,
                (long) (settings.secondsPerRound() * 1e9),
                heapProperties);
        List<Player> players = new ArrayList<>();
        for (Candidate candidate : candidates) {
            if (dimension.isOfHeaps() && candidate.allocator() != AllocatorName.MALLOC4J) {
                skipped.add(new Skipped(workload, candidate.label(), "it is about malloc4j's heaps"));
            } else if (candidate.allocator() == AllocatorName.NONE && !dimension.hasControl()) {
                skipped.add(new Skipped(workload, candidate.label(), "it is the control of live-blocks only"));
            } else if (!contest.isAbsent(candidate.label())) {
                players.add(new Player(match, candidate, contest));
            }
        }
        return players;
    }

    private void play(List<Player> players) {
        try {
            Player.playTogether(players, settings.rounds());
        } finally {
            players.forEach(player -> player.child().close());
        }
    }

    private static Result result(
            ScaleDimension dimension, long point, Player player, Optional<Double> control, boolean byTurns) {
        Spread nanos = Rounds.spread(player.rounds().nanosPerOperation());
        boolean isControl = player.candidate().allocator() == AllocatorName.NONE;
        return new Result(
                dimension.toString(),
                point,
                player.candidate().label(),
                player.version(),
                nanos.median(),
                nanos.min(),
                nanos.max(),
                player.rounds().medianCpuNanos(),
                isControl
                        ? null
                        : control.map(yardstick -> Figures.rounded(nanos.median() - yardstick, 3))
                                .orElse(null),
                byTurns,
                player.rounds().disturbance());
    }

    /// What the kernel says could be had without swapping.
    private static long availableBytes() {
        try {
            return Files.readAllLines(Path.of("/proc/meminfo"), StandardCharsets.US_ASCII).stream()
                    .filter(line -> line.startsWith("MemAvailable:"))
                    .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) << 10)
                    .findFirst()
                    .orElse(Long.MAX_VALUE);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read /proc/meminfo", e);
        }
    }
}
