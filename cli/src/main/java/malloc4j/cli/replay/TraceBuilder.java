package malloc4j.cli.replay;

import java.util.Arrays;
import java.util.List;

/// Puts a [Trace] together event by event, adds up its [TraceSummary], and holds each event against the life of its
/// object. What breaks that is a [TraceProblem] at the line that is being read.
final class TraceBuilder {
    private final LineReader lines;

    private long[] events = new long[1 << 16];
    private int[] ids = new int[1 << 16];
    private char[] threads = new char[1 << 16];
    private int eventCount;

    private final ObjectStates objects = new ObjectStates();
    private int objectCount;
    private int freedCount;
    private int peakLiveObjects;
    private long liveBytes;
    private long peakLiveBytes;

    TraceBuilder(LineReader lines) {
        this.lines = lines;
    }

    int eventCount() {
        return eventCount;
    }

    int objectCount() {
        return objectCount;
    }

    /// @param operation of [Event], one that makes an object
    void allocate(int operation, int thread, int id, long byteSize, long byteAlignment) throws TraceProblem {
        checkSize(byteSize);
        if (Long.bitCount(byteAlignment) != 1 || byteAlignment > Event.MAX_BYTE_SIZE) {
            throw lines.problem("alignment " + byteAlignment + " is not a power of two below 2^48");
        }
        if (objects.get(id) != ObjectStates.NEVER) {
            throw lines.problem("ID " + id + " is allocated again; an ID is one object's life");
        }
        objects.setLive(id, byteSize);
        objectCount++;
        add(Event.pack(operation, byteSize, byteAlignment), thread, id);
        account(byteSize);
    }

    void reallocate(int thread, int id, long byteSize) throws TraceProblem {
        checkSize(byteSize);
        long oldByteSize = live(id, "reallocated after it was freed");
        objects.setLive(id, byteSize);
        add(Event.pack(Event.REALLOC, byteSize, 1), thread, id);
        account(byteSize - oldByteSize);
    }

    void free(int thread, int id) throws TraceProblem {
        long byteSize = live(id, "freed twice");
        objects.setFreed(id);
        freedCount++;
        add(Event.pack(Event.FREE, 0, 1), thread, id);
        account(-byteSize);
    }

    /// The whole trace.
    ///
    /// @throws TraceProblem if it has no events, or threads or IDs have gaps
    TraceReader.Result build(List<String> notes) throws TraceProblem {
        if (eventCount == 0) {
            throw lines.problem("the trace ends without an event");
        }
        int threadCount = countThreads();
        checkDense();
        var trace = new Trace(
                Arrays.copyOf(events, eventCount),
                Arrays.copyOf(ids, eventCount),
                Arrays.copyOf(threads, eventCount),
                objectCount,
                threadCount);
        var summary = new TraceSummary(
                eventCount, objectCount, threadCount, peakLiveBytes, peakLiveObjects, objectCount - freedCount);
        return new TraceReader.Result(trace, summary, notes);
    }

    private void checkSize(long byteSize) throws TraceProblem {
        if (byteSize > Event.MAX_BYTE_SIZE) {
            throw lines.problem("size " + byteSize + " is above 2^48 - 1 bytes");
        }
    }

    private long live(int id, String whatIfFreed) throws TraceProblem {
        long state = objects.get(id);
        if (state == ObjectStates.NEVER) {
            throw lines.problem("ID " + id + " is used before it is allocated");
        }
        if (state == ObjectStates.FREED) {
            throw lines.problem("ID " + id + " is " + whatIfFreed);
        }
        return state - 1;
    }

    private void account(long growth) throws TraceProblem {
        liveBytes += growth;
        if (liveBytes < 0) {
            throw lines.problem("the live objects add up to more than 2^63 bytes");
        }
        peakLiveBytes = Math.max(peakLiveBytes, liveBytes);
        peakLiveObjects = Math.max(peakLiveObjects, objectCount - freedCount);
    }

    private void add(long event, int thread, int id) {
        if (eventCount == events.length) {
            int capacity = Math.multiplyExact(eventCount, 2);
            events = Arrays.copyOf(events, capacity);
            ids = Arrays.copyOf(ids, capacity);
            threads = Arrays.copyOf(threads, capacity);
        }
        events[eventCount] = event;
        ids[eventCount] = id;
        threads[eventCount] = (char) thread;
        eventCount++;
    }

    private int countThreads() throws TraceProblem {
        boolean[] seen = new boolean[MallocTraceReader.MAX_THREADS];
        int highest = 0;
        for (int i = 0; i < eventCount; i++) {
            seen[threads[i]] = true;
            highest = Math.max(highest, threads[i]);
        }
        for (int thread = 0; thread < highest; thread++) {
            if (!seen[thread]) {
                throw lines.problem("thread " + highest + " is used but thread " + thread
                        + " is not; threads are numbered from 0 without gaps");
            }
        }
        return highest + 1;
    }

    private void checkDense() throws TraceProblem {
        if (objects.highestId() != objectCount - 1) {
            throw lines.problem("ID " + objects.highestId() + " is used but ID " + objects.firstMissing()
                    + " is not; IDs are numbered from 0 without gaps");
        }
    }
}
