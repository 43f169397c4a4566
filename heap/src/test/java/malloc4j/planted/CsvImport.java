package malloc4j.planted;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import malloc4j.Malloc;

/// Reads CSV lines into fields that a native driver could take as C strings, and keeps a window of the last rows.
public final class CsvImport {
    /// All memory, for fields that are known by their addresses.
    @SuppressWarnings("restricted")
    static final MemorySegment MEMORY = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

    record Field(long address, int length) {
        byte at(int index) {
            return MEMORY.get(ValueLayout.JAVA_BYTE, address + index);
        }

        long hash() {
            long hash = 7;
            for (int i = 0; i < length; i++) {
                hash = hash * 31 + at(i);
            }
            return hash;
        }
    }

    record Row(List<Field> fields) {
        void release() {
            for (Field field : fields) {
                Malloc.free(field.address());
            }
        }
    }

    /// Splits one line, with quotes as in RFC 4180.
    static final class Tokenizer {
        private final byte[] scratch = new byte[1 << 12];

        Row split(byte[] line) {
            List<Field> fields = new ArrayList<>(8);
            int from = 0;
            while (from <= line.length) {
                int to = endOfField(line, from);
                fields.add(isQuoted(line, from) ? quoted(line, from, to) : plain(line, from, to));
                from = to + 1;
            }
            return new Row(fields);
        }

        private static boolean isQuoted(byte[] line, int from) {
            return from < line.length && line[from] == '"';
        }

        private static int endOfField(byte[] line, int from) {
            boolean inQuotes = false;
            int i = from;
            while (i < line.length && (inQuotes || line[i] != ',')) {
                if (line[i] == '"') {
                    inQuotes = !inQuotes;
                }
                i++;
            }
            return i;
        }

        private Field quoted(byte[] line, int from, int to) {
            int length = 0;
            for (int i = from + 1; i < to - 1; i++) {
                if (line[i] == '"') {
                    i++;
                }
                scratch[length++] = line[i];
            }
            return FieldStore.store(scratch, 0, length, to - from);
        }

        private Field plain(byte[] line, int from, int to) {
            return FieldStore.store(line, from, to - from, to - from);
        }
    }

    /// Makes the C strings.
    static final class FieldStore {
        private FieldStore() {}

        static Field store(byte[] source, int offset, int length, int rawLength) {
            long address = Malloc.malloc(rawLength);
            if (address == 0) {
                throw new IllegalStateException("errno " + Malloc.errno());
            }
            MemorySegment.copy(source, offset, MEMORY, ValueLayout.JAVA_BYTE, address, length);
            MEMORY.set(ValueLayout.JAVA_BYTE, address + length, (byte) 0);
            return new Field(address, length);
        }
    }

    /// Lines of an imagined export: number, name, quoted remark, amount.
    static final class Export {
        private final Random random = new Random(11);
        private int number;

        byte[] nextLine() {
            String name = "customer-" + "x".repeat(random.nextInt(150));
            String remark = "\"said \"\"" + "y".repeat(random.nextInt(90)) + "\"\", then left\"";
            String amount = random.nextInt(1_000_000) + ".00";
            return (number++ + "," + name + "," + remark + "," + amount).getBytes(StandardCharsets.US_ASCII);
        }
    }

    public static void main(String[] args) {
        Tokenizer tokenizer = new Tokenizer();
        Export export = new Export();
        ArrayDeque<Row> window = new ArrayDeque<>();
        long hash = 0;
        long fields = 0;
        for (int i = 0; i < 150_000; i++) {
            Row row = tokenizer.split(export.nextLine());
            fields += row.fields().size();
            window.addLast(row);
            if (window.size() > 500) {
                Row oldest = window.removeFirst();
                for (Field field : oldest.fields()) {
                    hash ^= field.hash();
                }
                oldest.release();
            }
        }
        window.forEach(Row::release);
        System.out.println("imported " + fields + " fields, hash " + (hash != 0));
    }
}
