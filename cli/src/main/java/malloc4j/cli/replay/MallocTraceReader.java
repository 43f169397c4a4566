package malloc4j.cli.replay;

import java.io.IOException;

/// Reads a trace in this project's own format:
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
/// this or the life of an object is a [TraceProblem] that names the line.
///
/// A header line `# recorder: NAME` says that the trace was written while a program ran, which may have been killed:
/// then it is read to its last whole line.
final class MallocTraceReader {
    static final String FIRST_LINE = "# malloc-trace 1";
    private static final String RECORDER = "# recorder: ";
    static final int MAX_THREADS = 1 << 16; // what a char holds

    private final LineReader lines;
    private final TraceBuilder trace;

    /// @param lines of which the first was read
    MallocTraceReader(LineReader lines) {
        this.lines = lines;
        this.trace = new TraceBuilder(lines);
    }

    TraceReader.Result readAll() throws IOException, TraceProblem {
        while (lines.next()) {
            if (lines.letter() == '#') {
                readHeader();
            } else {
                readEvent();
            }
        }
        return trace.build(lines.notes());
    }

    private void readHeader() throws TraceProblem {
        if (trace.eventCount() > 0) {
            throw lines.problem("a header line after the first event: " + lines.quoted());
        }
        if (lines.text().startsWith(RECORDER)) {
            lines.allowRecording();
        }
    }

    private void readEvent() throws TraceProblem {
        switch (lines.letter()) {
            case 'a' -> readAllocation(Event.MALLOC);
            case 'c' -> readAllocation(Event.CALLOC);
            case 'm' -> readAllocation(Event.MEMALIGN);
            case 'r' -> readRealloc();
            case 'f' -> readFree();
            default -> throw lines.malformed("an event of a, c, m, r or f");
        }
    }

    private void readAllocation(int operation) throws TraceProblem {
        boolean aligned = operation == Event.MEMALIGN;
        String form = aligned ? "'m THREAD ID SIZE ALIGNMENT'" : "'" + lines.letter() + " THREAD ID SIZE'";
        int thread = thread(form);
        int id = id(form);
        long byteSize = lines.decimal(form);
        long byteAlignment = aligned ? lines.decimal(form) : 1;
        lines.end(form);
        trace.allocate(operation, thread, id, byteSize, byteAlignment);
    }

    private void readRealloc() throws TraceProblem {
        String form = "'r THREAD ID SIZE'";
        int thread = thread(form);
        int id = id(form);
        long byteSize = lines.decimal(form);
        lines.end(form);
        trace.reallocate(thread, id, byteSize);
    }

    private void readFree() throws TraceProblem {
        String form = "'f THREAD ID'";
        int thread = thread(form);
        int id = id(form);
        lines.end(form);
        trace.free(thread, id);
    }

    private int thread(String form) throws TraceProblem {
        long thread = lines.decimal(form);
        if (thread >= MAX_THREADS) {
            throw lines.problem("thread " + thread + " is above " + (MAX_THREADS - 1));
        }
        return (int) thread;
    }

    private int id(String form) throws TraceProblem {
        long id = lines.decimal(form);
        if (id >= Integer.MAX_VALUE) {
            throw lines.problem("ID " + id + " is above 2^31 - 2");
        }
        return (int) id;
    }
}
