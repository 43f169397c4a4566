package malloc4j.cli.replay;

/// What is live of a trace while its events are taken one after the other: the size of each object, and their sum.
final class LiveBytes {
    private final Trace trace;
    private final long[] byteSizes;
    private long bytes;

    LiveBytes(Trace trace) {
        this.trace = trace;
        this.byteSizes = new long[trace.objectCount];
    }

    void take(int event) {
        int id = trace.ids[event];
        long word = trace.events[event];
        long byteSize = Event.operation(word) == Event.FREE ? 0 : Event.byteSize(word);
        bytes += byteSize - byteSizes[id];
        byteSizes[id] = byteSize;
    }

    /// Of an object, 0 where it does not live.
    long byteSize(int id) {
        return byteSizes[id];
    }

    /// Of all.
    long bytes() {
        return bytes;
    }
}
