package malloc4j.internal.memory;

import java.lang.invoke.VarHandle;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;

/// Address ranges whose pages may vanish: mappings of files and shared memory that somebody else can cut short.
///
/// A touch of a vanished page raises `SIGBUS`. HotSpot turns it into an `InternalError` when Java code or one of
/// its own copying stubs touched the page, but native code that touches it ends the JVM. So whoever maps such a
/// range lists it here, and whoever would hand a segment to native code asks first.
///
/// ```
/// bounds    | start 0 | end 0 | start 1 | end 1 | ...      sorted; ranges do not overlap; [start, end)
/// ```
///
/// Lookups take no lock: they read the table, and once more if it was being changed meanwhile, which `SEQUENCE` tells.
/// A range is listed before its first segment is handed out, and struck off before it is unmapped. Room for it can be
/// [reserved][#reserve] before it is mapped; then neither listing it nor striking it off needs the Java heap.
///
/// Invariant: the first `length` words of `bounds` are sorted; `bounds` has two words more for each reservation.
///
/// Concurrency: `SEQUENCE` is odd while somebody changes the table, who is alone then, and makes no object; whoever
/// comes meanwhile spins.
public final class FaultingRanges {
    private static final int FIRST_LENGTH = 16;
    private static final AtomicInteger SEQUENCE = new AtomicInteger();
    private static volatile long[] bounds = new long[FIRST_LENGTH];
    private static volatile int length;
    private static int reserved; // ranges

    private FaultingRanges() {}

    private static void beginChange() {
        int before = SEQUENCE.get();
        while ((before & 1) != 0 || !SEQUENCE.compareAndSet(before, before + 1)) {
            Thread.onSpinWait();
            before = SEQUENCE.get();
        }
        VarHandle.fullFence(); // nobody sees a change before he can see that there is one
    }

    private static void endChange() {
        SEQUENCE.setRelease(SEQUENCE.getPlain() + 1);
    }

    /// Makes room for one range more, for [#addReserved] or [#release]. When there is none on the Java heap, nothing
    /// has changed.
    public static void reserve() {
        long[] more = bounds;
        while (!tryReserve(more)) {
            more = new long[2 * bounds.length];
        }
    }

    /// @param more the table, or a larger one to go on with
    private static boolean tryReserve(long[] more) {
        beginChange();
        long[] now = bounds;
        long[] table = now.length < more.length ? more : now;
        boolean fits = length + 2 * (reserved + 1) <= table.length;
        if (fits) {
            if (table != now) {
                System.arraycopy(now, 0, table, 0, length);
                bounds = table;
            }
            reserved++;
        }
        endChange();
        return fits;
    }

    /// Gives up room that was reserved and not used.
    public static void release() {
        beginChange();
        reserved--;
        endChange();
    }

    /// Lists `byteSize` bytes at `address`.
    ///
    /// @throws IllegalStateException if a part of them is listed already
    public static void add(long address, long byteSize) {
        reserve();
        addReserved(address, byteSize);
    }

    /// As [#add], into room that was reserved, which is used up.
    public static void addReserved(long address, long byteSize) {
        beginChange();
        reserved--;
        int count = length;
        int index = firstEndAbove(bounds, count, address);
        boolean isFree = index >= length || bounds[index] >= address + byteSize;
        if (isFree) {
            System.arraycopy(bounds, index, bounds, index + 2, length - index);
            bounds[index] = address;
            bounds[index + 1] = address + byteSize;
            length = count + 2;
        }
        long start = isFree ? 0 : bounds[index];
        long end = isFree ? 0 : bounds[index + 1];
        endChange();
        if (!isFree) {
            throw new IllegalStateException(
                    describe(address, byteSize) + " is listed already, from " + describe(start, end - start));
        }
    }

    /// Strikes off a range that was listed by one call of [#add].
    ///
    /// @throws IllegalStateException if it is not listed
    public static void remove(long address, long byteSize) {
        removeReserving(address, byteSize);
        release();
    }

    /// As [#remove], and keeps its room reserved: for what may have to be listed again.
    public static void removeReserving(long address, long byteSize) {
        beginChange();
        int count = length;
        int index = firstEndAbove(bounds, count, address);
        boolean isListed = index < count && bounds[index] == address && bounds[index + 1] == address + byteSize;
        if (isListed) {
            System.arraycopy(bounds, index + 2, bounds, index, count - index - 2);
            length = count - 2;
            reserved++;
        }
        endChange();
        if (!isListed) {
            throw new IllegalStateException(describe(address, byteSize) + " is not listed");
        }
    }

    /// Whether a listed range has a byte in common with `byteSize` bytes at `address`, at least one.
    public static boolean overlap(long address, long byteSize) {
        return length != 0 && overlapsListed(address, byteSize);
    }

    private static boolean overlapsListed(long address, long byteSize) {
        while (true) {
            int before = SEQUENCE.get();
            int count = length;
            long[] now = bounds; // never shorter than a length that was read before
            int index = firstEndAbove(now, count, address);
            boolean overlaps = index < count && now[index] < address + byteSize;
            VarHandle.acquireFence();
            if ((before & 1) == 0 && SEQUENCE.get() == before) {
                return overlaps;
            }
            Thread.onSpinWait();
        }
    }

    /// Comes back when the error for a vanished page of the range, if one was touched, has been thrown.
    public static void await(long address, long byteSize) {
        if (overlap(address, byteSize)) {
            await();
        }
    }

    /// Comes back when the error for a vanished page that this thread has touched, if it has, has been thrown. HotSpot
    /// throws it at the thread's next safepoint, which may come after the block that is to handle it; the way back
    /// from any native call is one.
    @SuppressWarnings("ThreadPriorityCheck") // not for its scheduling
    public static void await() {
        Thread.yield();
    }

    /// The index of the first range that ends above `address`; `count` if there is none.
    private static int firstEndAbove(long[] bounds, int count, long address) {
        int found = Arrays.binarySearch(bounds, 0, count, address);
        if (found < 0) { // between two bounds: an end is next if we are inside of its range
            return ~found & ~1;
        }
        return (found + 1) & ~1; // at a start: its range; at an end: the next one
    }

    private static String describe(long address, long byteSize) {
        return byteSize + " bytes at 0x" + Long.toHexString(address);
    }
}
