package malloc4j.cli.replay;

/// A checked trace in flat arrays: 14 bytes an event, so that three million events are 42 MB and a replay that
/// walks them in file order streams through memory.
///
/// Invariants, established by [TraceBuilder]: `events.length == ids.length == threads.length`; every ID below
/// [#objectCount] is allocated exactly once, before its other events, and freed at most once, after them; every
/// thread below [#threadCount] has an event.
///
/// The arrays are shared, not copied. Only [Schedule] writes: the two flags of [Event].
final class Trace {
    final long[] events;
    final int[] ids;
    final char[] threads;
    final int objectCount;
    final int threadCount;

    Trace(long[] events, int[] ids, char[] threads, int objectCount, int threadCount) {
        this.events = events;
        this.ids = ids;
        this.threads = threads;
        this.objectCount = objectCount;
        this.threadCount = threadCount;
    }

    int eventCount() {
        return events.length;
    }

    /// The same events as if one thread had done them all, in file order.
    Trace serial() {
        return new Trace(events, ids, new char[threads.length], objectCount, 1);
    }
}
