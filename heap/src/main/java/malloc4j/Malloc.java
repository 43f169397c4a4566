package malloc4j;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Locale;
import malloc4j.internal.cache.CacheTable;
import malloc4j.internal.memory.Bits;
import malloc4j.internal.os.Errno;
import malloc4j.observe.HeapStatistics;
import malloc4j.observe.SizeClassStatistics;

/// The C family over the common heap.
///
/// As in C, a request that fails returns 0 and sets [#errno]; nothing is thrown for want of memory or for a size
/// that cannot be. Misuse of a block, which in C is undefined, throws a [BlockMisuseException] and changes nothing.
///
/// Sizes are C's `size_t` in a `long`: a negative one is a size beyond any memory.
///
/// @source [malloc(3)](https://man7.org/linux/man-pages/man3/malloc.3.html), C23 7.24.3
public final class Malloc {
    /// `mallopt`: free memory kept for reuse, in bytes.
    public static final int M_TRIM_THRESHOLD = -1;

    /// `mallopt`: how much more to take at a time.
    public static final int M_TOP_PAD = -2;

    /// `mallopt`: from which size a block is a mapping of its own, in bytes.
    public static final int M_MMAP_THRESHOLD = -3;

    private static final Heap HEAP = Heap.common();
    private static final CacheTable TABLE = HEAP.table(); // a constant: the warm paths need not ask the heap for it
    private static final ThreadLocal<int[]> ERRNO = ThreadLocal.withInitial(() -> new int[1]);
    private static final int POINTER_BYTES = 8;

    private Malloc() {}

    /// Allocates `byteSize` bytes. Returns the address, a multiple of 16, or 0 with `ENOMEM`. Zero bytes give an
    /// address of their own.
    public static long malloc(long byteSize) {
        long address = TABLE.allocateBlock(byteSize);
        return address >= 0 ? address : mallocSlow(byteSize);
    }

    private static long mallocSlow(long byteSize) {
        long address = HEAP.tryMallocSlow(byteSize);
        return address > 0 ? address : fail();
    }

    /// Allocates `count * byteSize` bytes, all zero. Returns the address, or 0 with `ENOMEM`, also when the product
    /// overflows.
    public static long calloc(long count, long byteSize) {
        long address = HEAP.tryCalloc(count, byteSize);
        return address > 0 ? address : fail();
    }

    /// Changes a block's size, keeping its contents; address 0 is [#malloc]. Returns the block's address now, or 0
    /// with `ENOMEM`, and then the block is as it was. Size 0 frees the block and returns 0, as the GNU C library
    /// does.
    ///
    /// @throws BlockMisuseException if no live block begins at `address`
    public static long realloc(long address, long byteSize) {
        if (byteSize == 0 && address != 0) {
            HEAP.free(address);
            return 0;
        }
        long moved = HEAP.tryRealloc(address, byteSize);
        return moved > 0 ? moved : fail();
    }

    /// Frees a block; 0 does nothing. Leaves `errno` as it is.
    ///
    /// @throws BlockMisuseException if no live block begins at `address`
    public static void free(long address) {
        if (!TABLE.freeBlock(address)) {
            HEAP.freeSlow(address);
        }
    }

    /// Allocates `byteSize` bytes at a multiple of `byteAlignment`. Returns the address, or 0 with `EINVAL` when
    /// the alignment is not a power of two up to 2^30, or with `ENOMEM`.
    public static long alignedAlloc(long byteAlignment, long byteSize) {
        if (!Bits.isPowerOfTwo(byteAlignment) || byteAlignment > Heap.MAX_BYTE_ALIGNMENT) {
            return fail(Errno.EINVAL);
        }
        long address = HEAP.tryAlignedAlloc(byteAlignment, byteSize);
        return address > 0 ? address : fail();
    }

    /// Allocates `byteSize` bytes at a multiple of `byteAlignment` and stores the address in `out`. Returns 0;
    /// `EINVAL` when the alignment is not a power of two that is a multiple of 8, up to 2^30; or `ENOMEM`. In both
    /// cases `out` is as it was. Does not set [#errno].
    ///
    /// @param out at least 8 bytes
    /// @throws IndexOutOfBoundsException if `out` is shorter; nothing is allocated then
    /// @source POSIX.1-2024 `posix_memalign`
    public static int posixMemalign(MemorySegment out, long byteAlignment, long byteSize) {
        MemorySegment pointer = out.asSlice(0, POINTER_BYTES);
        if (!Bits.isPowerOfTwo(byteAlignment)
                || byteAlignment < POINTER_BYTES
                || byteAlignment > Heap.MAX_BYTE_ALIGNMENT) {
            return Errno.EINVAL;
        }
        long address = HEAP.tryAlignedAlloc(byteAlignment, byteSize);
        if (address <= 0) {
            return Errno.ENOMEM;
        }
        pointer.set(ValueLayout.JAVA_LONG_UNALIGNED, 0, address);
        return 0;
    }

    /// How many bytes of a block may be used; 0 for address 0.
    ///
    /// @throws BlockMisuseException if no live block begins at `address`
    public static long usableSize(long address) {
        return address == 0 ? 0 : HEAP.usableSize(address);
    }

    /// Gives free memory back to the kernel, but for `keepBytes` of free spans. Returns whether anything went back.
    ///
    /// @throws IllegalArgumentException if `keepBytes` is negative
    public static boolean trim(long keepBytes) {
        return HEAP.trim(keepBytes);
    }

    /// Sets a parameter of the common heap. [#M_TRIM_THRESHOLD] and [#M_MMAP_THRESHOLD] are known; every other, and
    /// a value out of range, changes nothing.
    ///
    /// @return whether it was set
    /// @source [mallopt(3)](https://man7.org/linux/man-pages/man3/mallopt.3.html)
    public static boolean mallopt(int parameter, int value) {
        return switch (parameter) {
            case M_TRIM_THRESHOLD -> HEAP.setTrimThreshold(value);
            case M_MMAP_THRESHOLD -> HEAP.setMmapThreshold(value);
            default -> false;
        };
    }

    /// What the common heap holds, in the fields of C.
    public static Mallinfo2 mallinfo2() {
        HeapStatistics now = HEAP.statistics();
        long arena = now.reservedBytes() - now.hugeBytes();
        long live = now.liveBytes() - now.hugeBytes();
        return new Mallinfo2(
                arena,
                arena > now.spanBytes() ? 1 : 0,
                now.slabFreeBlocks(),
                now.hugeBlocks(),
                now.hugeBytes(),
                0,
                now.slabFreeBytes(),
                live,
                arena - live,
                now.dirtyBytes());
    }

    /// The text of C's `malloc_stats`, and some lines more.
    ///
    /// @source [malloc_stats(3)](https://man7.org/linux/man-pages/man3/malloc_stats.3.html)
    public static String stats() {
        HeapStatistics now = HEAP.statistics();
        return String.format(
                Locale.ROOT,
                "Heap %s (%s):%n"
                        + "system bytes     = %14d%n"
                        + "in use bytes     = %14d%n"
                        + "resident bytes   = %14d%n"
                        + "committed bytes  = %14d%n"
                        + "dirty bytes      = %14d%n"
                        + "live blocks      = %14d%n"
                        + "slabs            = %14d%n"
                        + "large blocks     = %14d%n"
                        + "mmap regions     = %14d%n"
                        + "mmap bytes       = %14d%n"
                        + "thread caches    = %14d%n",
                HEAP.options().name(),
                HEAP.options().source(),
                now.reservedBytes(),
                now.liveBytes(),
                now.residentBytes(),
                now.committedBytes(),
                now.dirtyBytes(),
                now.liveBlocks(),
                now.slabCount(),
                now.largeBlocks(),
                now.hugeBlocks(),
                now.hugeBytes(),
                now.threadCaches());
    }

    /// The XML of C's `malloc_info`, with the elements that apply.
    ///
    /// @source [malloc_info(3)](https://man7.org/linux/man-pages/man3/malloc_info.3.html)
    public static String info() {
        HeapStatistics now = HEAP.statistics();
        StringBuilder xml = new StringBuilder("<malloc version=\"1\">\n<heap nr=\"0\">\n<sizes>\n");
        for (SizeClassStatistics entry : now.sizeClasses()) {
            xml.append(String.format(
                    Locale.ROOT,
                    "<size from=\"%d\" to=\"%d\" total=\"%d\" count=\"%d\"/>\n",
                    entry.blockBytes(),
                    entry.blockBytes(),
                    entry.freeBlocks() * entry.blockBytes(),
                    entry.freeBlocks()));
        }
        return xml.append(String.format(
                        Locale.ROOT,
                        """
                        </sizes>
                        <total type="fast" count="%d" size="%d"/>
                        <total type="rest" count="%d" size="%d"/>
                        <system type="current" size="%d"/>
                        <aspace type="total" size="%d"/>
                        </heap>
                        <total type="mmap" count="%d" size="%d"/>
                        </malloc>
                        """,
                        now.slabFreeBlocks(),
                        now.slabFreeBytes(),
                        now.dirtyBytes() > 0 ? 1 : 0,
                        now.dirtyBytes(),
                        now.committedBytes(),
                        now.reservedBytes(),
                        now.hugeBlocks(),
                        now.hugeBytes()))
                .toString();
    }

    /// The error number that the last failed call of this thread set; 0 when none failed.
    public static int errno() {
        return ERRNO.get()[0];
    }

    private static long fail() {
        return fail(Errno.ENOMEM);
    }

    private static long fail(int errno) {
        ERRNO.get()[0] = errno;
        return 0;
    }
}
