package malloc4j.cli.replay;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import java.util.zip.ZipException;

/// What a stream compressed by zstd holds, frame after frame. Of one that ends in the middle it gives what comes
/// before, and then throws [EOFException].
///
/// ```
/// in ---> input (bytes) ---> ZSTD_DStream ---> output (bytes) ---> read()
///
///  0           8           16          24     each of the two is told to zstd by one of these, and zstd moves
///  +-----------+-----------+-----------+      the position: ZSTD_inBuffer, ZSTD_outBuffer
///  | address   | size      | position  |
///  +-----------+-----------+-----------+
/// ```
///
/// Invariant: `frameRest` is 0 if and only if all that was taken of the input ends with a whole frame.
final class ZstdInputStream extends InputStream {
    private static final int BUFFER_BYTES = 1 << 16; // 64 KiB
    private static final long SIZE_AT = Long.BYTES;
    private static final long POSITION_AT = 2L * Long.BYTES;
    private static final long DESCRIPTION_BYTES = 3L * Long.BYTES;

    private final InputStream in;
    private final ZstdLibrary zstd;
    private final Arena arena = Arena.ofConfined();
    private final MemorySegment stream;
    private final byte[] chunk = new byte[BUFFER_BYTES];
    private final MemorySegment input = arena.allocate(BUFFER_BYTES);
    private final MemorySegment output = arena.allocate(BUFFER_BYTES);
    private final MemorySegment inputDescription = describe(input);
    private final MemorySegment outputDescription = describe(output);
    private int outputPosition;
    private int outputLimit;
    private long frameRest;
    private boolean closed;

    ZstdInputStream(InputStream in, ZstdLibrary zstd) {
        this.in = in;
        this.zstd = zstd;
        this.stream = zstd.createStream();
        inputDescription.set(JAVA_LONG, SIZE_AT, 0);
        if (stream.address() == 0) {
            arena.close();
            throw new OutOfMemoryError("ZSTD_createDStream returned NULL");
        }
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] bytes, int offset, int length) throws IOException {
        Objects.checkFromIndexSize(offset, length, bytes.length);
        if (length == 0) {
            return 0;
        }
        if (outputPosition == outputLimit && !decompress()) {
            return -1;
        }
        int count = Math.min(length, outputLimit - outputPosition);
        MemorySegment.copy(output, JAVA_BYTE, outputPosition, bytes, offset, count);
        outputPosition += count;
        return count;
    }

    @Override
    public void close() throws IOException {
        if (!closed) {
            closed = true;
            zstd.freeStream(stream);
            arena.close();
            in.close();
        }
    }

    /// Fills the output. False at the end of the last frame.
    private boolean decompress() throws IOException {
        outputDescription.set(JAVA_LONG, POSITION_AT, 0);
        boolean mayHoldBack = frameRest != 0;
        while (true) {
            if (isInputUsed()) {
                // What did not fit into the output last time comes without any input.
                if (!mayHoldBack && !fill()) {
                    if (frameRest != 0) {
                        throw new EOFException();
                    }
                    return false;
                }
                mayHoldBack = false;
            }
            frameRest = zstd.decompressStream(stream, outputDescription, inputDescription);
            if (zstd.isError(frameRest)) {
                throw new ZipException(zstd.errorName(frameRest));
            }
            outputPosition = 0;
            outputLimit = (int) outputDescription.get(JAVA_LONG, POSITION_AT);
            if (outputLimit > 0) {
                return true;
            }
        }
    }

    private boolean isInputUsed() {
        return inputDescription.get(JAVA_LONG, POSITION_AT) == inputDescription.get(JAVA_LONG, SIZE_AT);
    }

    private boolean fill() throws IOException {
        int count = in.read(chunk);
        if (count <= 0) {
            return false;
        }
        MemorySegment.copy(chunk, 0, input, JAVA_BYTE, 0, count);
        inputDescription.set(JAVA_LONG, SIZE_AT, count);
        inputDescription.set(JAVA_LONG, POSITION_AT, 0);
        return true;
    }

    private MemorySegment describe(MemorySegment buffer) {
        MemorySegment description = arena.allocate(DESCRIPTION_BYTES, Long.BYTES);
        description.set(ADDRESS, 0, buffer);
        description.set(JAVA_LONG, SIZE_AT, buffer.byteSize());
        return description;
    }
}
