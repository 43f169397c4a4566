package malloc4j.cli.replay;

import malloc4j.cli.child.Workers;

/// Rounds of one trace on one allocator, in a child JVM: [ReplayLoop] on [Workers] in the order of [Schedule].
///
/// A round is all events, and then, outside the time, the freeing of what the trace left live, each object by the
/// thread that used it last. The threads live on from round to round.
final class Replayer implements AutoCloseable {
    private static final long WARM_EVENTS = 30_000_000; // an allocator in Java still gained 25 % from 3 to 12 million
    private static final int WARM_ROUNDS = 1_000; // of a trace that is too small to be timed anyway
    private static final long WARM_NANOS = 3_000_000_000L;

    private final Trace trace;
    private final Schedule schedule;
    private final Workers workers;
    private final Rendezvous rendezvous;
    private final Rendezvous turns;
    private final ReplayLoop loop;
    private final long[] startNanos;
    private final long[] endNanos;
    private int round;

    Replayer(Trace trace, Schedule schedule, Workers workers) {
        this.trace = trace;
        this.schedule = schedule;
        this.workers = workers;
        this.rendezvous = new Rendezvous(schedule.slotWaiters, workers.threads());
        this.turns = new Rendezvous(schedule.turnOwners, workers.threads());
        this.loop = new ReplayLoop(trace, schedule.crossing);
        this.startNanos = new long[trace.threadCount];
        this.endNanos = new long[trace.threadCount];
    }

    /// Name and version of the allocator.
    String version() {
        return ReplayLoop.allocatorVersion();
    }

    /// Runs rounds until the JIT has seen enough, or for some seconds. None for a verifying replay,
    /// whose times are no measure.
    void warmUp() {
        if (ReplayChild.SETTINGS.verify()) {
            return;
        }
        long begin = System.nanoTime();
        long enough = Math.clamp(WARM_EVENTS / trace.eventCount(), 2, WARM_ROUNDS);
        for (long rounds = 0; rounds < enough && System.nanoTime() - begin < WARM_NANOS; rounds++) {
            timedRound();
        }
    }

    /// One round in a running program: right after one that nobody times. While the other allocators had their
    /// turns, the caches went cold, and an allocator that gives memory back when idle has given it back; both would
    /// otherwise be measured instead of the round.
    ///
    /// @return nanoseconds of the second round
    long steadyRound() {
        if (!ReplayChild.SETTINGS.verify()) {
            timedRound();
        }
        return timedRound();
    }

    /// One round, all threads at once; the time is from the first thread's start to the last one's end.
    ///
    /// @return nanoseconds
    long timedRound() {
        int thisRound = ++round;
        workers.run(worker -> {
            startNanos[worker] = System.nanoTime();
            try {
                if (trace.threadCount == 1) {
                    loop.inOrder(0, trace.eventCount());
                } else {
                    loop.ofThread(schedule, rendezvous, worker, thisRound);
                }
            } catch (RuntimeException | Error e) {
                rendezvous.abort();
                throw e;
            }
            endNanos[worker] = System.nanoTime();
        });
        freeLeftovers();
        long first = startNanos[0];
        long last = endNanos[0];
        for (int i = 1; i < trace.threadCount; i++) {
            first = Math.min(first, startNanos[i]);
            last = Math.max(last, endNanos[i]);
        }
        return last - first;
    }

    /// One round, each event on its thread but one at a time in file order, so that what is live at any moment is
    /// what the trace says. Leaves the leftovers live.
    ///
    /// @param pauses where it stands still
    void roundInFileOrder(Pauses pauses) {
        int thisRound = ++round;
        workers.run(worker -> {
            try {
                for (int turn = 0; turn < schedule.turnOwners.length; turn++) {
                    if (schedule.turnOwners[turn] == worker) {
                        takeTurn(turn, thisRound, pauses);
                    }
                }
            } catch (RuntimeException | Error e) {
                turns.abort();
                throw e;
            }
        });
    }

    void freeLeftovers() {
        workers.run(worker -> loop.checkAll(schedule.leftovers[worker]));
        workers.run(worker -> loop.freeAll(schedule.leftovers[worker]));
    }

    @Override
    public void close() {
        workers.close();
    }

    private void takeTurn(int turn, int thisRound, Pauses pauses) {
        if (turn > 0) {
            turns.await(turn, thisRound);
        }
        int next = turn + 1;
        boolean last = next == schedule.turnStarts.length;
        inOrder(schedule.turnStarts[turn], last ? trace.eventCount() : schedule.turnStarts[next], pauses);
        if (!last) {
            turns.announce(next, thisRound);
        }
    }

    private void inOrder(int from, int to, Pauses pauses) {
        int at = from;
        for (int stop = pauses.next(); stop <= to; stop = pauses.next()) {
            loop.inOrder(at, stop);
            at = stop;
            pauses.take();
        }
        loop.inOrder(at, to);
    }
}
