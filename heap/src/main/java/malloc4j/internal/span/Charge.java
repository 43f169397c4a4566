package malloc4j.internal.span;

import java.util.concurrent.atomic.AtomicLong;
import malloc4j.internal.region.Budget;
import malloc4j.internal.region.PageGeometry;

/// What the pages of one heap are charged on its budget.
///
/// Invariant: the budget is charged `bytes()` for pages.
///
/// Concurrency: any thread at any time.
final class Charge {
    private final Budget budget;
    private final AtomicLong bytes = new AtomicLong();

    Charge(Budget budget) {
        this.budget = budget;
    }

    /// Charges pages. Returns false, and has done nothing, when the budget refuses.
    boolean add(int pageCount) {
        long added = (long) pageCount << PageGeometry.PAGE_SHIFT;
        if (pageCount != 0) {
            if (!budget.charge(added)) {
                return false;
            }
            bytes.addAndGet(added);
        }
        return true;
    }

    void remove(int pageCount) {
        if (pageCount != 0) {
            long removed = (long) pageCount << PageGeometry.PAGE_SHIFT;
            budget.discharge(removed);
            bytes.addAndGet(-removed);
        }
    }

    void removeAll() {
        budget.discharge(bytes.getAndSet(0));
    }

    long bytes() {
        return bytes.get();
    }
}
