package malloc4j.benchmarks;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/// Two ranges of letters, equal but for the first and last byte of the first, and who works on them.
@State(Scope.Thread)
public class ByteRanges {
    static final int FIRST = '<';
    static final int LAST = '>';
    static final int MOVE_BYTES = 64;

    private static final int ALIGNMENT = 64;
    private static final int SHORT_NEEDLE_BYTES = 6;
    private static final int LONG_NEEDLE_BYTES = 40;

    @Param({"16", "256", "4096", "1048576"})
    long byteSize;

    /// The distance of the ranges from a multiple of 64.
    @Param({"0", "5"})
    long misalignment;

    /// `address` or `segment`: what both are given.
    @Param({"address", "segment"})
    String form = "";

    @Param({"malloc4j", "libc"})
    String by = "";

    private final Arena arena = Arena.ofConfined();
    private ByteFunctions functions = new BytesByAddress();
    private MemorySegment text = MemorySegment.NULL;
    private MemorySegment copy = MemorySegment.NULL;
    private MemorySegment other = MemorySegment.NULL;
    private MemorySegment shortNeedle = MemorySegment.NULL;
    private MemorySegment longNeedle = MemorySegment.NULL;

    @Setup
    public void allocate() {
        functions = ByteFunctions.of(by, form);
        text = range(byteSize);
        Random random = new Random(25);
        for (long index = 0; index < byteSize; index++) {
            text.set(ValueLayout.JAVA_BYTE, index, (byte) ('a' + random.nextInt(26)));
        }
        text.set(ValueLayout.JAVA_BYTE, 0, (byte) FIRST);
        text.set(ValueLayout.JAVA_BYTE, byteSize - 1, (byte) LAST);
        copy = range(byteSize).copyFrom(text);
        other = range(byteSize + MOVE_BYTES);
        shortNeedle = needle(SHORT_NEEDLE_BYTES);
        longNeedle = needle(Math.min(byteSize, LONG_NEEDLE_BYTES));
    }

    @TearDown
    public void free() {
        arena.close();
    }

    private MemorySegment range(long bytes) {
        return arena.allocate(misalignment + bytes, ALIGNMENT).asSlice(misalignment);
    }

    /// The text's last bytes.
    private MemorySegment needle(long needleBytes) {
        return arena.allocate(needleBytes).copyFrom(text.asSlice(byteSize - needleBytes));
    }

    ByteFunctions functions() {
        return functions;
    }

    long byteSize() {
        return byteSize;
    }

    MemorySegment text() {
        return text;
    }

    /// The same bytes elsewhere.
    MemorySegment copy() {
        return copy;
    }

    /// Bytes to write to, [#MOVE_BYTES] more.
    MemorySegment other() {
        return other;
    }

    MemorySegment shortNeedle() {
        return shortNeedle;
    }

    MemorySegment longNeedle() {
        return longNeedle;
    }
}
