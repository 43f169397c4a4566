package malloc4j.cli.replay;

import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.zip.ZipException;

/// Reads a trace in any of the formats there are, plain or compressed, and checks all of it. What a file is, its first
/// bytes tell, whatever its name.
///
/// ```
/// Compression  ->  LineReader  ->  MallocTraceReader    # malloc-trace 1
///                                  HeaptrackReader      v 10400 3          ->  TraceBuilder  ->  Result
/// ```
final class TraceReader {
    private static final int BUFFER_BYTES = 1 << 16; // 64 KiB

    private TraceReader() {}

    /// A trace and what it adds up to.
    ///
    /// @param notes what is to be known of the trace beside its events: a sentence each, for people
    record Result(Trace trace, TraceSummary summary, List<String> notes) {}

    /// Reads the whole file.
    ///
    /// @throws TraceProblem if it is not a trace, or breaks its format
    /// @throws IOException if the file cannot be read
    static Result read(Path file) throws IOException, TraceProblem {
        try (InputStream raw = new BufferedInputStream(Files.newInputStream(file), BUFFER_BYTES)) {
            Compression compression = Compression.of(raw);
            try (InputStream in = compression.open(raw)) {
                return read(new LineReader(file, in, compression));
            } catch (EOFException | ZipException e) {
                throw new TraceProblem(file, 1, compression.problem(e));
            }
        }
    }

    private static Result read(LineReader lines) throws IOException, TraceProblem {
        if (lines.next()) {
            if (lines.text().equals(MallocTraceReader.FIRST_LINE)) {
                return new MallocTraceReader(lines).readAll();
            }
            if (lines.letter() == HeaptrackReader.VERSION) {
                return new HeaptrackReader(lines).readAll();
            }
        }
        throw lines.problem("not a trace: the first line must be '" + MallocTraceReader.FIRST_LINE
                + "', or that of a heaptrack recording, found " + lines.quoted());
    }
}
