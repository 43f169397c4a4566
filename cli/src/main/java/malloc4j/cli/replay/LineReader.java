package malloc4j.cli.replay;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.zip.ZipException;

/// The lines of a trace, one at a time, and the fields of the one that was read last: a letter, then numbers with one
/// space before each. What is wrong is a [TraceProblem] that names the line. About 0.1 us a line.
///
/// Strict, until [#allowRecording]: the data has to be whole, and no line may be longer than 4 KiB.
final class LineReader {
    private static final int BUFFER_BYTES = 1 << 16; // 64 KiB
    private static final int MAX_LINE_BYTES = 4096; // text may be long; an event needs below 70
    private static final int QUOTED_CHARACTERS = 40;

    private final Path file;
    private final InputStream in;
    private final Compression compression;
    private final byte[] buffer = new byte[BUFFER_BYTES];
    private int position;
    private int limit;

    private final byte[] line = new byte[MAX_LINE_BYTES];
    private int lineLength;
    private int cursor;
    private long lineNumber;

    private boolean recording;
    private boolean cutShort;

    LineReader(Path file, InputStream in, Compression compression) {
        this.file = file;
        this.in = in;
        this.compression = compression;
    }

    /// From here on the file is what a program wrote while another one ran, and both may have been killed: a line
    /// without an end is none and is left out, and so is what compressed data has lost. Of long lines only the
    /// beginning is kept.
    void allowRecording() {
        recording = true;
    }

    /// What is to be known of the end, where something was left out there: a sentence for people, or none.
    List<String> notes() {
        return cutShort ? List.of("the file is cut short: line " + lineNumber + " is its last whole one") : List.of();
    }

    /// Reads the next line, without its end; of a first line that is too long, the beginning. False at the end of the
    /// file, and then the line that is named stays the last one.
    boolean next() throws IOException, TraceProblem {
        lineNumber++;
        lineLength = 0;
        cursor = 1;
        boolean any = false;
        while (true) {
            if (position == limit && !fill()) {
                cutShort |= recording && any;
                if (!any || recording) {
                    lineNumber = Math.max(1, lineNumber - 1);
                    return false;
                }
                return true;
            }
            byte next = buffer[position++];
            if (next == '\n') {
                return true;
            }
            any = true;
            if (lineLength < MAX_LINE_BYTES) {
                line[lineLength++] = next;
            } else if (lineNumber == 1) {
                return true; // no format begins like that
            } else if (!recording) {
                throw problem("a line of more than " + MAX_LINE_BYTES + " bytes: " + quoted());
            }
        }
    }

    private boolean fill() throws IOException, TraceProblem {
        position = 0;
        limit = 0;
        try {
            limit = Math.max(0, cutShort ? 0 : in.read(buffer));
        } catch (EOFException e) {
            if (!recording) {
                throw problem(compression.problem(e));
            }
            cutShort = true;
        } catch (ZipException e) {
            throw problem(compression.problem(e));
        }
        return limit > 0;
    }

    /// Of the line that was read last, from 1.
    long lineNumber() {
        return lineNumber;
    }

    /// The line's first, or 0.
    char letter() {
        return lineLength == 0 ? 0 : (char) (line[0] & 0xff);
    }

    /// Whether the line goes on after the fields that were read.
    private boolean hasMore() {
        return cursor < lineLength;
    }

    /// The next field: one space, then decimal digits.
    ///
    /// @param form of the whole line, for people
    long decimal(String form) throws TraceProblem {
        return number(form, 10);
    }

    /// The next field: one space, then hexadecimal digits, the letters small.
    ///
    /// @param form of the whole line, for people
    long hexadecimal(String form) throws TraceProblem {
        return number(form, 16);
    }

    private long number(String form, int radix) throws TraceProblem {
        if (cursor >= lineLength || line[cursor++] != ' ') {
            throw malformed(form);
        }
        int start = cursor;
        long value = 0;
        while (cursor < lineLength) {
            int digit = digit(line[cursor]);
            if (digit >= radix) {
                break;
            }
            if (value > (Long.MAX_VALUE - digit) / radix) {
                throw problem("a number above 2^63 - 1: " + quoted());
            }
            value = value * radix + digit;
            cursor++;
        }
        if (cursor == start) {
            throw malformed(form);
        }
        return value;
    }

    private static int digit(byte letter) {
        if (letter >= '0' && letter <= '9') {
            return letter - '0';
        }
        return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : Integer.MAX_VALUE;
    }

    /// The rest: one space, then anything.
    ///
    /// @param form of the whole line, for people
    void skipText(String form) throws TraceProblem {
        if (!hasMore() || line[cursor] != ' ') {
            throw malformed(form);
        }
        cursor = lineLength;
    }

    /// @param form of the whole line, for people
    /// @throws TraceProblem if there is more
    void end(String form) throws TraceProblem {
        if (hasMore()) {
            throw malformed(form);
        }
    }

    TraceProblem malformed(String expected) {
        return problem("expected " + expected + ", found " + quoted());
    }

    TraceProblem problem(String reason) {
        return new TraceProblem(file, lineNumber, reason);
    }

    String text() {
        return new String(line, 0, lineLength, StandardCharsets.ISO_8859_1);
    }

    /// The line as it can be shown: short, and printable ASCII only.
    String quoted() {
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
