package malloc4j;

import java.lang.foreign.MemorySegment;
import java.util.Locale;
import malloc4j.internal.cache.CacheTable;
import malloc4j.observe.HeapStatistics;
import malloc4j.observe.SizeClassStatistics;
import org.jspecify.annotations.Nullable;

/// The C family over the common heap: a [CFamily] with [MisusePolicy#THROW], by static methods.
///
/// As in C, a request that fails returns 0 and sets [#errno]; nothing is thrown for want of memory or for a size
/// that cannot be. Misuse of a block, which in C is undefined, throws a [BlockMisuseException] and changes nothing.
///
/// Sizes are C's `size_t` in a `long`: a negative one is a size beyond any memory.
///
/// @source [malloc(3)](https://man7.org/linux/man-pages/man3/malloc.3.html), C23 7.24.3
/// @since 0.1.0
public final class Malloc {
    /// `mallopt`: free memory kept for reuse, in bytes; a negative number turns giving back off.
    public static final int M_TRIM_THRESHOLD = -1;

    /// `mallopt`: from which size a block is a mapping of its own, 0 to 32 MiB; blocks up to 32 KiB never are.
    public static final int M_MMAP_THRESHOLD = -3;

    private static final int MAX_MMAP_THRESHOLD = 32 << 20;

    private Malloc() {}

    /// The common heap and its table as constants, so that the warm paths need not ask for them; nor for the table's
    /// numbers, which are constants too. But while something sees every call they must not go by the table.
    ///
    /// Null where the common heap cannot be: then each call says why, as a class that had failed to be initialised
    /// would not. In a class of its own, for where the very first call comes when the stack is all but used up, it is
    /// lost to [StackOverflowError]: then each call does without.
    private static final class Common {
        static final @Nullable Heap HEAP = Heap.commonOrNull();
        static final @Nullable CacheTable TABLE = HEAP == null ? null : HEAP.table();
    }

    private static Heap heap() {
        return Heap.common();
    }

    private static CFamily family() {
        return Heap.common().throwingFamily();
    }

    /// Allocates `byteSize` bytes. Returns the address, a multiple of 16, or 0 with `ENOMEM`. Zero bytes give an
    /// address of their own.
    public static long malloc(long byteSize) {
        try {
            if (Common.TABLE != null && Common.HEAP != null && !Common.HEAP.isHooked()) {
                long address = Common.TABLE.allocateBlock(byteSize);
                if (address >= 0) {
                    return address;
                }
            }
        } catch (NoClassDefFoundError lost) {
            return family().malloc(byteSize);
        }
        return family().mallocSlow(byteSize);
    }

    /// Allocates `count * byteSize` bytes, all zero. Returns the address, or 0 with `ENOMEM`, also when the product
    /// overflows. Where one of the numbers is 0 the product is 0, whatever the other.
    public static long calloc(long count, long byteSize) {
        return family().calloc(count, byteSize);
    }

    /// Changes a block's size, keeping its contents; address 0 is [#malloc]. Returns the block's address now, or 0
    /// with `ENOMEM`, and then the block is as it was. Size 0 frees the block and returns 0, as the GNU C library
    /// does.
    ///
    /// @throws BlockMisuseException if no live block begins at `address`
    public static long realloc(long address, long byteSize) {
        return family().realloc(address, byteSize);
    }

    /// As [#realloc], to `count * byteSize` bytes; 0 with `ENOMEM` also when the product overflows.
    ///
    /// @throws BlockMisuseException if no live block begins at `address`
    /// @source POSIX.1-2024 `reallocarray`
    public static long reallocarray(long address, long count, long byteSize) {
        return family().reallocarray(address, count, byteSize);
    }

    /// Changes a block's size where it is, or not at all; what it no longer needs is free, in whole pages. Returns
    /// whether it has room for `byteSize` bytes now. Leaves `errno` as it is.
    ///
    /// @throws BlockMisuseException if no live block begins at `address`
    public static boolean resizeInPlace(long address, long byteSize) {
        return heap().resizeInPlace(address, byteSize < 0 ? Long.MAX_VALUE : byteSize);
    }

    /// Frees a block; 0 does nothing. Leaves `errno` as it is.
    ///
    /// @throws BlockMisuseException if no live block begins at `address`
    public static void free(long address) {
        try {
            if (Common.HEAP != null && Common.HEAP.putAtHand(address)) {
                return;
            }
        } catch (NoClassDefFoundError lost) {
            family().free(address);
            return;
        }
        family().freeSlow(address);
    }

    /// Allocates `byteSize` bytes at a multiple of `byteAlignment`. Returns the address, or 0 with `EINVAL` when
    /// the alignment is not a power of two, or with `ENOMEM`.
    public static long alignedAlloc(long byteAlignment, long byteSize) {
        return family().alignedAlloc(byteAlignment, byteSize);
    }

    /// Allocates `byteSize` bytes at a multiple of `byteAlignment` and stores the address in `out`. Returns 0;
    /// `EINVAL` when the alignment is not a power of two that is a multiple of 8; or `ENOMEM`. In both cases `out` is
    /// as it was. Does not set [#errno].
    ///
    /// @param out at least 8 bytes
    /// @throws RuntimeException what [MemorySegment#set] throws when `out` is shorter, read-only, closed, or confined
    ///     to another thread; nothing is allocated then
    /// @source POSIX.1-2024 `posix_memalign`
    public static int posixMemalign(MemorySegment out, long byteAlignment, long byteSize) {
        return family().posixMemalign(out, byteAlignment, byteSize);
    }

    /// How many bytes of a block may be used; 0 for address 0.
    ///
    /// @throws BlockMisuseException if no live block begins at `address`
    public static long usableSize(long address) {
        return address == 0 ? 0 : family().usableSize(address);
    }

    /// Gives free memory back to the kernel, but for `keepBytes` of free spans. Returns whether anything went back.
    ///
    /// @throws IllegalArgumentException if `keepBytes` is negative
    public static boolean trim(long keepBytes) {
        return heap().trim(keepBytes);
    }

    /// Sets a parameter of the common heap. [#M_TRIM_THRESHOLD] and [#M_MMAP_THRESHOLD] are known; every other, and
    /// a value out of range, changes nothing. In a heap in a file or in shared memory no block is a mapping of its own,
    /// whatever the threshold.
    ///
    /// @return whether it was set
    /// @source [mallopt(3)](https://man7.org/linux/man-pages/man3/mallopt.3.html)
    public static boolean mallopt(int parameter, int value) {
        return switch (parameter) {
            case M_TRIM_THRESHOLD -> {
                heap().setTrimThreshold(value < 0 ? Long.MAX_VALUE : value);
                yield true;
            }
            case M_MMAP_THRESHOLD -> value >= 0 && value <= MAX_MMAP_THRESHOLD && heap().setMmapThreshold(value);
            default -> false;
        };
    }

    /// What the common heap holds, in the fields of C.
    public static Mallinfo2 mallinfo2() {
        HeapStatistics now = heap().statistics();
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

    /// The text of C's `malloc_stats`: one arena, the total with mappings, and lines that this heap adds. glibc's
    /// `max mmap regions` and `max mmap bytes` are without `max`, as no peaks are kept.
    ///
    /// @source [malloc_stats(3)](https://man7.org/linux/man-pages/man3/malloc_stats.3.html)
    public static String stats() {
        HeapStatistics now = heap().statistics();
        return String.format(
                Locale.ROOT,
                """
                Arena 0:
                system bytes     = %14d
                in use bytes     = %14d
                Total (incl. mmap):
                system bytes     = %14d
                in use bytes     = %14d
                mmap regions     = %14d
                mmap bytes       = %14d
                Heap %s (%s):
                resident bytes   = %14d
                committed bytes  = %14d
                dirty bytes      = %14d
                live blocks      = %14d
                slabs            = %14d
                large blocks     = %14d
                thread caches    = %14d
                """,
                now.reservedBytes() - now.hugeBytes(),
                now.liveBytes() - now.hugeBytes(),
                now.reservedBytes(),
                now.liveBytes(),
                now.hugeBlocks(),
                now.hugeBytes(),
                heap().options().name(),
                heap().options().memory().source(),
                heap().residentBytes(),
                now.committedBytes(),
                now.dirtyBytes(),
                now.liveBlocks(),
                now.slabCount(),
                now.largeBlocks(),
                now.threadCaches());
    }

    /// The XML of C's `malloc_info`: one arena, then the totals, in glibc's elements and order; those of type `max` are
    /// left out, as no peaks are kept. A `size` is a size class with slabs, `total` and `count` are its free blocks;
    /// free blocks are `fast`, free pages that have memory are `rest`.
    ///
    /// @source [malloc_info(3)](https://man7.org/linux/man-pages/man3/malloc_info.3.html)
    public static String info() {
        HeapStatistics now = heap().statistics();
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
        String mapped = String.format(
                Locale.ROOT, "<total type=\"mmap\" count=\"%d\" size=\"%d\"/>\n", now.hugeBlocks(), now.hugeBytes());
        long committed = now.committedBytes() - now.hugeBytes();
        long reserved = now.reservedBytes() - now.hugeBytes();
        return xml.append("</sizes>\n")
                .append(free(now))
                .append(system(committed, reserved))
                .append("</heap>\n")
                .append(free(now))
                .append(mapped)
                .append(system(now.committedBytes(), now.reservedBytes()))
                .append("</malloc>\n")
                .toString();
    }

    private static String free(HeapStatistics now) {
        return String.format(
                Locale.ROOT,
                """
                <total type="fast" count="%d" size="%d"/>
                <total type="rest" count="%d" size="%d"/>
                """,
                now.slabFreeBlocks(),
                now.slabFreeBytes(),
                now.dirtyBytes() > 0 ? 1 : 0,
                now.dirtyBytes());
    }

    private static String system(long committedBytes, long reservedBytes) {
        return String.format(Locale.ROOT, """
                <system type="current" size="%d"/>
                <aspace type="total" size="%d"/>
                <aspace type="mprotect" size="%d"/>
                """, committedBytes, reservedBytes, reservedBytes);
    }

    /// The error number that the last failed call of this thread set; 0 when none failed.
    public static int errno() {
        return CFamily.errno();
    }
}
