package malloc4j.process;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// Writes the core of a process that is stopped, as `gcore` does: headers, notes, and each private mapping that can be
/// written, with holes where it is zero.
public final class CoreWriter {
    private static final int HEADER_BYTES = 64;
    private static final int SEGMENT_BYTES = 56;
    private static final int PAGE_BYTES = 4096;
    private static final long MAX_MAPPING_BYTES = 1L << 30; // larger ones are the Java heap's reserve, and so on

    private record Range(long start, long end, String rights, long offset, String name) {
        boolean isWritten() {
            return rights.startsWith("rw") && rights.endsWith("p") && end - start <= MAX_MAPPING_BYTES;
        }
    }

    private CoreWriter() {}

    /// Writes it.
    ///
    /// @param keepsOut mappings whose name contains this are not in it, as with `madvise(MADV_DONTDUMP)`
    public static void write(long pid, Path core, String keepsOut) throws IOException {
        List<Range> ranges = new ArrayList<>();
        for (String line : Files.readAllLines(Path.of("/proc", Long.toString(pid), "maps"))) {
            String[] words = line.split(" +", 6);
            long start = Long.parseUnsignedLong(words[0].substring(0, words[0].indexOf('-')), 16);
            long end = Long.parseUnsignedLong(words[0].substring(words[0].indexOf('-') + 1), 16);
            if (start > 0) {
                ranges.add(new Range(start, end, words[1], Long.parseLong(words[2], 16), words[5]));
            }
        }
        byte[] notes = notes(pid, ranges);
        try (RandomAccessFile file = new RandomAccessFile(core.toFile(), "rw");
                RandomAccessFile memory = new RandomAccessFile("/proc/" + pid + "/mem", "r")) {
            long notesAt = HEADER_BYTES + (long) (ranges.size() + 1) * SEGMENT_BYTES;
            long at = (notesAt + notes.length + PAGE_BYTES - 1) & -PAGE_BYTES;
            ByteBuffer headers = buffer((int) notesAt);
            headers.put(new byte[] {0x7f, 'E', 'L', 'F', 2, 1, 1});
            headers.putShort(16, (short) 4)
                    .putShort(18, (short) 62)
                    .putInt(20, 1)
                    .putLong(32, HEADER_BYTES);
            headers.putShort(52, (short) HEADER_BYTES).putShort(54, (short) SEGMENT_BYTES);
            headers.putShort(56, (short) (ranges.size() + 1));
            segment(headers, 0, 4, 0, notesAt, 0, notes.length, notes.length);
            for (int index = 0; index < ranges.size(); index++) {
                Range range = ranges.get(index);
                boolean isKept = range.isWritten()
                        && (keepsOut.isEmpty() || !range.name().contains(keepsOut));
                long written = isKept ? range.end() - range.start() : 0;
                int flags = (range.rights().startsWith("r") ? 4 : 0)
                        | (range.rights().charAt(1) == 'w' ? 2 : 0)
                        | (range.rights().charAt(2) == 'x' ? 1 : 0);
                segment(headers, index + 1, 1, flags, at, range.start(), written, range.end() - range.start());
                copy(memory, range.start(), file, at, written);
                at += written;
            }
            file.setLength(at);
            file.seek(0);
            file.write(bytes(headers, headers.capacity()));
            file.write(notes);
        }
    }

    private static ByteBuffer buffer(int byteSize) {
        return ByteBuffer.allocate(byteSize).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static void segment(
            ByteBuffer headers,
            int index,
            int type,
            int flags,
            long offset,
            long address,
            long written,
            long byteSize) {
        int at = HEADER_BYTES + index * SEGMENT_BYTES;
        headers.putInt(at, type).putInt(at + 4, flags).putLong(at + 8, offset).putLong(at + 16, address);
        headers.putLong(at + 32, written).putLong(at + 40, byteSize).putLong(at + 48, PAGE_BYTES);
    }

    private static void copy(RandomAccessFile memory, long address, RandomAccessFile core, long at, long byteSize)
            throws IOException {
        byte[] page = new byte[PAGE_BYTES];
        byte[] zero = new byte[PAGE_BYTES];
        memory.seek(address);
        for (long done = 0; done < byteSize; done += PAGE_BYTES) {
            memory.readFully(page);
            if (!Arrays.equals(page, zero)) {
                core.seek(at + done);
                core.write(page);
            }
        }
    }

    private static byte[] notes(long pid, List<Range> ranges) {
        ByteBuffer notes = buffer(1 << 20);
        ByteBuffer process = buffer(136).putInt(24, (int) pid);
        process.put(40, "java".getBytes(StandardCharsets.US_ASCII));
        note(notes, 3, bytes(process, process.capacity()));
        note(notes, 6, bytes(buffer(32).putLong(0, 6).putLong(8, PAGE_BYTES), 32));
        List<Range> files =
                ranges.stream().filter(range -> range.name().startsWith("/")).toList();
        ByteBuffer table = buffer(16 + 24 * files.size()).putLong(files.size()).putLong(PAGE_BYTES);
        StringBuilder names = new StringBuilder();
        for (Range range : files) {
            table.putLong(range.start()).putLong(range.end()).putLong(range.offset() / PAGE_BYTES);
            names.append(range.name()).append('\0');
        }
        byte[] text = names.toString().getBytes(StandardCharsets.UTF_8);
        ByteBuffer content = buffer(table.capacity() + text.length);
        content.put(bytes(table, table.capacity())).put(text);
        note(notes, 0x46494c45, bytes(content, content.capacity()));
        return bytes(notes, notes.position());
    }

    private static byte[] bytes(ByteBuffer of, int length) {
        byte[] bytes = new byte[length];
        of.get(0, bytes);
        return bytes;
    }

    private static void note(ByteBuffer into, int type, byte[] content) {
        into.putInt(5).putInt(content.length).putInt(type).put("CORE\0\0\0\0".getBytes(StandardCharsets.US_ASCII));
        into.put(content);
        into.position((into.position() + 3) & ~3);
    }
}
