package malloc4j.cli.replay;

import static java.lang.foreign.ValueLayout.JAVA_CHAR;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/// A trace as a file of this program's own, which the parent writes once and every child reads in milliseconds.
/// Both are the same build on the same machine, so the bytes are in native order and carry no version.
///
/// ```
///  0          8             16            24          24 + 8n     24 + 12n      24 + 14n
///  +----------+-------------+-------------+-----------+-----------+-------------+
///  | events n | objects     | threads     | events    | ids       | threads     |
///  +----------+-------------+-------------+-----------+-----------+-------------+
///    long       long          long          long[n]     int[n]      char[n]
/// ```
///
/// The file is mapped while it is copied and then unmapped: reading through a channel would leave buffers in libc's
/// malloc, which is one of the allocators to be measured.
final class TraceImage {
    private static final long HEADER_BYTES = 3 * Long.BYTES;
    private static final long EVENT_BYTES = Long.BYTES + Integer.BYTES + Character.BYTES;

    private TraceImage() {}

    static void write(Trace trace, Path file) throws IOException {
        long n = trace.eventCount();
        try (var channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE);
                Arena arena = Arena.ofConfined()) {
            MemorySegment image = channel.map(MapMode.READ_WRITE, 0, HEADER_BYTES + n * EVENT_BYTES, arena);
            image.set(JAVA_LONG, 0, n);
            image.set(JAVA_LONG, Long.BYTES, trace.objectCount);
            image.set(JAVA_LONG, 2 * Long.BYTES, trace.threadCount);
            MemorySegment.copy(trace.events, 0, image, JAVA_LONG, eventsAt(), trace.events.length);
            MemorySegment.copy(trace.ids, 0, image, JAVA_INT, idsAt(n), trace.ids.length);
            MemorySegment.copy(trace.threads, 0, image, JAVA_CHAR, threadsAt(n), trace.threads.length);
        }
    }

    static Trace read(Path file) throws IOException {
        try (var channel = FileChannel.open(file, StandardOpenOption.READ);
                Arena arena = Arena.ofConfined()) {
            MemorySegment image = channel.map(MapMode.READ_ONLY, 0, channel.size(), arena);
            int n = Math.toIntExact(image.get(JAVA_LONG, 0));
            var trace = new Trace(
                    new long[n],
                    new int[n],
                    new char[n],
                    Math.toIntExact(image.get(JAVA_LONG, Long.BYTES)),
                    Math.toIntExact(image.get(JAVA_LONG, 2 * Long.BYTES)));
            MemorySegment.copy(image, JAVA_LONG, eventsAt(), trace.events, 0, n);
            MemorySegment.copy(image, JAVA_INT, idsAt(n), trace.ids, 0, n);
            MemorySegment.copy(image, JAVA_CHAR, threadsAt(n), trace.threads, 0, n);
            return trace;
        }
    }

    private static long eventsAt() {
        return HEADER_BYTES;
    }

    private static long idsAt(long eventCount) {
        return eventsAt() + eventCount * Long.BYTES;
    }

    private static long threadsAt(long eventCount) {
        return idsAt(eventCount) + eventCount * Integer.BYTES;
    }
}
