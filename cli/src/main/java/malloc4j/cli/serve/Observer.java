package malloc4j.cli.serve;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import malloc4j.cli.CliException;
import malloc4j.cli.attach.AttachedJvm;
import malloc4j.cli.attach.HeapsAgent;
import malloc4j.cli.attach.HeapsAgent.Answer;
import malloc4j.cli.attach.ProfileAgent;
import malloc4j.cli.attach.agent.FoundHeaps;
import malloc4j.cli.heaps.ClassesCommand;
import malloc4j.cli.heaps.HeldCommand;
import malloc4j.cli.heaps.StatsReport;
import malloc4j.cli.heaps.TrimCommand;
import malloc4j.cli.picture.CellMap;
import malloc4j.cli.picture.FootprintPicture;
import malloc4j.cli.profile.SampledHeap;
import malloc4j.cli.profile.SampledProcess;
import malloc4j.cli.sites.LeakWatch;
import malloc4j.observe.AllocationProfile;
import malloc4j.observe.HeapFootprint;
import malloc4j.observe.HeapSnapshot;
import malloc4j.observe.HeapStatistics;

/// Looks into one running program for all that watch the page: one question at a time.
final class Observer {
    private static final int MAX_CELLS = 1024; // of all heaps
    private static final int MAX_ZOOM_CELLS = 2048;
    private static final int MAX_HELD_SLABS = 1000;
    private static final int MAX_CACHES = 32;
    private static final long LEAK_SAMPLE_BYTES = 64 << 10;
    private static final long PATIENCE_MILLIS = 86_400_000; // the agent waits so long for the next question

    private final long pid;
    private final String program;
    private final AttachedJvm jvm;
    private final HeapsAgent heaps;
    private final ProfileAgent profiles;
    private final SpaceReader spaces;
    private final AgentTime agentTime;
    private final EventLog events = new EventLog();
    private final ReentrantLock leaking = new ReentrantLock();
    private long tick;

    /// @param program for people
    Observer(long pid, String program, AttachedJvm jvm) {
        this.pid = pid;
        this.program = program;
        this.jvm = jvm;
        this.heaps = new HeapsAgent(jvm);
        this.profiles = new ProfileAgent(jvm);
        this.spaces = new SpaceReader(pid);
        this.agentTime = new AgentTime(pid);
    }

    /// Looks once.
    ///
    /// @throws CliException if the process does not answer, or has no heap, in one line
    synchronized Observation look() {
        List<HeapFootprint> footprints = new ArrayList<>();
        Map<Integer, HeapStatistics> statistics = new HashMap<>();
        heaps.statistics().forEach(answer -> statistics.put(answer.number(), answer.value()));
        List<Answer<HeapSnapshot>> snapshots = heaps.snapshots();
        Map<Integer, HeapSnapshot> snapshotOf = new HashMap<>();
        snapshots.forEach(answer -> snapshotOf.put(answer.number(), answer.value()));
        long timeMillis = System.currentTimeMillis();
        List<Observation.HeapView> views = new ArrayList<>();
        int cells = Math.max(1, MAX_CELLS / Math.max(1, snapshots.size()));
        for (Answer<HeapFootprint> answer : heaps.footprints()) {
            HeapStatistics counts = statistics.get(answer.number());
            HeapSnapshot snapshot = snapshotOf.get(answer.number());
            if (counts != null && snapshot != null) { // else it was made meanwhile
                footprints.add(answer.value());
                events.look(timeMillis, counts, snapshot);
                views.add(view(answer.value(), counts, snapshot, cells));
            }
        }
        return new Observation(
                pid,
                program,
                ++tick,
                timeMillis,
                FootprintPicture.verdict("Process " + pid, footprints),
                views,
                events.end());
    }

    private static Observation.HeapView view(
            HeapFootprint footprint, HeapStatistics counts, HeapSnapshot snapshot, int cells) {
        return new Observation.HeapView(
                StatsReport.heap(footprint),
                new Observation.Counts(
                        counts.liveBlocks(),
                        counts.allocatedBlocks(),
                        counts.allocatedBytes(),
                        counts.freedBlocks(),
                        counts.refusals(),
                        counts.systemCalls(),
                        counts.largeBlocks(),
                        counts.largeBytes(),
                        counts.hugeBlocks(),
                        counts.hugeBytes()),
                hardLimit(snapshot),
                counts.sizeClasses().stream()
                        .filter(entry -> entry.slabCount() > 0)
                        .map(ClassesCommand.Report::sizeClass)
                        .toList(),
                snapshot.caches().stream()
                        .sorted(Comparator.comparingLong(HeapSnapshot.Cache::slabs)
                                .reversed())
                        .limit(MAX_CACHES)
                        .map(Observation.CacheView::of)
                        .toList(),
                CellMap.of(snapshot, cells));
    }

    private static long hardLimit(HeapSnapshot snapshot) {
        long hard = snapshot.budgets().isEmpty()
                ? Long.MAX_VALUE
                : snapshot.budgets().getFirst().hardBytes();
        return hard == Long.MAX_VALUE ? -1 : hard;
    }

    /// The chunks of one heap between two addresses, as many cells as a screen shows.
    synchronized CellMap zoom(int heapId, long from, long to) {
        return heaps.snapshots().stream()
                .filter(answer -> answer.number() == heapId)
                .findFirst()
                .map(answer -> CellMap.of(answer.value(), from, to, MAX_ZOOM_CELLS))
                .orElseThrow(() -> new IllegalArgumentException("no heap " + heapId));
    }

    /// Has samples taken where none are, until this command ends.
    synchronized FoundHeaps startProfile(long sampleBytes) {
        return profiles.start(sampleBytes, PATIENCE_MILLIS);
    }

    /// What samples tell now; no heaps while none are taken.
    synchronized SampledProcess sites() {
        Map<Integer, AllocationProfile> all = new LinkedHashMap<>(profiles.profiles());
        return new SampledProcess(
                pid,
                0,
                false,
                all.values().stream()
                        .map(profile -> new SampledHeap(null, profile))
                        .toList());
    }

    /// How much time of a processor the process has given to answers so far; 0 where that is not known.
    long spentNanos() {
        return agentTime.nanos();
    }

    /// The addresses of the process, without a question to it.
    SpaceView space() {
        return spaces.whole();
    }

    /// What of them is between two.
    SpaceView space(long from, long to) {
        return spaces.part(from, to);
    }

    /// Watches for so long what keeps growing, while others go on to look.
    ///
    /// @throws IllegalStateException if somebody does so already
    SeenLeaks leaks(int seconds) throws InterruptedException {
        if (!leaking.tryLock()) {
            throw new IllegalStateException("leaks are being looked for already");
        }
        try {
            LeakWatch watch = new LeakWatch(pid, seconds, profiles);
            synchronized (this) {
                FoundHeaps unused = watch.begin(LEAK_SAMPLE_BYTES, PATIENCE_MILLIS);
            }
            Thread.sleep(watch.halfMillis());
            synchronized (this) {
                watch.half();
            }
            Thread.sleep(watch.halfMillis());
            synchronized (this) {
                return SeenLeaks.of(watch.end());
            }
        } finally {
            leaking.unlock();
        }
    }

    /// Who keeps pages.
    synchronized HeldCommand.Report held() {
        return new HeldCommand.Report(
                pid,
                heaps.heldPages().stream()
                        .map(answer -> HeldCommand.Report.heap(answer.value()))
                        .toList());
    }

    /// Whose blocks keep which nearly empty slabs, of each heap those that hold most.
    synchronized List<HeldSlab> heldSlabs() {
        return heaps.heldPages().stream()
                .flatMap(answer -> answer.value().slabs().stream().limit(MAX_HELD_SLABS))
                .map(HeldSlab::of)
                .toList();
    }

    /// Has every heap give back what it can.
    synchronized TrimCommand.Report trim() {
        events.trimmed();
        return new TrimCommand.Report(
                pid, heaps.trim(0).stream().map(TrimCommand.Report.Heap::of).toList());
    }

    /// Keeps the agent, which leaves a command that is silent for too long. Returns whether the process still runs.
    synchronized boolean keep() {
        try {
            return !jvm.endsWithin(1) && !heaps.numbers().isEmpty();
        } catch (CliException noHeap) {
            return !jvm.endsWithin(1);
        }
    }
}
