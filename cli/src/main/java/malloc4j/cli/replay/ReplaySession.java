package malloc4j.cli.replay;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import malloc4j.cli.replay.ChildProcess.Purpose;
import org.jspecify.annotations.Nullable;

/// All traces on all allocators. For each trace:
///
/// 1. A child JVM for each allocator, all alive together. Each is warmed up, then round 1 of all, round 2 of all,
///    and so on, so that whatever else the machine does meets all of them alike. One works at a time, and each
///    round is timed right after one that is not, as in a program that keeps running.
/// 2. A fresh child for each allocator that measures its memory in one round. These may overlap: nothing is timed.
///
/// An allocator that is absent or fails drops out, the others go on.
final class ReplaySession {
    private static final int MEMORY_CHILDREN = 4; // most of the time each waits its two seconds

    private final ReplayReport.Settings settings;
    private final PageSource source;
    private final Touch touch;
    private final Progress progress;
    private final List<ReplayReport.Result> results = new ArrayList<>();
    private final Map<AllocatorName, String> absent = new EnumMap<>(AllocatorName.class);
    private final List<ReplayReport.Failure> failures = new ArrayList<>();

    ReplaySession(int rounds, boolean serial, Touch touch, boolean verify, PageSource source, Progress progress) {
        this.settings = new ReplayReport.Settings(rounds, serial, touch.toString(), verify, source.toString());
        this.source = source;
        this.touch = touch;
        this.progress = progress;
    }

    ReplayReport run(List<PreparedTrace> traces, Collection<AllocatorName> allocators) {
        for (PreparedTrace trace : traces) {
            run(trace, allocators);
        }
        progress.clear();
        List<ReplayReport.Absent> absentees = absent.entrySet().stream()
                .map(entry -> new ReplayReport.Absent(entry.getKey().toString(), entry.getValue()))
                .toList();
        return new ReplayReport(MachineFacts.read(), settings, List.copyOf(results), absentees, List.copyOf(failures));
    }

    private void run(PreparedTrace trace, Collection<AllocatorName> allocators) {
        List<Contestant> contestants = allocators.stream()
                .filter(allocator -> !absent.containsKey(allocator))
                .map(allocator -> new Contestant(trace, allocator))
                .toList();
        try {
            contestants.forEach(contestant -> contestant.attempt("starting", contestant::start));
            contestants.forEach(contestant -> contestant.attempt("loading", contestant::load));
            contestants.forEach(contestant -> contestant.attempt("warming up", contestant::warmUp));
            for (int round = 0; round < settings.rounds(); round++) {
                String doing = "round " + (round + 1) + " of " + settings.rounds();
                for (Contestant contestant : contestants) {
                    contestant.attempt(doing, contestant::round);
                }
            }
        } finally {
            contestants.forEach(Contestant::close);
        }
        measureMemory(contestants);
        contestants.stream().filter(c -> !c.out).map(Contestant::result).forEach(results::add);
    }

    private void measureMemory(List<Contestant> contestants) {
        try (ExecutorService executor = Executors.newFixedThreadPool(MEMORY_CHILDREN)) {
            List<Future<?>> passes = new ArrayList<>();
            for (Contestant contestant : contestants) {
                passes.add(executor.submit(() -> contestant.attempt("memory", contestant::measureMemory)));
            }
            for (Future<?> pass : passes) {
                pass.get();
            }
        } catch (InterruptedException | ExecutionException e) {
            throw new IllegalStateException("a memory pass was lost", e);
        }
    }

    private synchronized void drop(Contestant contestant, RuntimeException reason) {
        contestant.out = true;
        contestant.close();
        if (reason instanceof AllocatorAbsent) {
            absent.put(contestant.allocator, String.valueOf(reason.getMessage()));
        } else {
            failures.add(new ReplayReport.Failure(
                    contestant.trace.name(), contestant.allocator.toString(), String.valueOf(reason.getMessage())));
        }
    }

    private synchronized void show(PreparedTrace trace, AllocatorName allocator, String doing) {
        progress.show(trace.name() + ": " + allocator + ", " + doing);
    }

    /// One allocator on one trace, and what is known of it so far.
    private final class Contestant {
        private final PreparedTrace trace;
        private final AllocatorName allocator;
        private final double[] nanosPerEvent = new double[settings.rounds()];
        private @Nullable ChildProcess child;
        private String version = "";
        private int roundsDone;
        private long peakResidentBytes;
        private long residentAfterFreeBytes;
        private boolean out;

        Contestant(PreparedTrace trace, AllocatorName allocator) {
            this.trace = trace;
            this.allocator = allocator;
        }

        /// Does a step unless this one has dropped out before; drops it if the step fails.
        void attempt(String doing, Runnable step) {
            if (out) {
                return;
            }
            show(trace, allocator, doing);
            try {
                step.run();
            } catch (AllocatorAbsent | ReplayFailure e) {
                drop(this, e);
            }
        }

        void start() {
            start(Purpose.TIME);
        }

        void load() {
            version = ask("load");
        }

        void warmUp() {
            ask("warm");
        }

        void round() {
            long nanos = Long.parseLong(ask("round"));
            nanosPerEvent[roundsDone++] = (double) nanos / trace.summary().eventCount();
        }

        void measureMemory() {
            start(Purpose.MEMORY);
            String[] bytes = ask("memory").split(" ", 2);
            peakResidentBytes = Long.parseLong(bytes[0]);
            residentAfterFreeBytes = Long.parseLong(bytes[1]);
            close();
        }

        void close() {
            if (child != null) {
                child.close();
                child = null;
            }
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
                    summary.peakLiveBytes(),
                    peakResidentBytes,
                    residentAfterFreeBytes,
                    settings.verify() ? Boolean.TRUE : null);
        }

        private void start(Purpose purpose) {
            boolean verify = settings.verify() && purpose == Purpose.TIME;
            var childSettings = new ChildSettings(allocator, source, trace.image(), touch, verify, settings.serial());
            child = ChildProcess.start(childSettings, trace.summary(), purpose);
        }

        private String ask(String question) {
            if (child == null) {
                throw new IllegalStateException(allocator + " was not started");
            }
            return child.ask(question);
        }

        private static double hundredths(double value) {
            return Math.round(value * 100) / 100.0;
        }
    }
}
