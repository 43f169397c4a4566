package malloc4j.peers;

import static java.lang.invoke.MethodType.methodType;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.reflect.Field;
import java.util.BitSet;

/// `sun.misc.Unsafe`, as many libraries of today allocate: libc's malloc behind the JVM's own accounting.
///
/// It is reached through constant method handles, which compile to the direct call; the class itself cannot be
/// named without a compiler warning. There is no aligned allocation: such a block is cut from a larger one, whose
/// address and the wanted size are kept in the two words before it.
final class UnsafeAllocator implements Allocator {
    private static final long HEADER_BYTES = 2 * Long.BYTES;
    private static final MethodHandle ALLOCATE;
    private static final MethodHandle REALLOCATE;
    private static final MethodHandle SET;
    private static final MethodHandle FREE;

    static {
        try {
            Class<?> unsafeClass = Class.forName("sun.misc.Unsafe");
            Field theUnsafe = unsafeClass.getDeclaredField("theUnsafe");
            theUnsafe.setAccessible(true);
            Object unsafe = theUnsafe.get(null);
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            ALLOCATE = lookup.findVirtual(unsafeClass, "allocateMemory", methodType(long.class, long.class))
                    .bindTo(unsafe);
            REALLOCATE = lookup.findVirtual(
                            unsafeClass, "reallocateMemory", methodType(long.class, long.class, long.class))
                    .bindTo(unsafe);
            SET = lookup.findVirtual(
                            unsafeClass, "setMemory", methodType(void.class, long.class, long.class, byte.class))
                    .bindTo(unsafe);
            FREE = lookup.findVirtual(unsafeClass, "freeMemory", methodType(void.class, long.class))
                    .bindTo(unsafe);
        } catch (ReflectiveOperationException e) {
            throw new AllocatorAbsent("this JDK has no usable sun.misc.Unsafe: " + e);
        }
    }

    /// For each ID, 1 while its block was cut from a larger one. Not looked at before the first of these, so that
    /// frees of others carry no load from a table.
    private byte[] aligned = new byte[0];

    private boolean anyAligned;

    @Override
    public String version() {
        return Peers.jdk();
    }

    @Override
    public void prepare(int blockCount, BitSet crossing) {
        aligned = new byte[blockCount];
    }

    @Override
    public long malloc(int id, long byteSize) {
        try {
            return (long) ALLOCATE.invokeExact(byteSize);
        } catch (Throwable e) {
            throw rethrow(e);
        }
    }

    @Override
    public long calloc(int id, long byteSize) {
        long address = malloc(id, byteSize);
        if (address != 0) {
            try {
                SET.invokeExact(address, byteSize, (byte) 0);
            } catch (Throwable e) {
                throw rethrow(e);
            }
        }
        return address;
    }

    @Override
    public long memalign(int id, long byteAlignment, long byteSize) {
        long mask = Math.max(byteAlignment, HEADER_BYTES) - 1;
        long base = malloc(id, HEADER_BYTES + mask + byteSize);
        long address = (base + HEADER_BYTES + mask) & ~mask;
        Memory.putLong(address - HEADER_BYTES, base);
        Memory.putLong(address - Long.BYTES, byteSize);
        aligned[id] = 1;
        anyAligned = true;
        return address;
    }

    @Override
    public long realloc(int id, long address, long byteSize) {
        if (isAligned(id)) {
            return reallocAligned(id, address, byteSize);
        }
        try {
            return (long) REALLOCATE.invokeExact(address, byteSize);
        } catch (Throwable e) {
            throw rethrow(e);
        }
    }

    private long reallocAligned(int id, long address, long byteSize) {
        long newAddress = malloc(id, byteSize);
        Memory.copy(address, newAddress, Math.min(Memory.getLong(address - Long.BYTES), byteSize));
        free(id, address);
        return newAddress;
    }

    @Override
    public void free(int id, long address) {
        long base = address;
        if (isAligned(id)) {
            base = Memory.getLong(address - HEADER_BYTES);
            aligned[id] = 0;
        }
        try {
            FREE.invokeExact(base);
        } catch (Throwable e) {
            throw rethrow(e);
        }
    }

    private boolean isAligned(int id) {
        return anyAligned && aligned[id] != 0;
    }

    @Override
    public boolean trim() {
        try {
            CFunctions.trimLibc();
            return true;
        } catch (Throwable e) {
            throw CFunctions.unexpected(e);
        }
    }

    /// Unsafe throws unchecked exceptions only, `OutOfMemoryError` for want of memory.
    private static RuntimeException rethrow(Throwable thrown) {
        if (thrown instanceof Error error) {
            throw error;
        }
        return (RuntimeException) thrown;
    }
}
