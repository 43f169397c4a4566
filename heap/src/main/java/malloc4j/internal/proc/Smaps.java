package malloc4j.internal.proc;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.Set;
import java.util.function.Consumer;
import malloc4j.observe.MappedRange;
import malloc4j.observe.MemoryUse;
import malloc4j.observe.MemoryUse.Figure;
import org.jspecify.annotations.Nullable;

/// Reads `/proc/PID/smaps`, `smaps_rollup` or `maps` as a stream, one mapping at a time.
///
/// ```
/// 7fbebd56e000-7fbebd570000 rw-p 001d3000 fe:00 339380    /usr/lib/x86_64-linux-gnu/libc.so.6     a header
/// Rss:                   8 kB                                                                     its figures
/// ...
/// VmFlags: rd wr mr mw me ac
/// ```
///
/// A header begins with a hexadecimal digit, which is lower case; every other line is a figure of the mapping above
/// it. Which figures there are, and in which order, differs from kernel to kernel: those that are not known are
/// passed over, those that are missing are 0. A last line without its newline, as where the process ends while it
/// is read, is left out. A header that makes no sense is counted in [#unknownLines], and what follows it is left
/// out.
///
/// The text of 60,000 mappings is some 45 MB, so no line becomes a string but its name.
public final class Smaps {
    private static final int BUFFER_BYTES = 1 << 16;
    private static final byte[][] NAMES = Arrays.stream(Figure.values())
            .map(figure -> figure.smapsName().getBytes(StandardCharsets.US_ASCII))
            .toArray(byte[][]::new);
    private static final byte[] VM_FLAGS = "VmFlags".getBytes(StandardCharsets.US_ASCII);

    private final InputStream in;
    private final byte[] buffer = new byte[BUFFER_BYTES];
    private int position;
    private int limit;

    private byte[] line = new byte[512];
    private int lineLength;
    private int cursor;

    private final boolean[] told = new boolean[NAMES.length];
    private int nextFigure;
    private int unknownLines;
    private String lastRights = "";
    private String lastFlags = "";

    private @Nullable MappedRange header;
    private final long[] figures = new long[NAMES.length];
    private String flags = "";

    private Smaps(InputStream in) {
        this.in = in;
    }

    /// What a reading was like, besides its mappings.
    ///
    /// @param told the figures that the kernel told of at least one mapping
    /// @param unknownLines headers that made no sense
    public record Summary(Set<Figure> told, int unknownLines) {}

    /// Reads to the end, and calls `each` with every mapping in the order of the text.
    ///
    /// @throws IOException if the stream fails; the mappings until then have been told
    public static Summary read(InputStream in, Consumer<MappedRange> each) throws IOException {
        Smaps smaps = new Smaps(in);
        while (smaps.nextLine()) {
            smaps.takeLine(each);
        }
        smaps.finish(each);
        Set<Figure> told = EnumSet.noneOf(Figure.class);
        for (Figure figure : Figure.values()) {
            if (smaps.told[figure.index()]) {
                told.add(figure);
            }
        }
        return new Summary(told, smaps.unknownLines);
    }

    /// Gathers the next line, without its newline. Returns false at the end.
    private boolean nextLine() throws IOException {
        lineLength = 0;
        while (true) {
            if (position == limit) {
                limit = in.read(buffer, 0, buffer.length);
                position = 0;
                if (limit <= 0) {
                    limit = 0;
                    return false;
                }
            }
            int start = position;
            while (position < limit && buffer[position] != '\n') {
                position++;
            }
            append(start, position - start);
            if (position < limit) {
                position++;
                return true;
            }
        }
    }

    private void append(int from, int count) {
        if (lineLength + count > line.length) {
            line = Arrays.copyOf(line, Math.max(2 * line.length, lineLength + count));
        }
        System.arraycopy(buffer, from, line, lineLength, count);
        lineLength += count;
    }

    private void takeLine(Consumer<MappedRange> each) {
        if (lineLength == 0) {
            return;
        }
        if (digit(line[0]) >= 0) {
            finish(each);
            header = parseHeader();
            unknownLines += header == null ? 1 : 0;
        } else if (header != null) {
            takeFigure();
        }
    }

    private void finish(Consumer<MappedRange> each) {
        MappedRange done = header;
        header = null;
        if (done != null) {
            each.accept(new MappedRange(
                    done.address(),
                    done.byteSize(),
                    done.rights(),
                    done.fileOffset(),
                    done.device(),
                    done.inode(),
                    done.name(),
                    flags,
                    MemoryUse.of(figures)));
        }
        Arrays.fill(figures, 0);
        flags = "";
        nextFigure = 0;
    }

    // Figures.

    private void takeFigure() {
        int colon = 0;
        while (colon < lineLength && line[colon] != ':') {
            colon++;
        }
        if (isName(VM_FLAGS, colon)) {
            flags = shared(lastFlags, text(colon + 1, lineLength).strip());
            lastFlags = flags;
            return;
        }
        for (int tried = 0; tried < NAMES.length; tried++) {
            int figure = (nextFigure + tried) % NAMES.length;
            if (isName(NAMES[figure], colon)) {
                long kib = decimal(colon + 1);
                if (kib >= 0) {
                    figures[figure] = kib << 10;
                    told[figure] = true;
                }
                nextFigure = figure + 1; // they come in the same order every time: the next guess is right
                return;
            }
        }
    }

    private boolean isName(byte[] name, int length) {
        return name.length == length && Arrays.equals(name, 0, length, line, 0, length);
    }

    /// The number that begins after blanks at `from`, or -1.
    private long decimal(int from) {
        int at = from;
        while (at < lineLength && line[at] == ' ') {
            at++;
        }
        long value = -1;
        while (at < lineLength && line[at] >= '0' && line[at] <= '9') {
            value = Math.max(value, 0) * 10 + line[at++] - '0';
        }
        return value;
    }

    // The header: hexadecimal-hexadecimal rights hexadecimal device decimal, blanks, name.

    private @Nullable MappedRange parseHeader() {
        cursor = 0;
        long start = hexadecimal('-');
        long end = hexadecimal(' ');
        String rights = word();
        long offset = hexadecimal(' ');
        String device = word();
        String inode = word();
        if (cursor < 0 || Long.compareUnsigned(start, end) >= 0 || rights.length() != 4 || !isDecimal(inode)) {
            return null;
        }
        while (cursor < lineLength && line[cursor] == ' ') {
            cursor++;
        }
        String name = cursor < lineLength ? text(cursor, lineLength) : "";
        rights = shared(lastRights, rights);
        lastRights = rights;
        return new MappedRange(
                start, end - start, rights, offset, device, Long.parseLong(inode), name, "", MemoryUse.NONE);
    }

    /// The number up to `terminator`, which is passed over. Sets the cursor to -1 where there is none.
    private long hexadecimal(char terminator) {
        long value = 0;
        int from = cursor;
        while (cursor >= 0 && cursor < lineLength && digit(line[cursor]) >= 0) {
            value = (value << 4) | digit(line[cursor++]);
        }
        boolean isGood = cursor > from && cursor - from <= 16 && cursor < lineLength && line[cursor] == terminator;
        cursor = isGood ? cursor + 1 : -1;
        return value;
    }

    /// The letters up to the next blank or the line's end; the blank is passed over.
    private String word() {
        if (cursor < 0) {
            return "";
        }
        int from = cursor;
        while (cursor < lineLength && line[cursor] != ' ') {
            cursor++;
        }
        String word = text(from, cursor);
        cursor = Math.min(cursor + 1, lineLength);
        return word;
    }

    private static boolean isDecimal(String word) {
        return !word.isEmpty() && word.length() <= 18 && word.chars().allMatch(c -> c >= '0' && c <= '9');
    }

    private static int digit(byte letter) {
        if (letter >= '0' && letter <= '9') {
            return letter - '0';
        }
        return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
    }

    private String text(int from, int to) {
        return new String(line, from, to - from, StandardCharsets.UTF_8);
    }

    /// The string seen last where it is the same: most mappings have the rights and flags of one of few.
    private static String shared(String last, String now) {
        return last.equals(now) ? last : now;
    }
}
