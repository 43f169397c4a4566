package malloc4j;

import java.lang.System.Logger.Level;
import java.lang.ref.WeakReference;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongPredicate;
import malloc4j.internal.os.Errno;
import malloc4j.internal.region.Ground;
import malloc4j.internal.region.ProbeCalls;
import malloc4j.internal.sample.Quarantine;
import malloc4j.internal.sample.Sampler;
import malloc4j.observe.MisuseReport;
import org.jspecify.annotations.Nullable;

/// What makes a heap a debug heap: its calls, its quarantine, what was found, and a thread that looks for more every
/// second and tells it in the log.
///
/// The thread refers to the heap weakly, and ends when that is closed, or is gone. It looks at 64 MiB a second at most.
final class DebugHeap {
    private static final long PERIOD_NANOS = TimeUnit.SECONDS.toNanos(1);
    private static final long SLICE_BYTES = 64 << 10; // looked at under a lock
    private static final int SLICES_EACH_PERIOD = 1 << 9; // of live blocks, and of those in quarantine
    private static final String LOGGER = "malloc4j";

    private final String heapName;
    private final Sampler sampler;
    private final ProbeCalls probe;
    private final Quarantine quarantine;
    private final DebugFindings findings;
    private final DebugCalls calls;
    private final Object looking = new Object(); // held over each slice: what is looked at must not go
    private volatile boolean isClosed;

    /// @param probe is told of what is found
    DebugHeap(HeapOptions options, BlockCalls plain, Sampler sampler, ProbeCalls probe) {
        this.heapName = options.name();
        this.sampler = sampler;
        this.probe = probe;
        this.quarantine = new Quarantine(options.observing().quarantineBytes(), sampler.record());
        this.findings = new DebugFindings(heapName, sampler);
        this.calls = new DebugCalls(
                plain, sampler, quarantine, findings, options.observing().debug());
    }

    DebugCalls calls() {
        return calls;
    }

    Quarantine quarantine() {
        return quarantine;
    }

    /// Begins to look every second. Where the JVM has no room for a thread, only calls look.
    void watch(Ground ground) {
        WeakReference<DebugHeap> heap = new WeakReference<>(this);
        try {
            ground.unstarted("malloc4j-debug", () -> watch(heap)).start();
        } catch (OutOfMemoryError noThread) {
            System.getLogger(LOGGER)
                    .log(
                            Level.WARNING,
                            "debug heap '" + heapName + "': no thread to look at its blocks every second: "
                                    + noThread.getMessage());
        }
    }

    private static void watch(WeakReference<DebugHeap> heap) {
        boolean goesOn = true;
        while (goesOn) {
            LockSupport.parkNanos(PERIOD_NANOS);
            boolean unused = Thread.interrupted();
            goesOn = look(heap.get());
        }
    }

    /// One look. Returns whether there is to be another.
    private static boolean look(@Nullable DebugHeap heap) {
        if (heap == null || heap.isClosed) {
            return false;
        }
        try {
            heap.search(SLICES_EACH_PERIOD);
            heap.tell();
        } catch (OutOfMemoryError full) { // the next look tells what this one has left
            return true;
        } catch (RuntimeException | Error failed) { // the next look goes on
            hand(failed);
        }
        return true;
    }

    /// Looks at slices until it has seen all live blocks, and all in quarantine, or so many slices of each.
    private void search(int sliceCount) {
        search(sliceCount, calls::searchLive);
        search(sliceCount, calls::searchFreed);
    }

    private void search(int sliceCount, LongPredicate slices) {
        boolean isEnd = false;
        for (int slice = 0; slice < sliceCount && !isEnd; slice++) {
            synchronized (looking) {
                isEnd = isClosed || slices.test(SLICE_BYTES);
            }
        }
    }

    private void searchAll() {
        calls.restartSearches();
        search(Integer.MAX_VALUE);
    }

    /// Looks at every block, and returns what was found and not returned yet.
    List<MisuseReport> findAll() {
        searchAll();
        return findings.take();
    }

    /// Tells what was found, in the log. With no lock held.
    private void tell() {
        for (MisuseReport report : findings.takeForLog()) {
            log(Level.ERROR, report.message());
            probe.misused(report);
        }
        long more = findings.takeMore();
        if (more > 0) {
            log(Level.ERROR, "debug heap '" + heapName + "': " + more + " more blocks from stacks told of before");
        }
        if (findings.takeNoSlot()) {
            log(Level.WARNING, "debug heap '" + heapName + "': " + whyNoSlot());
        }
    }

    /// Writes to the log, whose failure is nobody's here: the next line is written all the same, and the heap closed.
    private static void log(Level level, String message) {
        try {
            System.getLogger(LOGGER).log(level, message);
        } catch (OutOfMemoryError full) {
            // it is in what findDamage returns
        } catch (RuntimeException | Error failed) {
            hand(failed);
        }
    }

    private static void hand(Throwable failed) {
        Thread current = Thread.currentThread();
        current.getUncaughtExceptionHandler().uncaughtException(current, failed);
    }

    private String whyNoSlot() {
        long refusal = sampler.guardRefusal();
        String why = refusal < 0
                ? "the kernel refuses guards: " + Errno.name(refusal) + " (check ulimit -n and ulimit -v)"
                : sampler.guardCensus().liveBlocks()
                        + " blocks lie between guards, and more mappings would be too many";
        return why
                + "; further blocks lie between red zones: overflows are seen when they are freed, or within a second";
    }

    /// Looks and tells once more, before the heap is closed.
    void close() {
        searchAll();
        synchronized (looking) {
            isClosed = true;
        }
        calls.end();
        tell();
    }
}
