package malloc4j.cli.replay;

import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.locks.LockSupport;
import malloc4j.cli.child.ChildFailure;

/// Where worker threads wait for each other's events. Each slot has one announcer and one waiter.
///
/// An announcement is the round's number, so nothing needs to be reset between rounds. Announcing and waiting are
/// each a write followed by a read of what the other writes, all volatile: either the announcer sees that somebody
/// waits and wakes him, or the waiter sees the announcement and does not sleep. Whatever the announcer wrote before
/// is visible to the waiter after.
///
/// Cost: a volatile write and a read to announce; some hundred nanoseconds of spinning, then sleep, to wait.
final class Rendezvous {
    private static final int SPINS = 100; // about 4 us on a Xeon, where a pause takes 40 ns
    private static final long ABORT_CHECK_NANOS = 100_000_000; // a worker that failed cannot announce

    private final int[] waiters;
    private final AtomicIntegerArray announcedRounds;
    private final AtomicIntegerArray waitedSlots; // for each worker, its slot + 1, or 0
    private final Thread[] workers;
    private volatile boolean aborted;

    /// @param waiters for each slot, the index of the worker that waits for it
    Rendezvous(int[] waiters, Thread[] workers) {
        this.waiters = waiters;
        this.announcedRounds = new AtomicIntegerArray(waiters.length);
        this.waitedSlots = new AtomicIntegerArray(workers.length);
        this.workers = workers;
    }

    void announce(int slot, int round) {
        announcedRounds.set(slot, round);
        int waiter = waiters[slot];
        if (waitedSlots.get(waiter) == slot + 1) {
            LockSupport.unpark(workers[waiter]);
        }
    }

    void await(int slot, int round) {
        for (int i = 0; i < SPINS; i++) {
            if (announcedRounds.get(slot) == round) {
                return;
            }
            Thread.onSpinWait();
        }
        int waiter = waiters[slot];
        waitedSlots.set(waiter, slot + 1);
        while (announcedRounds.get(slot) != round) {
            if (aborted) {
                throw new ChildFailure("another thread failed");
            }
            LockSupport.parkNanos(this, ABORT_CHECK_NANOS);
        }
        waitedSlots.set(waiter, 0);
    }

    /// Lets everybody who waits fail, now and from now on.
    void abort() {
        aborted = true;
    }
}
