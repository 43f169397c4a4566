package malloc4j.linux;

import malloc4j.internal.os.Linux;
import malloc4j.internal.os.SystemCalls;

/// Asks for memory that no file is behind, option by option; [#map] makes it.
///
/// ```java
/// import malloc4j.linux.Mapping;
///
/// void main() {
///     long byteSize = 1L << 36; // 64 GiB of addresses
///     try (Mapping table = Mapping.anonymous(byteSize).noReserve().transparentHugePages(false).map()) {
///         table.segment().set(java.lang.foreign.ValueLayout.JAVA_LONG, 1L << 35, 42);
///         if (table.residentBytes(1L << 35, 8) != table.pageByteSize()) throw new AssertionError(); // of one page
///     }
/// }
/// ```
///
/// | option | default |
/// |---|---|
/// | [#protection] | readable and writable |
/// | [#shared] | private: a child process made by `fork` gets a copy |
/// | [#populate] | each page comes when it is first touched |
/// | [#noReserve] | counts against the commit limit |
/// | [#transparentHugePages], [#hugePages] | transparent ones as the system is set up |
/// | [#at] | the kernel chooses the address |
/// | [#stack] | no |
///
/// Not for use by two threads at once. It may make several mappings.
///
/// @since 0.1.0
public final class AnonymousMappingBuilder {
    private final SystemCalls calls;
    private final long byteSize;
    private Protection protection = Protection.READ_WRITE;
    private int sharing = Linux.MAP_PRIVATE;
    private int flags = Linux.MAP_ANONYMOUS;
    private MemoryAdvice hugePageAdvice = MemoryAdvice.NORMAL;
    private long address;

    AnonymousMappingBuilder(SystemCalls calls, long byteSize) {
        Mapping.checkByteSize(byteSize);
        this.calls = calls;
        this.byteSize = byteSize;
    }

    /// What may be done with the memory; [Mapping#protect] changes it later.
    public AnonymousMappingBuilder protection(Protection value) {
        protection = value;
        return this;
    }

    /// Shared with child processes made by `fork`, instead of copied. Its size cannot grow.
    public AnonymousMappingBuilder shared() {
        sharing = Linux.MAP_SHARED;
        return this;
    }

    /// Makes every page resident at once, so that no touch has to wait. A page for which there is no memory is left
    /// to the first touch, without an error: [MemoryAdvice#POPULATE_WRITE] reports that.
    public AnonymousMappingBuilder populate() {
        flags |= Linux.MAP_POPULATE;
        return this;
    }

    /// Does not count the memory against the commit limit, unless `vm.overcommit_memory` is 2: for large ranges of
    /// which little is used. When memory runs out, the kernel ends a process.
    public AnonymousMappingBuilder noReserve() {
        flags |= Linux.MAP_NORESERVE;
        return this;
    }

    /// Asks for transparent huge pages (`true`) or for none, whatever the system does by default: `MADV_HUGEPAGE`
    /// or `MADV_NOHUGEPAGE`, before anything is populated.
    public AnonymousMappingBuilder transparentHugePages(boolean wanted) {
        hugePageAdvice = wanted ? MemoryAdvice.HUGEPAGE : MemoryAdvice.NOHUGEPAGE;
        return this;
    }

    /// Takes huge pages from the kernel's pool, of exactly this size. They are reserved when mapped, unless
    /// [#noReserve] is asked for too; then an empty pool is a `SIGBUS` later, which Java sees as an
    /// `InternalError`.
    ///
    /// @param pageByteSize such as `2 << 20`; the kernel's sizes are listed in `/sys/kernel/mm/hugepages`
    /// @throws IllegalArgumentException if the size is not a power of two above the kernel's page
    /// @source [mmap(2)](https://man7.org/linux/man-pages/man2/mmap.2.html) `MAP_HUGETLB`
    public AnonymousMappingBuilder hugePages(long pageByteSize) {
        if (Long.bitCount(pageByteSize) != 1 || pageByteSize <= Mapping.systemPageByteSize()) {
            throw new IllegalArgumentException("pageByteSize=" + pageByteSize + " is not a power of two above "
                    + Mapping.systemPageByteSize() + " bytes");
        }
        flags &= (1 << Linux.MAP_HUGE_SHIFT) - 1;
        flags |= Linux.MAP_HUGETLB | (Long.numberOfTrailingZeros(pageByteSize) << Linux.MAP_HUGE_SHIFT);
        return this;
    }

    /// Exactly at an address, where nothing may be mapped yet (`EEXIST`): nothing is ever replaced.
    ///
    /// @param value a multiple of the page size, above `vm.mmap_min_addr`
    /// @throws IllegalArgumentException if it is not at a page, or not positive
    public AnonymousMappingBuilder at(long value) {
        address = Mapping.checkAddress(value);
        return this;
    }

    /// Memory for a stack: without transparent huge pages since Linux 6.7, so that a stack's depth is what it
    /// costs. It does not grow by itself: map as much as it may become, with [#noReserve].
    public AnonymousMappingBuilder stack() {
        flags |= Linux.MAP_STACK;
        return this;
    }

    /// Makes the mapping.
    ///
    /// @throws IllegalArgumentException if the options contradict each other
    /// @throws SystemCallException if the kernel refuses, or this library's share of `vm.max_map_count` is used up;
    ///     nothing is mapped then, unless a suppressed exception says that the kernel refused to undo it as well
    public Mapping map() {
        boolean poolPages = (flags & Linux.MAP_HUGETLB) != 0;
        boolean advised = hugePageAdvice != MemoryAdvice.NORMAL;
        if (poolPages && (advised || (flags & Linux.MAP_STACK) != 0)) {
            throw new IllegalArgumentException("hugePages goes neither with transparentHugePages nor with stack");
        }
        if (hugePageAdvice == MemoryAdvice.HUGEPAGE && (flags & Linux.MAP_STACK) != 0) {
            throw new IllegalArgumentException("a stack has no transparent huge pages");
        }
        boolean populatedLater = advised && (flags & Linux.MAP_POPULATE) != 0;
        int mmapFlags = (populatedLater ? flags & ~Linux.MAP_POPULATE : flags) | sharing;
        if (address != 0) {
            mmapFlags |= Linux.MAP_FIXED_NOREPLACE;
        }
        Mapping mapping = Mapping.mapAt(
                calls, "anonymous memory", address, byteSize, protection.bits(), mmapFlags, Mapping.NO_FILE, 0);
        try {
            if (advised) {
                mapping.advise(hugePageAdvice);
            }
            if (populatedLater) {
                mapping.advise(protection.isWritable() ? MemoryAdvice.POPULATE_WRITE : MemoryAdvice.POPULATE_READ);
            }
            return mapping;
        } catch (RuntimeException | Error refused) {
            try {
                mapping.close();
            } catch (SystemCallException staysMapped) {
                refused.addSuppressed(staysMapped);
            }
            throw refused;
        }
    }
}
