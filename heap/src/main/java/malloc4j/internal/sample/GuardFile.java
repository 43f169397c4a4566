package malloc4j.internal.sample;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import malloc4j.internal.memory.FaultingRanges;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.region.Ground;
import malloc4j.observe.MisuseReport.Call;

/// What the guarded blocks of a heap are and were, in a mapped file: another process reads it when this one has died of
/// touching a guard, which the kernel keeps though nobody wrote it out.
///
/// ```
///   the header, 4 KiB
///  |  0 magic, "m4jguard"        |  8 version, int            12 bytes of a record, int
///  | 16 pid                      | 24 its start, in the kernel's ticks since the machine's
///  | 32 address of the region    | 40 its bytes
///  | 48 bytes of a guard         | 56 bytes of a slot
///  | 64 slots, int               | 68 records, int: of the first slots
///  | 72 when the file was made, in milliseconds since 1970
///  | 80 the same, in nanoseconds since the start of the process
///  | 88 number of the heap, int  | 92 bytes of its name, int  | 96 its name, up to 512 bytes
///
///   then a record of 2 KiB for each slot
///  |  0 sequence, int            |  4 state, int: 0 no block yet, 1 live, 2 freed
///  |  8 address of the block     | 16 its bytes
///  | 24 when it was allocated    | 32 when it was freed, both in nanoseconds since the start of the process
///  | 40 bytes of the first text, int                          | 44 bytes of the second, int
///  | 48 by whom it was allocated, up to 996 bytes             | 1044 by whom it was freed, as many
///  | 2040 sequence, int
///
///   a text: the thread's name, then a line for each frame, innermost first; at last three dots if more follow
/// ```
///
/// Numbers are little-endian, texts UTF-8. A record whose sequences differ, or are odd, was being written.
///
/// Concurrency: a record is written by whoever has taken its slot, or is freeing the slot's block.
public final class GuardFile {
    /// The first eight bytes.
    public static final long MAGIC = 0x6472_6175_676a_346dL; // "m4jguard", the first letter lowest

    public static final int HEADER_BYTES = 4096;
    public static final int PID = 16;
    public static final int START_TICKS = 24;

    private static final int MAX_RECORDS = 1 << 14; // 32 MiB
    private static final int VERSION = 1;
    private static final int RECORD_BYTES = 2048;
    private static final int MAX_NAME_BYTES = 512;
    private static final int NAME = 96;
    private static final int LIVE = 1;
    private static final int FREED = 2;
    private static final int FIRST_TEXT = 48;
    private static final int TEXT_BYTES = 996;
    private static final int SECOND_TEXT = FIRST_TEXT + TEXT_BYTES;
    private static final int LAST_SEQUENCE = 2040;
    private static final int MAX_THREAD_BYTES = 120;
    private static final int MAX_LETTER_BYTES = 3;
    private static final String MORE = "...";

    private final Ground ground;
    private final long address;
    private final long byteSize;
    private final int recordCount;
    private final long startedNanos; // of the process, by the clock of the samples
    private final Runnable remover;
    private volatile boolean isCut; // by somebody, so that nothing can be written any more

    /// The mapping of a new file, which is counted as one.
    ///
    /// @param startedNanos when the process started, by the clock of the samples
    /// @param remover removes the file
    public GuardFile(Ground ground, long address, int slotCount, long startedNanos, Runnable remover) {
        this.ground = ground;
        this.address = address;
        this.byteSize = byteSize(slotCount);
        this.recordCount = Math.min(slotCount, MAX_RECORDS);
        this.startedNanos = startedNanos;
        this.remover = remover;
    }

    /// How large the file for so many slots is.
    public static long byteSize(int slotCount) {
        return HEADER_BYTES + (long) Math.min(slotCount, MAX_RECORDS) * RECORD_BYTES;
    }

    /// Who writes the file.
    public record Writer(long pid, long startTicks, long elapsedNanos, long epochMillis, int heapId, String heapName) {}

    /// Where the slots are.
    public record Region(long address, long byteSize, long guardBytes, long slotBytes, int slotCount) {}

    /// Writes the header, the magic at last.
    public void begin(Writer writer, Region region) {
        RawMemory.putInt(address + 8, VERSION);
        RawMemory.putInt(address + 12, RECORD_BYTES);
        RawMemory.putLong(address + PID, writer.pid);
        RawMemory.putLong(address + START_TICKS, writer.startTicks);
        RawMemory.putLong(address + 32, region.address);
        RawMemory.putLong(address + 40, region.byteSize);
        RawMemory.putLong(address + 48, region.guardBytes);
        RawMemory.putLong(address + 56, region.slotBytes);
        RawMemory.putInt(address + 64, region.slotCount);
        RawMemory.putInt(address + 68, recordCount);
        RawMemory.putLong(address + 72, writer.epochMillis);
        RawMemory.putLong(address + 80, writer.elapsedNanos);
        RawMemory.putInt(address + 88, writer.heapId);
        byte[] name = writer.heapName.getBytes(StandardCharsets.UTF_8);
        name = Arrays.copyOf(name, Math.min(name.length, MAX_NAME_BYTES));
        RawMemory.putInt(address + 92, name.length);
        for (int index = 0; index < name.length; index++) {
            RawMemory.putByte(address + NAME + index, name[index]);
        }
        RawMemory.putLongRelease(address, MAGIC);
    }

    /// The slot of a sample has a block, of which it does not know yet.
    void allocated(Sample sample, long block, long blockBytes) {
        if (isCut || sample.slot >= recordCount) {
            return;
        }
        try {
            long record = beginRecord(sample.slot);
            RawMemory.putInt(record + 4, LIVE);
            RawMemory.putLong(record + 8, block);
            RawMemory.putLong(record + 16, blockBytes);
            RawMemory.putLong(record + 24, sample.allocatedNanos - startedNanos);
            RawMemory.putLong(record + 32, 0);
            RawMemory.putInt(record + 40, putText(record + FIRST_TEXT, sample.thread, sample.site.stack));
            RawMemory.putInt(record + 44, 0);
            endRecord(sample.slot);
        } catch (InternalError cut) {
            isCut = true;
        }
    }

    /// The block of a sample is about to be freed.
    void freed(Sample sample) {
        if (isCut || sample.slot >= recordCount) {
            return;
        }
        try {
            Call call = sample.freed;
            long record = beginRecord(sample.slot);
            RawMemory.putInt(record + 4, FREED);
            RawMemory.putLong(record + 32, sample.freedNanos - startedNanos);
            RawMemory.putInt(
                    record + 44, call == null ? 0 : putText(record + SECOND_TEXT, call.thread(), call.stack()));
            endRecord(sample.slot);
        } catch (InternalError cut) {
            isCut = true;
        }
    }

    private long record(int slot) {
        return address + HEADER_BYTES + (long) slot * RECORD_BYTES;
    }

    private long beginRecord(int slot) {
        long record = record(slot);
        RawMemory.putIntVolatile(record, RawMemory.getInt(record) | 1);
        return record;
    }

    private void endRecord(int slot) {
        long record = record(slot);
        int sequence = RawMemory.getInt(record) + 1;
        RawMemory.putIntRelease(record + LAST_SEQUENCE, sequence);
        RawMemory.putIntRelease(record, sequence);
        FaultingRanges.await();
    }

    private static int putText(long text, String thread, List<StackTraceElement> stack) {
        long end = text + TEXT_BYTES;
        long at = putThread(text, end, thread);
        for (int index = 0; index < stack.size() && at > 0; index++) {
            at = putFrame(at, end, stack.get(index));
        }
        return (int) (Math.abs(at) - text);
    }

    private static long putThread(long at, long end, String thread) {
        return put(put(at, Math.min(end, at + MAX_THREAD_BYTES), thread), end, "\n");
    }

    /// Returns where the next one goes; where this one has no room beside three dots, minus the end of those.
    private static long putFrame(long at, long end, StackTraceElement frame) {
        int line = frame.getLineNumber();
        String file = frame.getFileName();
        String place = frame.isNativeMethod() ? "Native Method" : file == null ? "Unknown Source" : file;
        long limit = end - MORE.length();
        long next = put(at, limit, frame.getClassName());
        next = put(next, limit, ".");
        next = put(next, limit, frame.getMethodName());
        next = put(next, limit, "(");
        next = put(next, limit, place);
        if (line >= 0 && !frame.isNativeMethod() && file != null) {
            next = putNumber(put(next, limit, ":"), limit, line);
        }
        next = put(put(next, limit, ")"), limit, "\n");
        return next < limit ? next : -put(at, end, MORE);
    }

    private static long putNumber(long at, long end, int number) {
        long next = number >= 10 ? putNumber(at, end, number / 10) : at;
        return putByte(next, end, '0' + number % 10);
    }

    /// Puts a text as UTF-8, without making anything: the Java heap may be full. Returns where it ends, at most `end`.
    private static long put(long at, long end, String text) {
        long next = at;
        for (int index = 0; index < text.length(); index++) {
            char letter = text.charAt(index);
            if (letter < 0x80) {
                next = putByte(next, end, letter);
            } else if (end - next < MAX_LETTER_BYTES) {
                return next;
            } else if (Character.isSurrogate(letter)) {
                next = putByte(next, end, '?');
            } else if (letter < 0x800) {
                next = putByte(putByte(next, end, 0xc0 | (letter >> 6)), end, 0x80 | (letter & 0x3f));
            } else {
                next = putByte(next, end, 0xe0 | (letter >> 12));
                next = putByte(putByte(next, end, 0x80 | ((letter >> 6) & 0x3f)), end, 0x80 | (letter & 0x3f));
            }
        }
        return next;
    }

    private static long putByte(long at, long end, int value) {
        if (at >= end) {
            return end;
        }
        RawMemory.putByte(at, (byte) value);
        return at + 1;
    }

    /// Removes the file, and its mapping. Nobody frees or allocates any more.
    void close() {
        remover.run();
        if (ground.calls().munmap(address, byteSize) == 0) {
            ground.mappings().release(1);
        }
    }
}
