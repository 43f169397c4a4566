package malloc4j.cli.record;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;

/// Counts the events of a trace: its lines, but for those of its head.
final class EventCount {
    private static final int BUFFER_BYTES = 1 << 16;
    private static final byte COMMENT = '#';

    private EventCount() {}

    /// @param raw the file
    /// @param isCompressed by gzip; then what is cut off does not count
    static long of(InputStream raw, boolean isCompressed) throws IOException {
        long count = 0;
        boolean isEvent = false;
        boolean isLineBegin = true;
        byte[] buffer = new byte[BUFFER_BYTES];
        try {
            InputStream in = isCompressed ? new GZIPInputStream(raw, BUFFER_BYTES) : raw;
            for (int length = in.read(buffer); length >= 0; length = in.read(buffer)) {
                for (int index = 0; index < length; index++) {
                    isEvent = isLineBegin ? buffer[index] != COMMENT : isEvent;
                    isLineBegin = buffer[index] == '\n';
                    count += isLineBegin && isEvent ? 1 : 0;
                }
            }
        } catch (EOFException | ZipException cut) {
            return count; // the process was killed
        }
        return count;
    }
}
