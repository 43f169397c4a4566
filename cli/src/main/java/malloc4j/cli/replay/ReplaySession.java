package malloc4j.cli.replay;

import io.avaje.jsonb.Jsonb;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.stream.Collectors;
import malloc4j.cli.child.ChildProcess;
import malloc4j.cli.child.ChildProcess.Launch;
import malloc4j.cli.child.ChildProcess.Purpose;
import malloc4j.cli.child.Contest;
import malloc4j.cli.child.Footprint;
import malloc4j.cli.child.MachineFacts;
import malloc4j.cli.child.Progress;
import malloc4j.peers.AllocatorName;

/// All traces on all allocators. For each trace:
///
/// 1. A child JVM for each allocator, all alive together. Each is warmed up, then round 1 of all, round 2 of all,
///    and so on, so that whatever else the machine does meets all of them alike. One works at a time, and each
///    round is timed right after one that is not, as in a program that keeps running.
/// 2. A fresh child for each allocator that measures its memory in one round. These may overlap: nothing is timed.
/// 3. When a report is asked for, one more for a round that stands still again and again to be looked at.
///
/// An allocator that is absent or fails drops out, the others go on.
final class ReplaySession {
    private static final int BASE_HEAP_MIB = 32; // classes' objects, the young generation, slack
    private static final int ARENA_HEAP_MIB = 128; // the Java objects behind some 10^5 live arenas
    private static final long ARENA_BYTES_PER_OBJECT = 160; // arena, session, resource list, segment

    private final ReplayReport.Settings settings;
    private final ReplaySource source;
    private final Touch touch;
    private final Progress progress;
    private final Contest contest;
    private final boolean withFootprints;
    private final List<ReplayReport.Result> results = new ArrayList<>();
    private final List<Footprint> footprints = new ArrayList<>();

    /// @param source of malloc4j's pages
    /// @param withFootprints whether to look at resident memory as the events go by
    ReplaySession(
            ReplayReport.Settings settings,
            ReplaySource source,
            Touch touch,
            boolean withFootprints,
            Progress progress) {
        this.settings = settings;
        this.source = source;
        this.touch = touch;
        this.withFootprints = withFootprints;
        this.progress = progress;
        this.contest = new Contest(progress);
    }

    ReplayReport run(List<PreparedTrace> traces, Collection<AllocatorName> allocators) {
        for (PreparedTrace trace : traces) {
            run(trace, allocators);
        }
        progress.clear();
        List<ReplayReport.Note> notes = traces.stream()
                .flatMap(trace -> trace.notes().stream().map(note -> new ReplayReport.Note(trace.name(), note)))
                .toList();
        List<ReplayReport.Absent> absentees = contest.absent().entrySet().stream()
                .map(entry -> new ReplayReport.Absent(entry.getKey(), entry.getValue()))
                .toList();
        List<ReplayReport.Failure> failures = contest.failures().stream()
                .map(failure -> new ReplayReport.Failure(failure.subject(), failure.allocator(), failure.reason()))
                .toList();
        return new ReplayReport(
                MachineFacts.read(),
                settings,
                List.copyOf(results),
                notes,
                absentees,
                failures,
                withFootprints ? List.copyOf(footprints) : null);
    }

    private void run(PreparedTrace trace, Collection<AllocatorName> allocators) {
        List<Entry> entries = allocators.stream()
                .filter(allocator -> !contest.isAbsent(allocator.toString()))
                .map(allocator -> new Entry(trace, allocator))
                .toList();
        try {
            entries.forEach(entry -> entry.child.attempt("starting", entry::start));
            entries.forEach(entry -> entry.child.attempt("loading", entry::load));
            entries.forEach(entry -> entry.child.attempt("warming up", entry::warmUp));
            for (int round = 0; round < settings.rounds(); round++) {
                String doing = "round " + (round + 1) + " of " + settings.rounds();
                for (Entry entry : entries) {
                    entry.child.attempt(doing, entry::round);
                }
            }
        } finally {
            entries.forEach(entry -> entry.child.close());
        }
        Contest.atOnce(entries, entry -> entry.child.attempt("memory", entry::measureMemory));
        if (withFootprints) {
            Contest.atOnce(entries, entry -> entry.child.attempt("footprint", entry::lookAtFootprint));
        }
        for (Entry entry : entries) {
            if (!entry.child.isOut()) {
                results.add(entry.result());
                footprints.addAll(entry.footprint);
            }
        }
    }

    /// One allocator on one trace, and what is known of it so far.
    private final class Entry {
        private final PreparedTrace trace;
        private final AllocatorName allocator;
        private final Contest.Contestant child;
        private final double[] nanosPerEvent = new double[settings.rounds()];
        private String version = "";
        private int roundsDone;
        private long peakResidentBytes;
        private long residentAfterFreeBytes;
        private List<Footprint> footprint = List.of();

        Entry(PreparedTrace trace, AllocatorName allocator) {
            this.trace = trace;
            this.allocator = allocator;
            this.child = contest.new Contestant(trace.name(), allocator.toString());
        }

        void start() {
            start(Purpose.TIME);
        }

        void load() {
            version = child.ask("load");
        }

        void warmUp() {
            String unused = child.ask("warm");
        }

        void round() {
            long nanos = Long.parseLong(child.ask("round"));
            nanosPerEvent[roundsDone++] = (double) nanos / trace.summary().eventCount();
        }

        void measureMemory() {
            start(Purpose.MEMORY);
            String[] bytes = child.ask("memory").split(" ", 2);
            peakResidentBytes = Long.parseLong(bytes[0]);
            residentAfterFreeBytes = Long.parseLong(bytes[1]);
            child.close();
        }

        void lookAtFootprint() {
            start(Purpose.MEMORY);
            LiveCurve curve = trace.curve();
            String events = curve.events().stream().map(String::valueOf).collect(Collectors.joining(","));
            String samples = child.ask("footprint " + curve.peakEvent() + " " + events);
            child.close();
            footprint = List.of(Footprint.of(
                    trace.name(),
                    allocator.toString(),
                    "event",
                    Jsonb.instance().type(Footprint.Samples.class).fromJson(samples),
                    curve.liveBytes()));
        }

        ReplayReport.Result result() {
            double[] sorted = nanosPerEvent.clone();
            Arrays.sort(sorted);
            int middle = sorted.length / 2;
            double median = sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
            TraceSummary summary = trace.summary();
            return new ReplayReport.Result(
                    trace.name(),
                    allocator.toString(),
                    version,
                    settings.serial() ? 1 : summary.threadCount(),
                    summary.eventCount(),
                    settings.rounds(),
                    hundredths(sorted[0]),
                    hundredths(median),
                    Arrays.stream(nanosPerEvent).mapToObj(Entry::hundredths).toList(),
                    summary.peakLiveBytes(),
                    peakResidentBytes,
                    residentAfterFreeBytes,
                    settings.verify() ? Boolean.TRUE : null);
        }

        private void start(Purpose purpose) {
            boolean verify = settings.verify() && purpose == Purpose.TIME;
            var childSettings = new ChildSettings(allocator, source, trace.image(), touch, verify, settings.serial());
            child.start(new Launch(
                    ReplayChild.class,
                    allocator,
                    purpose,
                    heapMebibytes(),
                    ChildProcess.YOUNG_BY_JVM,
                    List.of(),
                    childSettings.asProperties()));
        }

        /// The arrays of [Trace], [Schedule] and [ReplayLoop], twice, as the collector keeps a third of the heap
        /// for the young generation; and what arenas are made of.
        private long heapMebibytes() {
            TraceSummary summary = trace.summary();
            long eventBytes = (Long.BYTES + 3L * Integer.BYTES + 2 * Character.BYTES) * summary.eventCount();
            long objectBytes = (2L * Long.BYTES + Integer.BYTES) * summary.objectCount();
            long mebibytes = BASE_HEAP_MIB + ((2 * (eventBytes + objectBytes)) >> 20);
            if (allocator == AllocatorName.ARENA) {
                long arenaBytes = 2L * Long.BYTES * summary.objectCount()
                        + 2 * ARENA_BYTES_PER_OBJECT * summary.peakLiveObjects();
                mebibytes += ARENA_HEAP_MIB + (arenaBytes >> 20);
            }
            return mebibytes;
        }

        private static double hundredths(double value) {
            return Math.round(value * 100) / 100.0;
        }
    }
}
