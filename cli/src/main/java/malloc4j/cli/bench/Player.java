package malloc4j.cli.bench;

import java.util.List;
import java.util.Map;
import malloc4j.cli.child.ChildProcess.Purpose;
import malloc4j.cli.child.Contest;
import malloc4j.cli.workload.WorkloadSettings;
import malloc4j.cli.workload.WorkloadShape;

/// One allocator at one workload, and its timed rounds so far.
class Player {
    private static final int WARM_ROUNDS = 4; // so long as so many rounds

    private final Match match;
    private final Candidate candidate;
    private final Contest.Contestant child;
    private final Rounds rounds = new Rounds();
    private String version = "";

    /// What all players of a workload have in common.
    ///
    /// @param threads that were asked for
    /// @param heapProperties system properties of malloc4j's common heap
    record Match(
            String workload,
            WorkloadShape shape,
            int threads,
            boolean verify,
            long roundNanos,
            Map<String, String> heapProperties) {}

    Player(Match match, Candidate candidate, Contest contest) {
        this.match = match;
        this.candidate = candidate;
        this.child = contest.new Contestant(match.workload(), candidate.label());
    }

    final Match match() {
        return match;
    }

    final Candidate candidate() {
        return candidate;
    }

    final Contest.Contestant child() {
        return child;
    }

    final Rounds rounds() {
        return rounds;
    }

    final String version() {
        return version;
    }

    /// Timed rounds of all, by turns, in children that stay alive until they are closed.
    static <P extends Player> void playTogether(List<P> players, int roundCount) {
        players.forEach(player -> player.child().attempt("starting", player::start));
        players.forEach(player -> player.child().attempt("loading", player::load));
        players.forEach(player -> player.child().attempt("warming up", player::warmUp));
        for (int round = 0; round < roundCount; round++) {
            String doing = "round " + (round + 1) + " of " + roundCount;
            players.forEach(player -> player.child().attempt(doing, player::round));
        }
    }

    /// Starts its child JVM for a purpose other than timed rounds.
    final void start(Purpose purpose, boolean verify) {
        var settings = new WorkloadSettings(candidate.allocator(), match.workload(), match.threads(), verify);
        child.start(candidate.launch(BenchChild.class, purpose, settings, match.shape(), match.heapProperties()));
    }

    final void start() {
        start(Purpose.TIME, match.verify());
    }

    final void load() {
        version = child.ask("load");
    }

    final void warmUp() {
        String unused = child.ask("warm " + WARM_ROUNDS * match.roundNanos());
    }

    final void round() {
        rounds.add(child.ask("round " + match.roundNanos()));
    }
}
