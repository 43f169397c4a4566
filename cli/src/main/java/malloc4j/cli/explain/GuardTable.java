package malloc4j.cli.explain;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import malloc4j.cli.CliException;
import org.jspecify.annotations.Nullable;

/// The file in which a heap kept what it had guarded, as `malloc4j.internal.sample.GuardFile` draws it.
final class GuardTable {
    private static final long MAGIC = 0x6472_6175_676a_346dL;
    private static final int HEADER_BYTES = 4096;
    private static final int VERSION = 1;
    private static final int RECORD_BYTES = 2048;
    private static final int MAX_RECORDS = 1 << 16;
    private static final int MAX_NAME_BYTES = 512;
    private static final int FIRST_TEXT = 48;
    private static final int SECOND_TEXT = 1044;
    private static final int TEXT_BYTES = 996;
    private static final int LIVE = 1;
    private static final int FREED = 2;

    private final Path path;
    private final ByteBuffer header;
    private final ByteBuffer records;

    private GuardTable(Path path, ByteBuffer header, ByteBuffer records) {
        this.path = path;
        this.header = header;
        this.records = records;
    }

    /// By whom a block was allocated or freed.
    ///
    /// @param nanos since the start of the process
    /// @param stack innermost first
    /// @param isCut whether there were more frames
    record Call(String thread, long nanos, List<String> stack, boolean isCut) {}

    /// A block that a slot had last.
    ///
    /// @param freed null while it is live
    record Block(
            long address,
            long byteSize,
            Call allocated,
            @Nullable Call freed) {
        /// How far an address is from it: 0 inside, negative before it, 1 for the first byte behind it.
        long offset(long touched) {
            if (touched < address) {
                return touched - address;
            }
            return Math.max(0, touched - address - byteSize + 1);
        }
    }

    /// Reads it.
    ///
    /// @throws CliException if it is no such file, or of another version
    static GuardTable read(Path path) {
        CrashFile.requireFile(path);
        try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "r")) {
            ByteBuffer header = bytes(file, HEADER_BYTES);
            if (header.remaining() < HEADER_BYTES || header.getLong(0) != MAGIC) {
                throw CliException.problem(path + ": is no file of guarded blocks");
            }
            if (header.getInt(8) != VERSION || header.getInt(12) != RECORD_BYTES) {
                throw CliException.problem(path + ": is of another version of malloc4j");
            }
            int count = header.getInt(68);
            if (count < 0 || count > MAX_RECORDS || isStrange(header)) {
                throw CliException.problem(path + ": is a file of guarded blocks that is broken");
            }
            return new GuardTable(path, header, bytes(file, count * RECORD_BYTES));
        } catch (IOException unreadable) {
            throw CliException.cannot(path + ": cannot be read: " + unreadable.getMessage());
        }
    }

    private static boolean isStrange(ByteBuffer header) {
        long guardBytes = header.getLong(48);
        long slotBytes = header.getLong(56);
        return guardBytes <= 0 || slotBytes <= 0 || guardBytes > 1 << 30 || slotBytes > 1 << 30;
    }

    private static ByteBuffer bytes(RandomAccessFile file, int most) throws IOException {
        byte[] bytes = new byte[(int) Math.min(most, file.length() - file.getFilePointer())];
        file.readFully(bytes);
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static String text(ByteBuffer from, int offset, int length) {
        byte[] bytes = new byte[length];
        from.get(offset, bytes);
        return new String(bytes, StandardCharsets.UTF_8);
    }

    Path path() {
        return path;
    }

    long pid() {
        return header.getLong(16);
    }

    long createdMillis() {
        return header.getLong(72);
    }

    String heapName() {
        int length = Math.clamp(header.getInt(92), 0, MAX_NAME_BYTES);
        return text(header, 96, length);
    }

    /// Whether an address lies in a slot, or a guard beside it.
    boolean contains(long address) {
        return Long.compareUnsigned(address - header.getLong(32), header.getLong(40)) < 0;
    }

    /// The block nearest to an address that its slot or one beside it has or had; null where none had any.
    @Nullable
    Block nearest(long address) {
        long slot = slot(address);
        Block nearest = null;
        for (long each = slot - 1; each <= slot + 1; each++) {
            Block block = isWhole(each) ? block(each) : null;
            if (block != null
                    && (nearest == null || Math.abs(block.offset(address)) < Math.abs(nearest.offset(address)))) {
                nearest = block;
            }
        }
        return nearest;
    }

    /// Whether the slot that an address is nearest to has a record that was not being written.
    boolean isTold(long address) {
        return isWhole(slot(address));
    }

    private long slot(long address) {
        long stride = header.getLong(48) + header.getLong(56);
        long last = Math.max(0, header.getInt(64) - 1L);
        return Math.clamp((address - header.getLong(32) - header.getLong(48)) / stride, 0, last);
    }

    private boolean isWhole(long slot) {
        if (slot < 0 || (slot + 1) * RECORD_BYTES > records.limit()) {
            return false;
        }
        int record = (int) slot * RECORD_BYTES;
        int sequence = records.getInt(record);
        return (sequence & 1) == 0 && sequence == records.getInt(record + 2040);
    }

    private @Nullable Block block(long slot) {
        int record = (int) slot * RECORD_BYTES;
        int state = records.getInt(record + 4);
        if (state != LIVE && state != FREED) {
            return null;
        }
        Call allocated = call(record + FIRST_TEXT, records.getInt(record + 40), records.getLong(record + 24));
        Call freed = state == LIVE
                ? null
                : call(record + SECOND_TEXT, records.getInt(record + 44), records.getLong(record + 32));
        return new Block(records.getLong(record + 8), records.getLong(record + 16), allocated, freed);
    }

    private Call call(int text, int byteSize, long nanos) {
        int length = Math.clamp(byteSize, 0, TEXT_BYTES);
        String[] lines = text(records, text, length).split("\n", -1);
        List<String> stack = List.of(lines).subList(1, lines.length).stream()
                .filter(line -> !line.isEmpty())
                .toList();
        boolean isCut = !stack.isEmpty() && stack.getLast().equals("...");
        return new Call(lines[0], nanos, isCut ? stack.subList(0, stack.size() - 1) : stack, isCut);
    }
}
