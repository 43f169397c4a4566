package malloc4j.cli.replay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class HeaptrackReaderTest {
    private static final String NO_THREADS =
            "recorded by heaptrack, which tells no threads, zeroing or alignment, and realloc as free and malloc";
    private static final String OLDEST =
            "each free is of the oldest live block of its size and call stack; heaptrack --raw tells the block";

    @TempDir
    Path folder;

    @Test
    void readsTheInterpretedForm() throws IOException, TraceProblem {
        Path file = Traces.write(
                folder,
                "heaptrack.app.1",
                interpreted("a 10 1", "+ 0", "a 400 2", "+ 1", "+ 0", "c 5", "R 4a7", "- 1", "+ 0", "", "# ips: 2"));

        TraceReader.Result read = TraceReader.read(file);

        assertThat(read.summary()).isEqualTo(new TraceSummary(5, 4, 1, 1056, 3, 3));
        assertThat(operations(read))
                .containsExactly(Event.MALLOC, Event.MALLOC, Event.MALLOC, Event.FREE, Event.MALLOC);
        assertThat(byteSizes(read)).containsExactly(16, 1024, 16, 0, 16);
        assertThat(read.trace().ids).containsExactly(0, 1, 2, 1, 3);
        assertThat(read.notes()).containsExactly(NO_THREADS, OLDEST);
    }

    @Test
    void anInterpretedFreeIsOfTheOldestOfItsKind() throws IOException, TraceProblem {
        Path file = Traces.write(
                folder,
                "kinds",
                interpreted("a 10 1", "a 10 2", "+ 0", "+ 1", "+ 0", "- 0", "+ 0", "- 0", "- 1", "- 0"));

        assertThat(TraceReader.read(file).trace().ids).containsExactly(0, 1, 2, 0, 3, 2, 1, 3);
    }

    @Test
    void readsTheRawForm() throws IOException, TraceProblem {
        Path file = Traces.write(
                folder,
                "heaptrack.app.1.raw",
                raw("+ 10 1 7f00a0", "+ 20 1 7f00c0", "+ 10 1 7f0100", "- 7f0100", "c 1", "- 7f00a0", "+ 0 1 7f00a0"));

        TraceReader.Result read = TraceReader.read(file);

        assertThat(read.summary()).isEqualTo(new TraceSummary(6, 4, 1, 64, 3, 2));
        assertThat(byteSizes(read)).containsExactly(16, 32, 16, 0, 0, 0);
        assertThat(read.trace().ids).containsExactly(0, 1, 2, 2, 0, 3);
        assertThat(read.notes()).containsExactly(NO_THREADS);
    }

    @Test
    void rawFreesOfUnknownBlocksAreLeftOutAndCounted() throws IOException, TraceProblem {
        Path file = Traces.write(folder, "attached", raw("A", "- 70", "+ 10 1 80", "- 80", "- 80"));

        TraceReader.Result read = TraceReader.read(file);

        assertThat(read.summary().eventCount()).isEqualTo(2);
        assertThat(read.notes())
                .containsExactly(NO_THREADS, "2 frees of blocks that are not in the recording are left out");
    }

    @Test
    void aRawBlockWhereALiveOneIsSaysThatThatWasFreed() throws IOException, TraceProblem {
        Path file = Traces.write(folder, "unseen", raw("+ 10 1 80", "+ 20 1 80", "- 80"));

        TraceReader.Result read = TraceReader.read(file);

        assertThat(operations(read)).containsExactly(Event.MALLOC, Event.FREE, Event.MALLOC, Event.FREE);
        assertThat(read.trace().ids).containsExactly(0, 0, 1, 1);
        assertThat(read.summary().peakLiveBytes()).isEqualTo(32);
    }

    @Test
    void argumentsMayHaveLineEnds() throws IOException, TraceProblem {
        Path file = Traces.write(
                folder, "script", "v 10400 3\nX perl -e \n+ 7\nI am text\n\nzzz\nI 1000 5e298d\na 8 1\n+ 0\n");

        assertThat(TraceReader.read(file).summary().eventCount()).isEqualTo(1);
    }

    /// A command line or a name from a C++ template can be longer than the reader keeps of a line.
    @Test
    void textMayBeLong() throws IOException, TraceProblem {
        String longText = "x".repeat(10_000);
        Path file = Traces.write(
                folder, "long", "v 10400 3\nX " + longText + "\nI 1000 5e298d\ns 2710 " + longText + "\na 8 1\n+ 0\n");

        assertThat(TraceReader.read(file).summary().eventCount()).isEqualTo(1);
    }

    @Test
    void growsBeyondItsFirstArrays() throws IOException, TraceProblem {
        int count = 100_000;
        var text = new StringBuilder("v 10400 3\n");
        for (int i = 0; i < count; i++) {
            String kind = Integer.toHexString(i);
            text.append("a ").append(kind).append(" 1\n+ ").append(kind).append('\n');
        }
        for (int i = count - 1; i >= 0; i--) {
            text.append("- ").append(Integer.toHexString(i)).append('\n');
        }

        TraceReader.Result read = TraceReader.read(Traces.write(folder, "many", text.toString()));

        long bytes = (long) count * (count - 1) / 2;
        assertThat(read.summary()).isEqualTo(new TraceSummary(2 * count, count, 1, bytes, count, 0));
    }

    /// How a recording may be stored; each of the compressed ones gives what was written before the cut.
    enum Storage {
        PLAIN,
        GZIP,
        ZSTD;

        byte[] store(String text) throws IOException {
            return switch (this) {
                case PLAIN -> text.getBytes(StandardCharsets.US_ASCII);
                case GZIP -> Traces.gzip(text);
                case ZSTD -> Traces.zstd(text, 100);
            };
        }
    }

    @ParameterizedTest
    @EnumSource
    void readsAFileThatWasCutShortToItsLastWholeRecord(Storage storage) throws IOException, TraceProblem {
        int pairs = 2_000;
        String[] records = new String[1 + 2 * pairs];
        records[0] = "a 10 1";
        for (int i = 0; i < pairs; i++) {
            records[1 + 2 * i] = "+ 0";
            records[2 + 2 * i] = "- 0";
        }
        byte[] whole = storage.store(interpreted(records));
        Path file = folder.resolve("cut");
        int shortest = storage == Storage.GZIP ? whole.length - 20 : whole.length / 2;
        for (int length = whole.length - 1; length > shortest; length -= 1 + length / 50) {
            Files.write(file, Arrays.copyOf(whole, length));

            TraceReader.Result read = TraceReader.read(file);

            int events = read.summary().eventCount();
            assertThat(events).isBetween(1, 2 * pairs);
            if (storage != Storage.PLAIN || whole[length - 1] != '\n') {
                assertThat(read.notes())
                        .containsExactly(
                                NO_THREADS,
                                OLDEST,
                                "the file is cut short: line " + (events + 8) + " is its last whole one");
            }
        }
    }

    @Test
    void aWholeLineMayBeMissingItsEndOnlyAsACut() throws IOException, TraceProblem {
        Path file = Traces.write(folder, "cut", interpreted("a 10 1", "+ 0", "+ 0") + "- ");

        TraceReader.Result read = TraceReader.read(file);

        assertThat(read.summary().eventCount()).isEqualTo(2);
        assertThat(read.notes()).contains("the file is cut short: line 10 is its last whole one");
    }

    @Test
    void refusesACutBeforeTheFirstEvent() throws IOException {
        Path file = Traces.write(folder, "cut", "v 10400 3\nX app\nI 1000");

        assertProblem(file, 2, "the trace ends without an event");
    }

    /// Seven lines come first.
    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '"', textBlock = """
            z 1                 | 8 | expected a record of heaptrack, found 'z 1'
            a 10                | 8 | expected 'a SIZE STACK', found 'a 10'
            a 10 1 2            | 8 | expected 'a SIZE STACK', found 'a 10 1 2'
            a 10 1g             | 8 | expected 'a SIZE STACK', found 'a 10 1g'
            a -10 1             | 8 | expected 'a SIZE STACK', found 'a -10 1'
            a 10 1;+            | 9 | expected '+ KIND', found '+'
            a 10 1;+ 0 1        | 9 | expected '+ KIND', found '+ 0 1'
            a 10 1;+ 0;-        | 10 | expected '- KIND', found '-'
            a 10 1;+ 0;-0       | 10 | expected '- KIND', found '-0'
            a 10 1;+ 1          | 9 | kind 1 is used before its line 'a SIZE STACK'
            - ffffffff          | 8 | kind ffffffff is used before its line 'a SIZE STACK'
            a 10 1;- 0          | 9 | a free of kind 0, of which no block lives
            a 10 1;+ 0;- 0;- 0  | 11 | a free of kind 0, of which no block lives
            t 1                 | 8 | expected 't NUMBER NUMBER', found 't 1'
            c                   | 8 | expected 'c NUMBER', found 'c'
            R x                 | 8 | expected 'R NUMBER', found 'R x'
            Attached            | 8 | expected 'A', found 'Attached'
            string              | 8 | expected 's ...', found 'string'
            a 1000000000000 1;+ 0 | 9 | size 281474976710656 is above 2^48 - 1 bytes
            a 8000000000000000 1 | 8 | a number above 2^63 - 1: 'a 8000000000000000 1'
            """)
    void refusesWithLineAndReason(String records, int line, String reason) throws IOException {
        assertProblem(Traces.write(folder, "bad", interpreted(records.split(";", -1))), line, reason);
    }

    /// Five lines come first.
    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '"', textBlock = """
            + 10 1              | 6 | expected '+ SIZE STACK POINTER', found '+ 10 1'
            + 10 1 80 90        | 6 | expected '+ SIZE STACK POINTER', found '+ 10 1 80 90'
            + 10 1 80;- 80 1    | 7 | expected '- POINTER', found '- 80 1'
            - 0x80              | 6 | expected '- POINTER', found '- 0x80'
            """)
    void refusesInRawWithLineAndReason(String records, int line, String reason) throws IOException {
        assertProblem(Traces.write(folder, "bad", raw(records.split(";", -1))), line, reason);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            v 10000   | expected 'v VERSION FORMAT' of heaptrack 1.x, found 'v 10000'
            valgrind  | expected 'v VERSION FORMAT' of heaptrack 1.x, found 'valgrind'
            v 20100 4 | format 4 of heaptrack 2.1.0; known are 1 to 3
            v 10000 0 | format 0 of heaptrack 1.0.0; known are 1 to 3
            """)
    void refusesOtherVersions(String line, String reason) throws IOException {
        assertProblem(Traces.write(folder, "version", line + "\n"), 1, reason);
    }

    private static String interpreted(String... records) {
        return "v 10400 3\nX ./app --flag\nI 1000 5e298d\ns 9 /tmp/app/a\ni 7f31ccfa7b9f 1 1 1 4\nt 1 0\nt 1 1\n"
                + String.join("\n", records)
                + "\n";
    }

    private static String raw(String... records) {
        return "v 10400 3\nx 6 /tmp/a\nX ./app --flag\nI 1000 5e298d\nt 7f31ccfa7b9f 0\n" + String.join("\n", records)
                + "\n";
    }

    private static int[] operations(TraceReader.Result read) {
        return Arrays.stream(read.trace().events).mapToInt(Event::operation).toArray();
    }

    private static long[] byteSizes(TraceReader.Result read) {
        long[] events = read.trace().events;
        return IntStream.range(0, events.length)
                .mapToLong(i -> Event.byteSize(events[i]))
                .toArray();
    }

    private static void assertProblem(Path file, int line, String reason) {
        assertThatThrownBy(() -> TraceReader.read(file))
                .isInstanceOf(TraceProblem.class)
                .hasMessage(file + ": line " + line + ": " + reason);
    }
}
