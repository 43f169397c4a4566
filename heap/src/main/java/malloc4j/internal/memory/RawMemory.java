package malloc4j.internal.memory;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;

/// Reads and writes memory by absolute address. Nothing else in this library dereferences one, but the warm malloc
/// and free, which do it by the handles here.
///
/// By handle, not by [MemorySegment#get]: the JIT inlines a hot caller until it has 18,000 nodes, and each access
/// here takes some 580 of them. Once they are used up it makes a call of every method of ours, and of these
/// accessors too; only what the JDK has marked, as it has its handles, is inlined all the same. So code that is
/// never to be torn into calls for single machine instructions uses [#LONG] and [#ATOMIC_LONG] on [#MEMORY] itself:
/// that of the warm malloc and free, and no other.
///
/// Behind it is one constant segment over the whole address space, which the JIT folds away: an access costs one
/// sign check more than the machine instruction. Nothing here checks that an address is mapped; the levels above
/// prove it before they come here.
///
/// Memory order is in the name: no suffix is a plain access, `Acquire`, `Release` and `Volatile` are those of
/// [VarHandle], and the `getAnd…` family is atomic with volatile effects. Atomic access needs natural alignment.
public final class RawMemory {
    /// How far an address is shifted left where it is stored for the warm path: read back by an unsigned shift, it is
    /// known to be small enough for the bounds of [#MEMORY], which costs no check.
    public static final int ADDRESS_SHIFT = 8;

    /// All addresses, for the handles below; none where native access is not granted.
    public static final MemorySegment MEMORY = everything();

    private static final boolean GRANTED = MEMORY.byteSize() != 0;

    private static final VarHandle INT = ValueLayout.JAVA_INT_UNALIGNED.varHandle();

    /// Plain access to 64 bits at any address.
    public static final VarHandle LONG = ValueLayout.JAVA_LONG_UNALIGNED.varHandle();

    /// Atomic access to 64 bits at a multiple of 8.
    public static final VarHandle ATOMIC_LONG = ValueLayout.JAVA_LONG.varHandle();

    private static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;
    private static final VarHandle ATOMIC_INT = ValueLayout.JAVA_INT.varHandle();
    private static final int MAX_SHORT_FILL = 128;

    private RawMemory() {}

    @SuppressWarnings("restricted")
    private static MemorySegment everything() {
        try {
            return MemorySegment.NULL.reinterpret(Long.MAX_VALUE);
        } catch (
                IllegalCallerException
                        denied) { // an initialiser that throws would be told once, and not be asked again
            return MemorySegment.NULL;
        }
    }

    /// Whether native access is granted: else [#MEMORY] has no bytes.
    public static boolean isGranted() {
        return GRANTED;
    }

    /// Asks for the grant of native access, for who reaches for memory without a system call or a heap, which ask for
    /// it themselves. Costs compiled code nothing.
    ///
    /// @throws IllegalCallerException if native access is not granted; it names the flag
    public static void requireGrant() {
        if (!GRANTED) {
            throw notGranted();
        }
    }

    private static IllegalCallerException notGranted() {
        Module module = RawMemory.class.getModule();
        String target = module.isNamed() ? module.getName() : "ALL-UNNAMED";
        return new IllegalCallerException(
                "malloc4j needs native access: start java with --enable-native-access=" + target);
    }

    /// Uses each access here once. Linking it makes objects, which is an `OutOfMemoryError` where the Java heap is
    /// full: that may come before a heap is made, but not between what must happen together.
    ///
    /// @param word the address of 8 bytes that nobody else uses, a multiple of 8
    public static void link(long word) {
        putByte(word, getByte(word));
        putInt(word, getInt(word));
        putIntRelease(word, getIntAcquire(word));
        putIntVolatile(word, getIntVolatile(word));
        boolean unusedInt = compareAndSetInt(word, 0, 0);
        putLong(word, getLong(word));
        putLongRelease(word, getLongVolatile(word));
        boolean unusedLong = compareAndSetLong(word, 0, 0);
        long unusedBits = getAndSetLong(word, 0) | getAndOrLong(word, 0) | getAndAndLong(word, 0);
        clear(word, Long.BYTES);
        fill(word, Long.BYTES, (byte) 0);
        copy(word, word, Long.BYTES);
    }

    public static byte getByte(long address) {
        return MEMORY.get(BYTE, address);
    }

    public static void putByte(long address, byte value) {
        MEMORY.set(BYTE, address, value);
    }

    public static int getInt(long address) {
        return (int) INT.get(MEMORY, address);
    }

    public static void putInt(long address, int value) {
        INT.set(MEMORY, address, value);
    }

    public static long getLong(long address) {
        return (long) LONG.get(MEMORY, address);
    }

    public static void putLong(long address, long value) {
        LONG.set(MEMORY, address, value);
    }

    public static int getIntVolatile(long address) {
        return (int) ATOMIC_INT.getVolatile(MEMORY, address);
    }

    public static int getIntAcquire(long address) {
        return (int) ATOMIC_INT.getAcquire(MEMORY, address);
    }

    public static void putIntRelease(long address, int value) {
        ATOMIC_INT.setRelease(MEMORY, address, value);
    }

    public static void putIntVolatile(long address, int value) {
        ATOMIC_INT.setVolatile(MEMORY, address, value);
    }

    public static boolean compareAndSetInt(long address, int expected, int value) {
        return ATOMIC_INT.compareAndSet(MEMORY, address, expected, value);
    }

    public static void putLongRelease(long address, long value) {
        ATOMIC_LONG.setRelease(MEMORY, address, value);
    }

    public static long getLongVolatile(long address) {
        return (long) ATOMIC_LONG.getVolatile(MEMORY, address);
    }

    public static boolean compareAndSetLong(long address, long expected, long value) {
        return ATOMIC_LONG.compareAndSet(MEMORY, address, expected, value);
    }

    public static long getAndSetLong(long address, long value) {
        return (long) ATOMIC_LONG.getAndSet(MEMORY, address, value);
    }

    public static long getAndOrLong(long address, long bits) {
        return (long) ATOMIC_LONG.getAndBitwiseOr(MEMORY, address, bits);
    }

    public static long getAndAndLong(long address, long bits) {
        return (long) ATOMIC_LONG.getAndBitwiseAnd(MEMORY, address, bits);
    }

    /// Sets `byteSize` bytes to `value`.
    ///
    /// HotSpot's fill is up to twice as fast where it is not a whole number of words, so a long one never is.
    public static void fill(long address, long byteSize, byte value) {
        if (byteSize > MAX_SHORT_FILL) {
            putByte(address + byteSize - 1, value);
            MEMORY.asSlice(address, (byteSize - 1) | 1).fill(value);
        } else {
            MEMORY.asSlice(address, byteSize).fill(value);
        }
    }

    /// Zeroes books, where [#fill] would make an object: between what must happen together, for the Java heap may be
    /// full.
    ///
    /// @param byteSize a multiple of 8
    public static void clear(long address, long byteSize) {
        for (long end = address + byteSize, word = address; word < end; word += Long.BYTES) {
            LONG.set(MEMORY, word, 0L);
        }
    }

    /// Copies `byteSize` bytes; the two ranges may overlap.
    public static void copy(long from, long to, long byteSize) {
        MemorySegment.copy(MEMORY, from, MEMORY, to, byteSize);
    }

    /// A segment over a range, alive for ever and open to every thread.
    public static MemorySegment segment(long address, long byteSize) {
        requireGrant();
        return MEMORY.asSlice(address, byteSize);
    }

    /// A segment over a range with the scope and thread rules of `arena`.
    @SuppressWarnings("restricted")
    public static MemorySegment segment(long address, long byteSize, Arena arena) {
        requireGrant();
        return MemorySegment.ofAddress(address).reinterpret(byteSize, arena, null);
    }

    /// Runs `action` when `arena` closes, by the garbage collector's doing for an automatic one.
    @SuppressWarnings("restricted")
    public static void onClose(Arena arena, Runnable action) {
        MemorySegment.NULL.reinterpret(0, arena, segment -> action.run());
    }
}
