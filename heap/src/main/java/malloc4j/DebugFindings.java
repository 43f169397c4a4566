package malloc4j;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import malloc4j.internal.os.Mutex;
import malloc4j.internal.route.Misuse;
import malloc4j.internal.sample.Sample;
import malloc4j.internal.sample.Sampler;
import malloc4j.observe.MisuseReport;

/// What was found written to in a heap, beside blocks or after they were freed: for the log, and for who asks, each of
/// whom is told once.
///
/// Concurrency: any thread, with locks of the heap held.
final class DebugFindings {
    private static final int MAX_KEPT = 1 << 10;
    private static final int MAX_EACH_SITE = 3; // in the log: one bug writes again and again

    private final String heapName;
    private final Sampler sampler;
    private final Mutex lock = new Mutex();
    private List<MisuseReport> forLog = new ArrayList<>();
    private List<MisuseReport> forCaller = new ArrayList<>(); // the latest
    private final Map<List<StackTraceElement>, Integer> told = new HashMap<>(); // by who has allocated the block
    private long more;
    private boolean hasNoSlot;
    private boolean isNoSlotTold;

    DebugFindings(String heapName, Sampler sampler) {
        this.heapName = heapName;
        this.sampler = sampler;
    }

    /// Keeps what was found of a block, to be told by somebody who holds no lock.
    void note(Sample sample) {
        MisuseReport report = null;
        try {
            Sampler.Known known = sampler.known(sample, 0);
            Misuse what = Misuse.damaged(known);
            report = new MisuseReport(
                    "check",
                    known.block().address(),
                    "heap '" + heapName + "'",
                    what.finding(),
                    what.text(),
                    what.block(),
                    what.neighbours());
        } catch (OutOfMemoryError noRoom) {
            // it is counted
        }
        lock.lock();
        try {
            if (report != null && isNews(report)) {
                forLog.add(report);
            } else {
                more++;
            }
            if (report != null) {
                forCaller.add(report);
                if (forCaller.size() > MAX_KEPT) {
                    forCaller.removeFirst();
                }
            }
        } catch (OutOfMemoryError noRoom) {
            more++;
        } finally {
            lock.unlock();
        }
    }

    /// Whether the log has not been told of enough blocks from the same stack yet. Under the lock.
    private boolean isNews(MisuseReport report) {
        List<StackTraceElement> site = report.blockIfAny()
                .flatMap(MisuseReport.Block::allocatedIfKnown)
                .map(MisuseReport.Call::stack)
                .orElse(List.of());
        int count = told.getOrDefault(site, 0);
        boolean isNew = count < MAX_EACH_SITE && forLog.size() < MAX_KEPT && (count > 0 || told.size() < MAX_KEPT);
        if (isNew) {
            told.put(site, count + 1);
        }
        return isNew;
    }

    /// Notes that a block was to lie between guards, and there was no slot for it.
    void noteNoSlot() {
        hasNoSlot = true;
    }

    /// What was found since this was asked last, oldest first; at most 1,024.
    List<MisuseReport> take() {
        List<MisuseReport> next = new ArrayList<>();
        lock.lock();
        try {
            List<MisuseReport> found = forCaller;
            forCaller = next;
            return found;
        } finally {
            lock.unlock();
        }
    }

    /// As [#take], for the log.
    List<MisuseReport> takeForLog() {
        List<MisuseReport> next = new ArrayList<>();
        lock.lock();
        try {
            List<MisuseReport> found = forLog;
            forLog = next;
            return found;
        } finally {
            lock.unlock();
        }
    }

    /// How many findings are not for the log, since this was asked last: of blocks from stacks that it has been told of
    /// three times.
    long takeMore() {
        lock.lock();
        try {
            long count = more;
            more = 0;
            return count;
        } finally {
            lock.unlock();
        }
    }

    /// Whether slots have run out, and this was not asked since.
    boolean takeNoSlot() {
        boolean isNew = hasNoSlot && !isNoSlotTold;
        isNoSlotTold |= isNew;
        return isNew;
    }
}
