package malloc4j.bytes;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;
import malloc4j.internal.memory.RawMemory;

/// Memory operations by C's names, over segments and over raw addresses.
///
/// ```java
/// import java.lang.foreign.Arena;
/// import java.lang.foreign.MemorySegment;
/// import malloc4j.bytes.Bytes;
///
/// void main() {
///     try (Arena arena = Arena.ofConfined()) {
///         MemorySegment line = arena.allocateFrom("key=value; key=other");
///         long equals = Bytes.memchr(line, '=');
///         MemorySegment second = MemorySegment.ofArray("key=o".getBytes());
///         long found = Bytes.memmem(line, second);
///         Bytes.memset(line, found, '*', second.byteSize());
///         if (equals != 3 || !line.getString(0).equals("key=value; *****ther")) throw new AssertionError();
///         Bytes.explicitBzero(line);
///         if (Bytes.memchr(line, 0) != 0) throw new AssertionError();
///     }
/// }
/// ```
///
/// | | segments | addresses |
/// |---|---|---|
/// | a range out of bounds | `IndexOutOfBoundsException` | **not checked**, as in C: the JVM may die |
/// | a null, a negative size | `NullPointerException`, the same | `IllegalArgumentException` |
/// | closed, or another thread's | `IllegalStateException`, `WrongThreadException` | not checked |
/// | read-only | `IllegalArgumentException`, as from the JDK | `SIGSEGV`, the JVM dies |
/// | over a file that was cut short | `InternalError`, as from the JDK | `SIGBUS`, the JVM dies |
/// | without native access | yes, in Java | `IllegalCallerException` |
/// | memory of Java arrays | yes | has no address |
/// | found | the offset in the segment | the address |
/// | not found | -1 | 0, C's null |
///
/// A value is C's `int`, of which the lowest 8 bits count: `'='`, `0xFF` and `-1` are all allowed, the last two are
/// the same. A range of zero bytes is allowed anywhere within a segment's bounds and, as in C2y, at any address.
///
/// **Speed.** Short ranges are handled in Java, longer ones by what is fastest: the JDK's own copy and fill, or the
/// C library's functions by critical calls, in pieces of 1 MiB, between which the JVM can stop for a safepoint. A
/// segment of a shared arena that is being searched or compared so cannot be closed meanwhile: `close` throws
/// `IllegalStateException`. In the Java heap and over mapped files segments are searched in Java. The first use
/// that calls the C library links it, which takes tens of milliseconds.
///
/// No method keeps anything; any thread may call any of them. As in C, two threads that use the same bytes while
/// one writes need an order of their own.
///
/// @source C23 7.26 (`string.h`); [memmem(3)](https://man7.org/linux/man-pages/man3/memmem.3.html),
///     [memchr(3)](https://man7.org/linux/man-pages/man3/memchr.3.html) for `memrchr`,
///     [bzero(3)](https://man7.org/linux/man-pages/man3/bzero.3.html) for `explicit_bzero`
/// @since 0.1.0
public final class Bytes {
    private static final int MAX_SHORT_SET = 64; // by address
    private static final int MAX_SHORT_MOVE = 32; // by address
    private static final int MAX_SHORT_SEARCH = 16;

    // Below and above HotSpot sets and copies segments at least as fast as the C library.
    private static final int MIN_MEDIUM_SET = 32;
    private static final int MIN_MEDIUM_MOVE = 65;
    private static final int MAX_MEDIUM = 512;

    private Bytes() {}

    // Segments.

    /// Sets every byte to `value`.
    ///
    /// @throws IllegalArgumentException if the segment is read-only
    public static void memset(MemorySegment segment, int value) {
        memset(segment, 0, value, segment.byteSize());
    }

    /// Sets `byteSize` bytes from `offset` on to `value`.
    ///
    /// @throws IndexOutOfBoundsException if the range is not within the segment
    /// @throws IllegalArgumentException if the segment is read-only
    public static void memset(MemorySegment segment, long offset, int value, long byteSize) {
        checkRange(segment, offset, byteSize);
        if (byteSize < MIN_MEDIUM_SET) {
            segment.asSlice(offset, byteSize).fill((byte) value);
        } else if (byteSize <= MAX_MEDIUM && !segment.isReadOnly() && CLibrary.takes(segment, offset, byteSize)) {
            CLibrary.memset(segment, offset, value, byteSize);
        } else {
            // HotSpot's fill is up to twice as fast where it is not a whole number of words, so it never is.
            segment.set(JAVA_BYTE, offset + byteSize - 1, (byte) value);
            segment.asSlice(offset, (byteSize - 1) | 1).fill((byte) value);
        }
    }

    /// Copies `byteSize` bytes, destination first as in C. Overlapping ranges, which C leaves undefined here, are
    /// copied as by [#memmove].
    ///
    /// @throws IndexOutOfBoundsException if a range is not within its segment
    /// @throws IllegalArgumentException if the destination is read-only
    public static void memcpy(
            MemorySegment destination, long destinationOffset, MemorySegment source, long sourceOffset, long byteSize) {
        memmove(destination, destinationOffset, source, sourceOffset, byteSize);
    }

    /// Copies `byteSize` bytes, destination first as in C, as if by way of a third place: the ranges may overlap.
    ///
    /// @throws IndexOutOfBoundsException if a range is not within its segment
    /// @throws IllegalArgumentException if the destination is read-only
    public static void memmove(
            MemorySegment destination, long destinationOffset, MemorySegment source, long sourceOffset, long byteSize) {
        checkRange(destination, destinationOffset, byteSize);
        checkRange(source, sourceOffset, byteSize);
        if (byteSize >= MIN_MEDIUM_MOVE
                && byteSize <= MAX_MEDIUM
                && !destination.isReadOnly()
                && CLibrary.takes(destination, destinationOffset, byteSize)
                && CLibrary.takes(source, sourceOffset, byteSize)) {
            CLibrary.memmove(destination, destinationOffset, source, sourceOffset, byteSize);
        } else {
            MemorySegment.copy(source, sourceOffset, destination, destinationOffset, byteSize);
        }
    }

    /// Compares two whole segments; of two that agree as far as the shorter goes, the shorter is less.
    ///
    /// @return as [#memcmp(MemorySegment, long, MemorySegment, long, long)]
    public static int memcmp(MemorySegment left, MemorySegment right) {
        int difference = memcmp(left, 0, right, 0, Math.min(left.byteSize(), right.byteSize()));
        return difference != 0 ? difference : Long.compare(left.byteSize(), right.byteSize());
    }

    /// Compares `byteSize` bytes as unsigned ones. Not in constant time: it ends at the first difference.
    ///
    /// @return 0 if they are equal, negative if at the first difference `left` is less, positive if it is greater
    /// @throws IndexOutOfBoundsException if a range is not within its segment
    public static int memcmp(
            MemorySegment left, long leftOffset, MemorySegment right, long rightOffset, long byteSize) {
        checkRange(left, leftOffset, byteSize);
        checkRange(right, rightOffset, byteSize);
        if (byteSize <= MAX_SHORT_SEARCH) {
            return ShortRanges.compare(left, leftOffset, right, rightOffset, byteSize);
        }
        if (CLibrary.takes(left, leftOffset, byteSize) && CLibrary.takes(right, rightOffset, byteSize)) {
            return CLibrary.memcmp(left, leftOffset, right, rightOffset, byteSize);
        }
        long index = ByteSearch.mismatch(left, leftOffset, right, rightOffset, byteSize);
        return index == byteSize
                ? 0
                : Byte.compareUnsigned(
                        left.get(JAVA_BYTE, leftOffset + index), right.get(JAVA_BYTE, rightOffset + index));
    }

    /// The offset of the first byte that is `value`, or -1.
    public static long memchr(MemorySegment segment, int value) {
        return memchr(segment, 0, value, segment.byteSize());
    }

    /// Searches `byteSize` bytes from `offset` on.
    ///
    /// @return the offset in the segment of the first byte that is `value`, or -1
    /// @throws IndexOutOfBoundsException if the range is not within the segment
    public static long memchr(MemorySegment segment, long offset, int value, long byteSize) {
        checkRange(segment, offset, byteSize);
        if (byteSize <= MAX_SHORT_SEARCH && ShortRanges.inOnePage(segment.address() + offset, byteSize)) {
            long index = ShortRanges.first(segment, offset, value, byteSize);
            return index < 0 ? -1 : offset + index;
        }
        return CLibrary.takes(segment, offset, byteSize)
                ? CLibrary.memchr(segment, offset, value, byteSize)
                : ByteSearch.first(segment, offset, offset + byteSize, value);
    }

    /// The offset of the last byte that is `value`, or -1.
    public static long memrchr(MemorySegment segment, int value) {
        return memrchr(segment, 0, value, segment.byteSize());
    }

    /// Searches `byteSize` bytes from `offset` on, the last one first.
    ///
    /// @return the offset in the segment of the last byte that is `value`, or -1
    /// @throws IndexOutOfBoundsException if the range is not within the segment
    public static long memrchr(MemorySegment segment, long offset, int value, long byteSize) {
        checkRange(segment, offset, byteSize);
        if (byteSize <= MAX_SHORT_SEARCH && ShortRanges.inOnePage(segment.address() + offset, byteSize)) {
            long index = ShortRanges.last(segment, offset, value, byteSize);
            return index < 0 ? -1 : offset + index;
        }
        return CLibrary.takes(segment, offset, byteSize)
                ? CLibrary.memrchr(segment, offset, value, byteSize)
                : ByteSearch.last(segment, offset, offset + byteSize, value);
    }

    /// The offset in `haystack` at which `needle` first occurs, or -1.
    ///
    /// @see #memmem(MemorySegment, long, long, MemorySegment, long, long)
    public static long memmem(MemorySegment haystack, MemorySegment needle) {
        return memmem(haystack, 0, haystack.byteSize(), needle, 0, needle.byteSize());
    }

    /// Searches `haystackBytes` bytes from `haystackOffset` on for the `needleBytes` bytes from `needleOffset` on.
    /// The time grows with the sum of both sizes, whatever the bytes are. An empty needle is found at the start.
    ///
    /// @return the offset in `haystack` of the first occurrence, or -1
    /// @throws IndexOutOfBoundsException if a range is not within its segment
    /// @implNote The C library's `memmem`, which may be quadratic, is asked only where both ranges are small.
    public static long memmem(
            MemorySegment haystack,
            long haystackOffset,
            long haystackBytes,
            MemorySegment needle,
            long needleOffset,
            long needleBytes) {
        checkRange(haystack, haystackOffset, haystackBytes);
        checkRange(needle, needleOffset, needleBytes);
        if (needleBytes == 0) {
            return haystackOffset;
        }
        if (needleBytes > haystackBytes) {
            return -1;
        }
        if (needleBytes == 1) {
            return memchr(haystack, haystackOffset, needle.get(JAVA_BYTE, needleOffset), haystackBytes);
        }
        if (CLibrary.isFastMemmem(haystackBytes, needleBytes)
                && CLibrary.takes(haystack, haystackOffset, haystackBytes)
                && CLibrary.takes(needle, needleOffset, needleBytes)) {
            return CLibrary.memmem(haystack, haystackOffset, haystackBytes, needle, needleOffset, needleBytes);
        }
        long found = new NeedleSearch(
                        haystack.asSlice(haystackOffset, haystackBytes), needle.asSlice(needleOffset, needleBytes))
                .find();
        return found < 0 ? -1 : haystackOffset + found;
    }

    /// Sets every byte to zero, and not even the JIT may leave it out.
    ///
    /// @throws IllegalArgumentException if the segment is read-only
    /// @see #explicitBzero(MemorySegment, long, long)
    public static void explicitBzero(MemorySegment segment) {
        explicitBzero(segment, 0, segment.byteSize());
    }

    /// Sets `byteSize` bytes from `offset` on to zero, and not even the JIT may leave it out though nothing reads
    /// them again. For secrets that have served.
    ///
    /// Copies elsewhere stay: in registers, on stacks, in swap. A secret in a Java array may have been copied by
    /// the garbage collector, so keep it outside the Java heap.
    ///
    /// @throws IndexOutOfBoundsException if the range is not within the segment
    /// @throws IllegalArgumentException if the segment is read-only
    public static void explicitBzero(MemorySegment segment, long offset, long byteSize) {
        memset(segment, offset, 0, byteSize);
        VarHandle.fullFence(); // every store before it must have happened for whoever looks after it
    }

    // Addresses.

    /// Sets `byteSize` bytes to `value`.
    ///
    /// @return `address`
    /// @throws IllegalArgumentException if the range is not one of addresses
    public static long memset(long address, int value, long byteSize) {
        checkRange("memset", address, byteSize);
        set(address, value, byteSize);
        return address;
    }

    /// Copies `byteSize` bytes. Overlapping ranges, which C leaves undefined here, are copied as by [#memmove].
    ///
    /// @return `destination`
    /// @throws IllegalArgumentException if a range is not one of addresses
    public static long memcpy(long destination, long source, long byteSize) {
        checkRanges("memcpy", destination, source, byteSize);
        move(destination, source, byteSize);
        return destination;
    }

    /// Copies `byteSize` bytes as if by way of a third place: the ranges may overlap.
    ///
    /// @return `destination`
    /// @throws IllegalArgumentException if a range is not one of addresses
    public static long memmove(long destination, long source, long byteSize) {
        checkRanges("memmove", destination, source, byteSize);
        move(destination, source, byteSize);
        return destination;
    }

    /// Compares `byteSize` bytes as unsigned ones. Not in constant time: it ends at the first difference.
    ///
    /// @return 0 if they are equal, negative if at the first difference `left` is less, positive if it is greater
    /// @throws IllegalArgumentException if a range is not one of addresses
    public static int memcmp(long left, long right, long byteSize) {
        checkRanges("memcmp", left, right, byteSize);
        return byteSize <= MAX_SHORT_SEARCH
                ? ShortRanges.compare(left, right, byteSize)
                : CLibrary.memcmp(left, right, byteSize);
    }

    /// The address of the first byte that is `value`, or 0. No page behind that byte is touched: as in C, `byteSize`
    /// may reach beyond the memory, up to [Long#MAX_VALUE], where the byte is known to be there.
    ///
    /// @throws IllegalArgumentException if `address` is 0 or negative, or `byteSize` is negative
    public static long memchr(long address, int value, long byteSize) {
        long above = Long.MAX_VALUE - Math.max(address, 0); // how many addresses there are
        long readable = Math.min(byteSize, Math.max(above, 1));
        checkRange("memchr", address, readable);
        if (readable <= MAX_SHORT_SEARCH && ShortRanges.inOnePage(address, readable)) {
            long index = ShortRanges.first(address, value, readable);
            return index < 0 ? 0 : address + index;
        }
        return CLibrary.memchr(address, value, readable);
    }

    /// The address of the last byte that is `value`, or 0. No page before that byte is touched.
    ///
    /// @throws IllegalArgumentException if the range is not one of addresses
    public static long memrchr(long address, int value, long byteSize) {
        checkRange("memrchr", address, byteSize);
        if (byteSize <= MAX_SHORT_SEARCH && ShortRanges.inOnePage(address, byteSize)) {
            long index = ShortRanges.last(address, value, byteSize);
            return index < 0 ? 0 : address + index;
        }
        return CLibrary.memrchr(address, value, byteSize);
    }

    /// The address at which the needle first occurs in the haystack, or 0. The time grows with the sum of both
    /// sizes, whatever the bytes are. An empty needle is found at `haystack`.
    ///
    /// @throws IllegalArgumentException if a range is not one of addresses
    public static long memmem(long haystack, long haystackBytes, long needle, long needleBytes) {
        checkRange("memmem", haystack, haystackBytes);
        checkRange("memmem", needle, needleBytes);
        if (needleBytes == 0) {
            return haystack;
        }
        if (needleBytes > haystackBytes) {
            return 0;
        }
        if (needleBytes == 1) {
            return memchr(haystack, RawMemory.getByte(needle), haystackBytes);
        }
        if (CLibrary.isFastMemmem(haystackBytes, needleBytes)) {
            return CLibrary.memmem(haystack, haystackBytes, needle, needleBytes);
        }
        long found = new NeedleSearch(
                        RawMemory.segment(haystack, haystackBytes), RawMemory.segment(needle, needleBytes))
                .find();
        return found < 0 ? 0 : haystack + found;
    }

    /// Sets `byteSize` bytes to zero, and not even the JIT may leave it out.
    ///
    /// @throws IllegalArgumentException if the range is not one of addresses
    /// @see #explicitBzero(MemorySegment, long, long)
    public static void explicitBzero(long address, long byteSize) {
        checkRange("explicitBzero", address, byteSize);
        set(address, 0, byteSize);
        VarHandle.fullFence();
    }

    private static void set(long address, int value, long byteSize) {
        if (byteSize <= MAX_SHORT_SET) {
            ShortRanges.set(address, value, byteSize);
        } else {
            CLibrary.memset(address, value, byteSize);
        }
    }

    private static void move(long destination, long source, long byteSize) {
        if (byteSize <= MAX_SHORT_MOVE) {
            ShortRanges.move(destination, source, byteSize);
        } else {
            CLibrary.memmove(destination, source, byteSize);
        }
    }

    // Checks.

    private static void checkRange(MemorySegment segment, long offset, long byteSize) {
        if ((offset | byteSize) < 0 || byteSize > segment.byteSize() - offset) {
            throw outOfBounds(segment, offset, byteSize);
        }
    }

    private static IndexOutOfBoundsException outOfBounds(MemorySegment segment, long offset, long byteSize) {
        return new IndexOutOfBoundsException("offset=" + offset + ", byteSize=" + byteSize
                + ": must lie within the segment's " + segment.byteSize() + " bytes");
    }

    /// No range begins at 0, below it, or ends beyond the largest `long`; one of zero bytes is no range.
    private static void checkRange(String function, long address, long byteSize) {
        RawMemory.requireGrant();
        if (((address - 1) | byteSize | (address + byteSize)) < 0 && byteSize != 0) {
            throw noRange(function, address, byteSize);
        }
    }

    /// Both checks at the cost of one.
    private static void checkRanges(String function, long one, long other, long byteSize) {
        RawMemory.requireGrant();
        if (((one - 1) | (other - 1) | byteSize | (one + byteSize) | (other + byteSize)) < 0) {
            checkRange(function, one, byteSize);
            checkRange(function, other, byteSize);
        }
    }

    private static IllegalArgumentException noRange(String function, long address, long byteSize) {
        return new IllegalArgumentException(function + "(address=0x" + Long.toHexString(address) + ", byteSize="
                + byteSize + " bytes): an address is from 1, a size from 0, and their sum at most " + Long.MAX_VALUE);
    }
}
