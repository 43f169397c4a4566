package malloc4j.observe;

import java.util.Arrays;
import malloc4j.internal.memory.Sizes;

/// What the kernel says a range of addresses holds, in bytes: the figures of `/proc/PID/smaps`, for one mapping, a
/// part of one, or the sum of many. Immutable; a figure that this kernel does not tell is 0.
///
/// ```
///   RESIDENT      == SHARED_CLEAN + SHARED_DIRTY + PRIVATE_CLEAN + PRIVATE_DIRTY
///   PROPORTIONAL  <= RESIDENT        a page that n mappings have counts one n-th
///   ANONYMOUS     <= RESIDENT        the rest are pages of files
/// ```
///
/// Pages of the kernel's huge page pool are in [Figure#SHARED_HUGETLB] and [Figure#PRIVATE_HUGETLB] alone, and in
/// no other figure.
///
/// @since 0.1.0
public final class MemoryUse {
    /// The kernel's figures, in the order in which Linux 6.18 writes them.
    ///
    /// @source [proc_pid_smaps(5)](https://man7.org/linux/man-pages/man5/proc_pid_smaps.5.html);
    ///     `Documentation/filesystems/proc.rst`
    public enum Figure {
        /// Pages that are in memory now.
        RESIDENT("Rss"),
        /// The same, each page divided by the number of mappings that have it.
        PROPORTIONAL("Pss"),
        /// The part of [#PROPORTIONAL] that is dirty (Linux 6.0).
        PROPORTIONAL_DIRTY("Pss_Dirty"),
        /// Resident, had by other mappings too, as it is in its file.
        SHARED_CLEAN("Shared_Clean"),
        /// Resident, had by other mappings too, written to.
        SHARED_DIRTY("Shared_Dirty"),
        /// Resident, had by this mapping alone, as it is in its file.
        PRIVATE_CLEAN("Private_Clean"),
        /// Resident, had by this mapping alone, written to: what the process alone costs.
        PRIVATE_DIRTY("Private_Dirty"),
        /// Touched since the kernel last looked for pages to take away.
        REFERENCED("Referenced"),
        /// Resident, not a page of a file; copies of a file's pages count.
        ANONYMOUS("Anonymous"),
        /// Merged with equal pages (Linux 6.8).
        MERGED("KSM"),
        /// Given back by `MADV_FREE` and not taken by the kernel yet (Linux 4.12).
        LAZILY_FREE("LazyFree"),
        /// Anonymous memory in transparent huge pages.
        ANONYMOUS_HUGE("AnonHugePages"),
        /// Shared memory mapped by huge pages (Linux 4.8).
        SHARED_MEMORY_HUGE("ShmemPmdMapped"),
        /// Files mapped by huge pages (Linux 5.4).
        FILE_HUGE("FilePmdMapped"),
        /// Pages of the huge page pool that other mappings have too (Linux 4.3).
        SHARED_HUGETLB("Shared_Hugetlb"),
        /// Pages of the huge page pool that this mapping alone has (Linux 4.3).
        PRIVATE_HUGETLB("Private_Hugetlb"),
        /// Swapped out.
        SWAPPED("Swap"),
        /// The same, each page divided by the number of mappings that have it (Linux 4.3).
        SWAPPED_PROPORTIONAL("SwapPss"),
        /// Locked into memory, proportional.
        LOCKED("Locked");

        private static final Figure[] ALL = values();

        private final String smapsName;

        Figure(String smapsName) {
            this.smapsName = smapsName;
        }

        /// The kernel's name of it.
        public String smapsName() {
            return smapsName;
        }

        /// Its place in an array of all figures.
        @SuppressWarnings("EnumOrdinal") // that is what the order is for
        public int index() {
            return ordinal();
        }

        /// How many figures there are.
        public static int count() {
            return ALL.length;
        }
    }

    /// Nothing.
    public static final MemoryUse NONE = new MemoryUse(new long[Figure.count()]);

    private final long[] bytes;

    private MemoryUse(long[] bytes) {
        this.bytes = bytes;
    }

    /// A use with these figures.
    ///
    /// @param bytes each figure at its index
    public static MemoryUse of(long[] bytes) {
        if (bytes.length != Figure.count()) {
            throw new IllegalArgumentException(bytes.length + " figures: there are " + Figure.count());
        }
        for (long value : bytes) {
            if (value != 0) {
                return new MemoryUse(bytes.clone());
            }
        }
        return NONE;
    }

    /// One figure in bytes.
    public long bytes(Figure figure) {
        return bytes[figure.index()];
    }

    /// Every figure in bytes, each at its index.
    public long[] toArray() {
        return bytes.clone();
    }

    public long residentBytes() {
        return bytes(Figure.RESIDENT);
    }

    public long proportionalBytes() {
        return bytes(Figure.PROPORTIONAL);
    }

    /// Resident and written to, shared or not.
    public long dirtyBytes() {
        return bytes(Figure.SHARED_DIRTY) + bytes(Figure.PRIVATE_DIRTY);
    }

    public long swappedBytes() {
        return bytes(Figure.SWAPPED);
    }

    public long lockedBytes() {
        return bytes(Figure.LOCKED);
    }

    /// What lies in huge pages, transparent ones and those of the pool.
    public long hugeBytes() {
        return bytes(Figure.ANONYMOUS_HUGE)
                + bytes(Figure.SHARED_MEMORY_HUGE)
                + bytes(Figure.FILE_HUGE)
                + bytes(Figure.SHARED_HUGETLB)
                + bytes(Figure.PRIVATE_HUGETLB);
    }

    /// The sum of two uses.
    public MemoryUse plus(MemoryUse other) {
        long[] sum = bytes.clone();
        for (int index = 0; index < sum.length; index++) {
            sum[index] += other.bytes[index];
        }
        return new MemoryUse(sum);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof MemoryUse use && Arrays.equals(bytes, use.bytes);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(bytes);
    }

    /// The figures that are not 0, under the kernel's names.
    @Override
    public String toString() {
        StringBuilder text = new StringBuilder("MemoryUse[");
        for (Figure figure : Figure.ALL) {
            if (bytes(figure) != 0) {
                text.append(text.charAt(text.length() - 1) == '[' ? "" : ", ")
                        .append(figure.smapsName)
                        .append('=')
                        .append(Sizes.text(bytes(figure)));
            }
        }
        return text.append(']').toString();
    }
}
