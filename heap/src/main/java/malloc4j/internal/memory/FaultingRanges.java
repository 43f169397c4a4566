package malloc4j.internal.memory;

import java.util.Arrays;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicReference;

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
/// Lookups read one array and take no lock: it is never written after it was published, a change publishes another, by
/// compare-and-set.
/// A range is listed before its first segment is handed out, and struck off before it is unmapped.
public final class FaultingRanges {
    private static final AtomicReference<long[]> BOUNDS = new AtomicReference<>(new long[0]);

    private FaultingRanges() {}

    private static long[] bounds() {
        return Objects.requireNonNull(BOUNDS.get());
    }

    /// Lists `byteSize` bytes at `address`.
    ///
    /// @throws IllegalStateException if a part of them is listed already
    public static void add(long address, long byteSize) {
        long[] old;
        do {
            old = bounds();
        } while (!BOUNDS.compareAndSet(old, with(old, address, byteSize)));
    }

    private static long[] with(long[] old, long address, long byteSize) {
        int index = firstEndAbove(old, address);
        if (index < old.length && old[index] < address + byteSize) {
            throw new IllegalStateException(describe(address, byteSize) + " is listed already, from "
                    + describe(old[index], old[index + 1] - old[index]));
        }
        long[] grown = new long[old.length + 2];
        System.arraycopy(old, 0, grown, 0, index);
        grown[index] = address;
        grown[index + 1] = address + byteSize;
        System.arraycopy(old, index, grown, index + 2, old.length - index);
        return grown;
    }

    /// Strikes off a range that was listed by one call of [#add].
    ///
    /// @throws IllegalStateException if it is not listed
    public static void remove(long address, long byteSize) {
        long[] old;
        do {
            old = bounds();
        } while (!BOUNDS.compareAndSet(old, without(old, address, byteSize)));
    }

    private static long[] without(long[] old, long address, long byteSize) {
        int index = firstEndAbove(old, address);
        if (index == old.length || old[index] != address || old[index + 1] != address + byteSize) {
            throw new IllegalStateException(describe(address, byteSize) + " is not listed");
        }
        long[] shrunk = new long[old.length - 2];
        System.arraycopy(old, 0, shrunk, 0, index);
        System.arraycopy(old, index + 2, shrunk, index, shrunk.length - index);
        return shrunk;
    }

    /// Whether a listed range has a byte in common with `byteSize` bytes at `address`, at least one.
    public static boolean overlap(long address, long byteSize) {
        long[] now = bounds();
        return now.length != 0 && overlap(now, address, byteSize);
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

    private static boolean overlap(long[] now, long address, long byteSize) {
        int index = firstEndAbove(now, address);
        return index < now.length && now[index] < address + byteSize;
    }

    /// The index of the first range that ends above `address`; the array's length if there is none.
    private static int firstEndAbove(long[] bounds, long address) {
        int found = Arrays.binarySearch(bounds, address);
        if (found < 0) { // between two bounds: an end is next if we are inside of its range
            return ~found & ~1;
        }
        return (found + 1) & ~1; // at a start: its range; at an end: the next one
    }

    private static String describe(long address, long byteSize) {
        return byteSize + " bytes at 0x" + Long.toHexString(address);
    }
}
