package malloc4j.internal.trace;

import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.RandomAccessFile;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.Deflater;
import java.util.zip.GZIPOutputStream;
import org.jspecify.annotations.Nullable;

/// The file of a trace, which nobody else writes a trace into meanwhile; compressed where its name ends in `.gz`.
///
/// What [#flush] has seen is with the kernel: it is in the file whatever becomes of the process, and of compressed data
/// all of it can be unpacked.
final class TraceFile implements AutoCloseable {
    private static final String GZIP_SUFFIX = ".gz";
    private static final int BUFFER_BYTES = 1 << 16; // of what is compressed

    private final RandomAccessFile file;
    private final OutputStream out;

    private TraceFile(RandomAccessFile file, OutputStream out) {
        this.file = file;
        this.out = out;
    }

    /// Opens a file, created when missing, for this process's one trace; empties it once that is sure.
    ///
    /// @param header what the file begins with
    /// @throws IOException if it cannot be opened or written, or another trace is being written into it
    static TraceFile open(Path path, String header) throws IOException {
        RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw");
        try {
            if (Files.isRegularFile(path)) { // a device or a pipe has nothing to lock or to empty
                lock(file, path);
                file.setLength(0);
            }
            OutputStream plain = new FileOutputStream(file.getFD());
            boolean isCompressed = path.toString().endsWith(GZIP_SUFFIX);
            TraceFile made = new TraceFile(file, isCompressed ? new FastGzip(plain) : plain);
            made.out.write(header.getBytes(StandardCharsets.UTF_8));
            made.flush();
            return made;
        } catch (Throwable refused) {
            file.close();
            throw refused;
        }
    }

    /// For as long as the file is open.
    private static void lock(RandomAccessFile file, Path path) throws IOException {
        @Nullable FileLock lock;
        try {
            lock = file.getChannel().tryLock();
        } catch (OverlappingFileLockException ownTrace) {
            throw new IOException(path + ": another recording of this process goes into this file", ownTrace);
        }
        if (lock == null) {
            throw new IOException(path + ": another process has locked this file; it may record into it");
        }
    }

    void write(byte[] bytes, int offset, int count) throws IOException {
        out.write(bytes, offset, count);
    }

    /// Hands on to the kernel what was written so far.
    void flush() throws IOException {
        out.flush();
    }

    @Override
    public void close() throws IOException {
        try (file) {
            out.close();
        }
    }

    private static final class FastGzip extends GZIPOutputStream {
        FastGzip(OutputStream out) throws IOException {
            super(out, BUFFER_BYTES, true);
            def.setLevel(Deflater.BEST_SPEED);
        }
    }
}
