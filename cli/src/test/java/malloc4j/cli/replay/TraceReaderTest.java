package malloc4j.cli.replay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TraceReaderTest {
    @TempDir
    Path folder;

    @Test
    void readsEveryOperation() throws IOException, TraceProblem {
        Path file = Traces.write(folder, "good.trace", Traces.TWO_THREADS);

        TraceReader.Result read = TraceReader.read(file);

        assertThat(read.summary()).isEqualTo(new TraceSummary(6, 3, 2, 276, 3, 1));
        Trace trace = read.trace();
        assertThat(Arrays.stream(trace.events).mapToInt(Event::operation))
                .containsExactly(Event.MALLOC, Event.CALLOC, Event.REALLOC, Event.MEMALIGN, Event.FREE, Event.FREE);
        assertThat(Arrays.stream(trace.events).map(Event::byteSize)).containsExactly(64L, 100L, 128L, 48L, 0L, 0L);
        assertThat(Event.byteAlignment(trace.events[3])).isEqualTo(64);
        assertThat(trace.ids).containsExactly(0, 1, 0, 2, 0, 2);
        assertThat(trace.threads).containsExactly((char) 0, (char) 0, (char) 1, (char) 1, (char) 1, (char) 0);
    }

    @Test
    void readsGzip() throws IOException, TraceProblem {
        Path file = Files.write(folder.resolve("good.trace.gz"), Traces.gzip(Traces.TWO_THREADS));

        assertThat(TraceReader.read(file).summary().eventCount()).isEqualTo(6);
    }

    @Test
    void lastLineNeedsNoNewline() throws IOException, TraceProblem {
        Path file = Traces.write(folder, "good.trace", "# malloc-trace 1\na 0 0 8\nf 0 0");

        assertThat(TraceReader.read(file).summary().objectsLiveAtEnd()).isZero();
    }

    @Test
    void peakIsOfRequestedBytesAtTheSameTime() throws IOException, TraceProblem {
        Path file = Traces.write(
                folder, "good.trace", Traces.text("a 0 0 100", "r 0 0 10", "a 0 1 50", "f 0 0", "a 0 2 70"));

        assertThat(TraceReader.read(file).summary()).isEqualTo(new TraceSummary(5, 3, 1, 120, 2, 2));
    }

    @Test
    void growsBeyondItsFirstArrays() throws IOException, TraceProblem {
        var text = new StringBuilder("# malloc-trace 1\n");
        int count = 200_000;
        for (int id = count - 1; id >= 0; id--) {
            text.append("a 0 ").append(id).append(" 16\n");
        }
        Path file = Traces.write(folder, "many.trace", text.toString());

        TraceReader.Result read = TraceReader.read(file);

        assertThat(read.summary()).isEqualTo(new TraceSummary(count, count, 1, 16L * count, count, count));
        assertThat(read.trace().ids[0]).isEqualTo(count - 1);
    }

    /// Lines are numbered from 1; two header lines come first.
    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '"', textBlock = """
            x 0 0 8                     | 3 | expected an event of a, c, m, r or f, found 'x 0 0 8'
            a 0 0                       | 3 | expected 'a THREAD ID SIZE', found 'a 0 0'
            a 0 0 8 9                   | 3 | expected 'a THREAD ID SIZE', found 'a 0 0 8 9'
            a 0  0 8                    | 3 | expected 'a THREAD ID SIZE', found 'a 0  0 8'
            a 0 0 -8                    | 3 | expected 'a THREAD ID SIZE', found 'a 0 0 -8'
            a 0 0 8k                    | 3 | expected 'a THREAD ID SIZE', found 'a 0 0 8k'
            a0 0 8                      | 3 | expected 'a THREAD ID SIZE', found 'a0 0 8'
            c 0 0                       | 3 | expected 'c THREAD ID SIZE', found 'c 0 0'
            m 0 0 8                     | 3 | expected 'm THREAD ID SIZE ALIGNMENT', found 'm 0 0 8'
            m 0 0 8 24                  | 3 | alignment 24 is not a power of two below 2^48
            m 0 0 8 0                   | 3 | alignment 0 is not a power of two below 2^48
            a 0 0 8;r 0 0               | 4 | expected 'r THREAD ID SIZE', found 'r 0 0'
            a 0 0 8;f 0                 | 4 | expected 'f THREAD ID', found 'f 0'
            a 0 0 8;f 0 0 8             | 4 | expected 'f THREAD ID', found 'f 0 0 8'
            a 0 0 8;;f 0 0              | 4 | expected an event of a, c, m, r or f, found an empty line
            a 0 0 8;# note: x           | 4 | a header line after the first event: '# note: x'
            f 0 0                       | 3 | ID 0 is used before it is allocated
            r 0 7 8                     | 3 | ID 7 is used before it is allocated
            a 0 0 8;f 0 0;f 0 0         | 5 | ID 0 is freed twice
            a 0 0 8;f 0 0;r 0 0 9       | 5 | ID 0 is reallocated after it was freed
            a 0 0 8;a 0 0 8             | 4 | ID 0 is allocated again; an ID is one object's life
            a 0 0 8;f 0 0;c 0 0 8       | 5 | ID 0 is allocated again; an ID is one object's life
            a 0 0 8;a 0 2 8             | 4 | ID 2 is used but ID 1 is not; IDs are numbered from 0 without gaps
            a 0 999999999 8             | 3 | ID 999999999 is used but ID 0 is not; IDs are numbered from 0 without gaps
            a 0 2147483647 8            | 3 | ID 2147483647 is above 2^31 - 2
            a 1 0 8                     | 3 | thread 1 is used but thread 0 is not; threads are numbered from 0 without gaps
            a 65536 0 8                 | 3 | thread 65536 is above 65535
            a 0 0 281474976710656       | 3 | size 281474976710656 is above 2^48 - 1 bytes
            a 0 0 9223372036854775808   | 3 | a number above 2^63 - 1: 'a 0 0 9223372036854775808'
            """)
    void refusesWithLineAndReason(String events, int line, String reason) throws IOException {
        Path file = Traces.write(folder, "bad.trace", Traces.text(events.split(";", -1)));

        assertProblem(file, line, reason);
    }

    @Test
    void refusesWhatIsNotATrace() throws IOException {
        String expected =
                "not a trace: the first line must be '# malloc-trace 1', or that of a heaptrack recording, found ";
        assertProblem(Traces.write(folder, "empty", ""), 1, expected + "an empty line");
        assertProblem(Traces.write(folder, "text", "Dear Sir,\n"), 1, expected + "'Dear Sir,'");
        assertProblem(Traces.write(folder, "version", "# malloc-trace 2\n"), 1, expected + "'# malloc-trace 2'");
        assertProblem(
                Traces.write(folder, "windows", "# malloc-trace 1\r\na 0 0 8\r\n"),
                1,
                expected + "'# malloc-trace 1?'");
        assertProblem(
                Files.write(folder.resolve("binary"), new byte[10_000]), 1, expected + "'" + "?".repeat(40) + "...'");
    }

    @Test
    void refusesATraceWithoutEvents() throws IOException {
        assertProblem(Traces.write(folder, "none", "# malloc-trace 1\n# a: b\n"), 2, "the trace ends without an event");
    }

    @Test
    void refusesALineWithoutEnd() throws IOException {
        Path file = Traces.write(folder, "long", Traces.text("a".repeat(5000)));
        assertProblem(file, 3, "a line of more than 4096 bytes: '" + "a".repeat(40) + "...'");
    }

    @Test
    void isWhatItsFirstBytesSayWhateverItsName() throws IOException, TraceProblem {
        Path text = Traces.write(folder, "text.gz", Traces.TWO_THREADS);
        Path gzip = Files.write(folder.resolve("gzip.trace"), Traces.gzip(Traces.TWO_THREADS));
        Path zstd = Files.write(folder.resolve("zstd.trace"), Traces.zstd(Traces.TWO_THREADS));

        assertThat(TraceReader.read(text).summary().eventCount()).isEqualTo(6);
        assertThat(TraceReader.read(gzip).summary().eventCount()).isEqualTo(6);
        assertThat(TraceReader.read(zstd).summary().eventCount()).isEqualTo(6);
    }

    @Test
    void refusesGzipWithoutAWholeHeader() throws IOException {
        byte[] whole = Traces.gzip(Traces.TWO_THREADS);
        Path file = Files.write(folder.resolve("cut.gz"), Arrays.copyOf(whole, 5));
        assertProblem(file, 1, "the gzip data ends in the middle");
    }

    @Test
    void refusesTruncatedGzipAndNamesTheLineItGotTo() throws IOException {
        byte[] whole = Traces.gzip(Traces.TWO_THREADS);
        // 8 bytes of trailer: without them every line is there, but nothing vouches for them.
        Path file = Files.write(folder.resolve("cut.trace.gz"), Arrays.copyOf(whole, whole.length - 8));
        assertThatThrownBy(() -> TraceReader.read(file))
                .isInstanceOf(TraceProblem.class)
                .hasMessageMatching(".*cut.trace.gz: line \\d+: the gzip data ends in the middle");
    }

    @Test
    void refusesDamagedGzip() throws IOException {
        byte[] damaged = Traces.gzip(Traces.TWO_THREADS);
        damaged[damaged.length - 6] ^= 1; // in the checksum
        Path file = Files.write(folder.resolve("damaged.trace.gz"), damaged);
        assertThatThrownBy(() -> TraceReader.read(file))
                .isInstanceOf(TraceProblem.class)
                .hasMessageMatching(".*line \\d+: the gzip data is damaged.*");
    }

    @Test
    void refusesTruncatedAndDamagedZstd() throws IOException {
        byte[] bytes = Traces.zstd(Traces.TWO_THREADS);
        Path cut = Files.write(folder.resolve("cut.zst"), Arrays.copyOf(bytes, bytes.length - 1));
        bytes[6] |= 6; // a type of block that there is not
        Path damaged = Files.write(folder.resolve("damaged.zst"), bytes);

        assertProblem(cut, 8, "the zstd data ends in the middle");
        assertProblem(damaged, 1, "the zstd data is damaged: Data corruption detected");
    }

    @Test
    void aRecordingIsReadToItsLastWholeLine() throws IOException, TraceProblem {
        String whole = Traces.TWO_THREADS.replace("# program: a test", "# recorder: malloc4j");
        Path cut = Traces.write(folder, "cut.trace", whole.substring(0, whole.length() - 2)); // of "f 0 2"

        TraceReader.Result read = TraceReader.read(cut);

        assertThat(read.summary().eventCount()).isEqualTo(5);
        assertThat(read.notes()).containsExactly("the file is cut short: line 7 is its last whole one");
        assertThat(TraceReader.read(Traces.write(folder, "whole.trace", whole)).notes())
                .isEmpty();
    }

    @Test
    void aRecordingWhoseCompressedDataIsCutIsReadToItsLastWholeLine() throws IOException, TraceProblem {
        byte[] whole = Traces.gzip(Traces.TWO_THREADS.replace("# program: a test", "# recorder: malloc4j"));
        Path cut = Files.write(folder.resolve("cut.trace.gz"), Arrays.copyOf(whole, whole.length - 8));

        TraceReader.Result read = TraceReader.read(cut);

        assertThat(read.summary().eventCount()).isEqualTo(6);
        assertThat(read.notes()).containsExactly("the file is cut short: line 8 is its last whole one");
    }

    @Test
    void aMalformedLineInTheMiddleOfARecordingIsRefused() throws IOException {
        Path file = Traces.write(folder, "bad.trace", "# malloc-trace 1\n# recorder: malloc4j\na 0 0\nf 0 0\n");
        assertProblem(file, 3, "expected 'a THREAD ID SIZE', found 'a 0 0'");
    }

    private static void assertProblem(Path file, int line, String reason) {
        assertThatThrownBy(() -> TraceReader.read(file))
                .isInstanceOf(TraceProblem.class)
                .hasMessage(file + ": line " + line + ": " + reason);
    }
}
