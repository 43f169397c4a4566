package malloc4j.cli.serve;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import malloc4j.cli.serve.HeapEvent.Kind;
import malloc4j.observe.HeapSnapshot;
import malloc4j.observe.HeapStatistics;
import org.jspecify.annotations.Nullable;

/// Tells what has happened to heaps by what has changed from one look to the next, and keeps the newest of it. What
/// came and went in between is not seen, but for what heaps count: pages that went back, and refusals.
///
/// Concurrency: guarded by its [Observer].
final class EventLog {
    private static final int MAX_EVENTS = 100;
    private static final long NEARLY = 100; // a hundredth of a limit

    private final Deque<HeapEvent> events = new ArrayDeque<>();
    private final Map<Integer, Looked> last = new HashMap<>();
    private long number;
    private boolean wasTrimmed;

    /// What matters of one look.
    private record Looked(long reservedBytes, long purgedBytes, long refusals, boolean isSoft, boolean isHard) {}

    /// Pages that have gone back by the next look went because of a trim.
    void trimmed() {
        wasTrimmed = true;
    }

    /// One look at one heap.
    void look(long timeMillis, HeapStatistics counts, HeapSnapshot snapshot) {
        HeapSnapshot.@Nullable Budget budget =
                snapshot.budgets().isEmpty() ? null : snapshot.budgets().getFirst();
        Looked now = new Looked(
                counts.reservedBytes(),
                counts.purgedBytes(),
                counts.refusals(),
                budget != null && budget.usedBytes() > budget.softBytes(),
                budget != null && budget.usedBytes() >= budget.hardBytes() - budget.hardBytes() / NEARLY);
        Looked before = last.put(snapshot.heapId(), now);
        if (before == null) {
            return;
        }
        int heap = snapshot.heapId();
        add(timeMillis, heap, Kind.MAPPED, now.reservedBytes - before.reservedBytes);
        add(timeMillis, heap, Kind.UNMAPPED, before.reservedBytes - now.reservedBytes);
        add(timeMillis, heap, wasTrimmed ? Kind.TRIMMED : Kind.PURGED, now.purgedBytes - before.purgedBytes);
        add(timeMillis, heap, Kind.REFUSED, now.refusals - before.refusals);
        add(timeMillis, heap, Kind.SOFT_LIMIT, budget != null && now.isSoft && !before.isSoft ? budget.softBytes() : 0);
        add(timeMillis, heap, Kind.HARD_LIMIT, budget != null && now.isHard && !before.isHard ? budget.hardBytes() : 0);
    }

    private void add(long timeMillis, int heap, Kind kind, long amount) {
        if (amount > 0) {
            if (events.size() == MAX_EVENTS) {
                events.removeFirst();
            }
            events.addLast(new HeapEvent(++number, timeMillis, heap, kind, amount));
        }
    }

    /// All heaps were looked at. Returns the newest events, the oldest of them first.
    List<HeapEvent> end() {
        wasTrimmed = false;
        return List.copyOf(events);
    }
}
