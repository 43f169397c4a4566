package malloc4j.cli.sites;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import malloc4j.cli.CliException;
import malloc4j.cli.attach.ProfileAgent;
import malloc4j.cli.attach.agent.FoundHeaps;
import malloc4j.observe.AllocationProfile;
import malloc4j.observe.LeakReport;

/// Watches what keeps growing, by two snapshots: [#begin], [#half] after half of the time, and [#end].
public final class LeakWatch {
    private static final int PARTS = 4;

    private final long pid;
    private final int seconds;
    private final ProfileAgent agent;
    private Map<Integer, AllocationProfile> earlier = Map.of();

    public LeakWatch(long pid, int seconds, ProfileAgent agent) {
        this.pid = pid;
        this.seconds = seconds;
        this.agent = agent;
    }

    private long partNanos() {
        return TimeUnit.SECONDS.toNanos(seconds) / PARTS;
    }

    /// How long to wait between two steps.
    public long halfMillis() {
        return TimeUnit.NANOSECONDS.toMillis(2 * partNanos());
    }

    /// Has samples taken, where none are.
    ///
    /// @param patienceMillis how long the agent may have to wait for the next request
    public FoundHeaps begin(long sampleBytes, long patienceMillis) {
        return agent.start(sampleBytes, patienceMillis);
    }

    public void half() {
        earlier = agent.profiles(partNanos());
    }

    /// What has grown.
    ///
    /// @throws CliException if nobody takes samples any more
    public FoundLeaks end() {
        Map<Integer, AllocationProfile> later = agent.profiles(partNanos());
        Map<Integer, AllocationProfile> survivors = agent.profiles(3 * partNanos());
        List<LeakReport> reports = new ArrayList<>();
        later.forEach((heap, profile) -> {
            AllocationProfile before = earlier.get(heap);
            AllocationProfile left = survivors.get(heap);
            if (before != null && left != null) { // else it was made, or closed, meanwhile
                reports.add(LeakReport.growing(before, profile, left));
            }
        });
        if (reports.isEmpty()) {
            throw CliException.problem("process " + pid + ": its samples were ended by somebody else, try again");
        }
        return new FoundLeaks(pid, seconds, reports);
    }
}
