package malloc4j.misuse;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.LongConsumer;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.TestHeaps;
import malloc4j.internal.memory.FaultingRanges;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.os.SystemCalls;
import malloc4j.observe.HeapStatistics;
import malloc4j.observe.MisuseReport;
import org.jspecify.annotations.Nullable;

/// A heap in a mode, and what a misuse of it needs.
final class Scene implements AutoCloseable {
    private static final String NAME = "victim";
    private static final long NEAR = 1 << 17; // more than a slot with its guards, and the next

    private final Mode mode;
    private final List<Heap> heaps = new ArrayList<>();
    private @Nullable Heap heap;
    private long concerned;
    private @Nullable HeapStatistics before;
    private LongConsumer listener = address -> {};

    Scene(Mode mode) {
        this.mode = mode;
    }

    /// What [Heap#verify] has found.
    static final class NotWholeException extends Exception {
        private static final long serialVersionUID = 1L;

        NotWholeException(AssertionError found) {
            super(found.getMessage(), found);
        }
    }

    Mode mode() {
        return mode;
    }

    /// The heap, made at the first call.
    Heap heap() {
        Heap known = heap;
        if (known == null) {
            known = open(Heap.create(options().build()));
            heap = known;
        }
        return known;
    }

    HeapOptions.Builder options() {
        return mode.options(NAME);
    }

    /// Another heap, which is closed with this.
    Heap another(HeapOptions options) {
        return open(Heap.create(options));
    }

    Heap another(String name) {
        return another(mode.options(name).build());
    }

    /// Another heap, whose every call goes to `calls`.
    Heap another(SystemCalls calls, HeapOptions options) {
        return open(TestHeaps.create(calls, options));
    }

    private Heap open(Heap opened) {
        heaps.add(opened);
        return opened;
    }

    /// The address that a report has to name; from here on nothing may change but by what is reported.
    long concern(long address) {
        concerned = address;
        listener.accept(address);
        before = heap().statistics();
        return address;
    }

    /// Tells `listener` of every such address, for when nobody is left to ask.
    void tellConcern(LongConsumer tellsIt) {
        listener = tellsIt;
    }

    long concerned() {
        return concerned;
    }

    /// Makes a call that is refused and changes nothing; what comes after it may.
    void settle(Runnable refused) {
        try {
            refused.run();
        } finally {
            requireUnchanged();
            before = null;
        }
    }

    void requireUnchanged() {
        requireLive(0);
    }

    void requireOneFreed() {
        requireLive(-1);
    }

    private void requireLive(int more) {
        HeapStatistics then = before;
        if (then != null) {
            HeapStatistics now = heap().statistics();
            assertThat(now.liveBlocks()).isEqualTo(then.liveBlocks() + more);
            if (more == 0) {
                assertThat(now.liveBytes()).isEqualTo(then.liveBytes());
            }
        }
    }

    /// Forgets the turn before, and what that has left to be found.
    void begin() {
        List<MisuseReport> unused = heap().findDamage();
        before = null;
        concerned = 0;
    }

    /// Writes bytes from an address on, one after the other, also backwards; the error of a guard is thrown here.
    static void write(long address, long count) {
        int step = count < 0 ? -1 : 1;
        for (long offset = 0; offset != count; offset += step) {
            RawMemory.putByte(address + offset, (byte) 0x5B);
        }
        FaultingRanges.await();
    }

    /// Reads a byte; the error of a guard is thrown here.
    static byte read(long address) {
        byte value = RawMemory.getByte(address);
        FaultingRanges.await();
        return value;
    }

    /// Checks the heap as a program would.
    void verify() throws NotWholeException {
        try {
            heap().verify();
        } catch (AssertionError found) {
            throw new NotWholeException(found);
        }
    }

    /// Blocks of a heap.
    static long[] blocks(Heap heap, int count, long byteSize) {
        long[] blocks = new long[count];
        for (int index = 0; index < count; index++) {
            blocks[index] = heap.malloc(byteSize);
        }
        return blocks;
    }

    /// The block in the midst of many, by address: with neighbours of its own size on each side, where it is not
    /// guarded.
    static long amid(long[] blocks) {
        return Arrays.stream(blocks).sorted().toArray()[blocks.length / 2];
    }

    /// The address of a freed block whose memory, without guards, one of the blocks has that are allocated after it;
    /// with guards, whose slot none of them has; in quarantine, whose memory none of them has.
    long stale(long[] holders, long byteSize) {
        while (true) {
            long stale = heap().malloc(byteSize);
            heap().free(stale);
            boolean isNear = false;
            for (int index = 0; index < holders.length; index++) {
                holders[index] = heap().malloc(byteSize);
                isNear |= mode.hasGuards() ? Math.abs(holders[index] - stale) < NEAR : holders[index] == stale;
            }
            if (isNear == (mode == Mode.OFF)) {
                return stale;
            }
        }
    }

    @Override
    public void close() {
        for (Heap each : heaps.reversed()) {
            each.close();
        }
    }
}
