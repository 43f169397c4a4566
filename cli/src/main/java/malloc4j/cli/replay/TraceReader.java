package malloc4j.cli.replay;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;
import org.jspecify.annotations.Nullable;

/// Reads a trace, text or gzip when the name ends in `.gz`, and checks all of it:
///
/// ```
/// # malloc-trace 1
/// # key: value                     any number of header lines
/// a THREAD ID SIZE                 malloc
/// c THREAD ID SIZE                 calloc (total bytes)
/// m THREAD ID SIZE ALIGNMENT       memalign
/// r THREAD ID SIZE                 realloc of a live ID, which keeps its ID
/// f THREAD ID                      free
/// ```
///
/// Strict: fields are separated by one space, numbers are decimal digits, header lines come first. Whatever breaks
/// this or the life of an object is a [TraceProblem] that names the line. About 0.1 us a line.
final class TraceReader {
    private static final String FIRST_LINE = "# malloc-trace 1";
    private static final int BUFFER_BYTES = 1 << 16; // 64 KiB
    private static final int MAX_LINE_BYTES = 4096; // the header may have long values; an event needs below 70
    private static final int QUOTED_CHARACTERS = 40;
    private static final int MAX_THREADS = 1 << 16; // what a char holds

    private final Path file;
    private final InputStream in;
    private final byte[] buffer = new byte[BUFFER_BYTES];
    private int position;
    private int limit;

    private final byte[] line = new byte[MAX_LINE_BYTES];
    private int lineLength;
    private int cursor;
    private long lineNumber;

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

    private TraceReader(Path file, InputStream in) {
        this.file = file;
        this.in = in;
    }

    /// A trace and what it adds up to.
    record Result(Trace trace, TraceSummary summary) {}

    /// Reads the whole file.
    ///
    /// @throws TraceProblem if it is not a trace, or breaks the format
    /// @throws IOException if the file cannot be read
    static Result read(Path file) throws IOException, TraceProblem {
        boolean gzip = file.toString().endsWith(".gz");
        try (InputStream raw = Files.newInputStream(file);
                InputStream in = gzip ? gunzip(file, raw) : raw) {
            return new TraceReader(file, in).readAll();
        }
    }

    private static InputStream gunzip(Path file, InputStream raw) throws IOException, TraceProblem {
        try {
            return new GZIPInputStream(raw, BUFFER_BYTES);
        } catch (EOFException | ZipException e) {
            throw new TraceProblem(file, 1, "not gzip data, though the name ends in .gz");
        }
    }

    private Result readAll() throws IOException, TraceProblem {
        boolean any = readLine();
        if (!any || !text().equals(FIRST_LINE)) {
            throw problem("not a trace: the first line must be '" + FIRST_LINE + "', found " + quoted());
        }
        while (readLine()) {
            if (line[0] == '#' && lineLength > 0) {
                if (eventCount > 0) {
                    throw problem("a header line after the first event: " + quoted());
                }
            } else {
                readEvent();
            }
        }
        if (eventCount == 0) {
            throw problem("the trace ends without an event");
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
        return new Result(trace, summary);
    }

    private void readEvent() throws TraceProblem {
        cursor = 1;
        switch (lineLength == 0 ? 0 : line[0]) {
            case 'a' -> readAllocation(Event.MALLOC);
            case 'c' -> readAllocation(Event.CALLOC);
            case 'm' -> readAllocation(Event.MEMALIGN);
            case 'r' -> readRealloc();
            case 'f' -> readFree();
            default -> throw malformed("an event of a, c, m, r or f");
        }
    }

    private void readAllocation(int operation) throws TraceProblem {
        boolean aligned = operation == Event.MEMALIGN;
        String form = aligned ? "'m THREAD ID SIZE ALIGNMENT'" : "'" + (char) line[0] + " THREAD ID SIZE'";
        int thread = thread(form);
        int id = id(form);
        long byteSize = byteSize(form);
        long byteAlignment = aligned ? number(form) : 1;
        end(form);
        if (Long.bitCount(byteAlignment) != 1 || byteAlignment > Event.MAX_BYTE_SIZE) {
            throw problem("alignment " + byteAlignment + " is not a power of two below 2^48");
        }
        if (objects.get(id) != ObjectStates.NEVER) {
            throw problem("ID " + id + " is allocated again; an ID is one object's life");
        }
        objects.setLive(id, byteSize);
        objectCount++;
        add(Event.pack(operation, byteSize, byteAlignment), thread, id);
        account(byteSize);
    }

    private void readRealloc() throws TraceProblem {
        String form = "'r THREAD ID SIZE'";
        int thread = thread(form);
        int id = id(form);
        long byteSize = byteSize(form);
        end(form);
        long oldByteSize = live(id, "reallocated after it was freed");
        objects.setLive(id, byteSize);
        add(Event.pack(Event.REALLOC, byteSize, 1), thread, id);
        account(byteSize - oldByteSize);
    }

    private void readFree() throws TraceProblem {
        String form = "'f THREAD ID'";
        int thread = thread(form);
        int id = id(form);
        end(form);
        long byteSize = live(id, "freed twice");
        objects.setFreed(id);
        freedCount++;
        add(Event.pack(Event.FREE, 0, 1), thread, id);
        account(-byteSize);
    }

    private long live(int id, String whatIfFreed) throws TraceProblem {
        long state = objects.get(id);
        if (state == ObjectStates.NEVER) {
            throw problem("ID " + id + " is used before it is allocated");
        }
        if (state == ObjectStates.FREED) {
            throw problem("ID " + id + " is " + whatIfFreed);
        }
        return state - 1;
    }

    private void account(long growth) throws TraceProblem {
        liveBytes += growth;
        if (liveBytes < 0) {
            throw problem("the live objects add up to more than 2^63 bytes");
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
        boolean[] seen = new boolean[MAX_THREADS];
        int highest = 0;
        for (int i = 0; i < eventCount; i++) {
            seen[threads[i]] = true;
            highest = Math.max(highest, threads[i]);
        }
        for (int thread = 0; thread < highest; thread++) {
            if (!seen[thread]) {
                throw problem("thread " + highest + " is used but thread " + thread
                        + " is not; threads are numbered from 0 without gaps");
            }
        }
        return highest + 1;
    }

    private void checkDense() throws TraceProblem {
        if (objects.highestId() != objectCount - 1) {
            throw problem("ID " + objects.highestId() + " is used but ID " + objects.firstMissing()
                    + " is not; IDs are numbered from 0 without gaps");
        }
    }

    private int thread(String form) throws TraceProblem {
        long thread = number(form);
        if (thread >= MAX_THREADS) {
            throw problem("thread " + thread + " is above " + (MAX_THREADS - 1));
        }
        return (int) thread;
    }

    private int id(String form) throws TraceProblem {
        long id = number(form);
        if (id >= Integer.MAX_VALUE) {
            throw problem("ID " + id + " is above 2^31 - 2");
        }
        return (int) id;
    }

    private long byteSize(String form) throws TraceProblem {
        long byteSize = number(form);
        if (byteSize > Event.MAX_BYTE_SIZE) {
            throw problem("size " + byteSize + " is above 2^48 - 1 bytes");
        }
        return byteSize;
    }

    /// The next field: one space, then decimal digits.
    private long number(String form) throws TraceProblem {
        if (cursor >= lineLength || line[cursor++] != ' ') {
            throw malformed(form);
        }
        int start = cursor;
        long value = 0;
        while (cursor < lineLength && line[cursor] >= '0' && line[cursor] <= '9') {
            int digit = line[cursor++] - '0';
            if (value > (Long.MAX_VALUE - digit) / 10) {
                throw problem("a number above 2^63 - 1: " + quoted());
            }
            value = value * 10 + digit;
        }
        if (cursor == start) {
            throw malformed(form);
        }
        return value;
    }

    private void end(String form) throws TraceProblem {
        if (cursor != lineLength) {
            throw malformed(form);
        }
    }

    /// Reads the next line into [#line], without its end. False at the end of the file.
    private boolean readLine() throws IOException, TraceProblem {
        lineNumber++;
        lineLength = 0;
        while (true) {
            if (position == limit && !fill()) {
                if (lineLength == 0) {
                    lineNumber = Math.max(1, lineNumber - 1);
                    return false;
                }
                return true;
            }
            byte next = buffer[position++];
            if (next == '\n') {
                return true;
            }
            if (lineLength == MAX_LINE_BYTES) {
                throw lineNumber == 1
                        ? problem("not a trace: the first line must be '" + FIRST_LINE + "', found " + quoted())
                        : problem("a line of more than " + MAX_LINE_BYTES + " bytes: " + quoted());
            }
            line[lineLength++] = next;
        }
    }

    private boolean fill() throws IOException, TraceProblem {
        try {
            position = 0;
            limit = Math.max(0, in.read(buffer));
            return limit > 0;
        } catch (EOFException e) {
            throw problem("the gzip data ends in the middle");
        } catch (ZipException e) {
            throw problem("the gzip data is damaged" + detail(e.getMessage()));
        }
    }

    private static String detail(@Nullable String message) {
        return message == null ? "" : ": " + message;
    }

    private TraceProblem malformed(String expected) {
        return problem("expected " + expected + ", found " + quoted());
    }

    private TraceProblem problem(String reason) {
        return new TraceProblem(file, lineNumber, reason);
    }

    private String text() {
        return new String(line, 0, lineLength, StandardCharsets.ISO_8859_1);
    }

    /// The line as it can be shown: short, and printable ASCII only.
    private String quoted() {
        if (lineLength == 0) {
            return "an empty line";
        }
        var shown = new StringBuilder("'");
        for (int i = 0; i < Math.min(lineLength, QUOTED_CHARACTERS); i++) {
            shown.append(line[i] >= ' ' && line[i] < 127 ? (char) line[i] : '?');
        }
        return shown.append(lineLength > QUOTED_CHARACTERS ? "...'" : "'").toString();
    }
}
