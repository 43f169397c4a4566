package malloc4j.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.LongConsumer;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import malloc4j.internal.memory.Bits;
import malloc4j.internal.memory.FaultingRanges;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.memory.Sizes;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.Linux;
import malloc4j.internal.os.LinuxCalls;
import malloc4j.internal.os.SystemCalls;
import malloc4j.internal.region.Residency;
import org.jspecify.annotations.Nullable;

/// One mapping: memory of its own, or a part of a file as memory, from [#anonymous] or [#ofFile] until [#close].
///
/// ```java
/// import java.lang.foreign.ValueLayout;
/// import java.nio.file.Files;
/// import java.nio.file.Path;
/// import malloc4j.linux.Mapping;
/// import malloc4j.linux.Protection;
///
/// void main() throws Exception {
///     Path file = Files.createTempFile("visits", ".bin");
///     try (Mapping visits = Mapping.ofFile(file).readWrite().byteSize(8_192).createOrExtend().map()) {
///         visits.segment().set(ValueLayout.JAVA_LONG, 4_096, 42);
///         visits.flush(4_096, 8); // on the disk now
///         visits.protect(Protection.READ); // visits.segment() is read-only from here on, older segments are dead
///     }
///     try (Mapping copy = Mapping.ofFile(file).offset(4_096).copyOnWrite().map()) {
///         copy.segment().setAtIndex(ValueLayout.JAVA_LONG, 1, 43); // stays in this process
///         if (copy.segment().get(ValueLayout.JAVA_LONG, 0) != 42) throw new AssertionError();
///     }
///     Files.delete(file);
/// }
/// ```
///
/// What the kernel maps are whole pages; what [#segment] shows is exactly what was asked for:
///
/// ```
///   file, or nothing  ....|--------|--------|--------|....      pages
///   mapped                [--------+--------+--------]          base, mapped bytes
///   segment                  [-----------------]                 address() = base + lead, byteSize()
///                         lead, below a page; 0 unless a file's offset is not at a page
/// ```
///
/// **Segments and their death.** A segment lives until the next [#close], [#resize] or change that takes access
/// away ([#protect], [MemoryAdvice#GUARD_INSTALL]): from then on every access through it throws
/// `IllegalStateException`, in whatever thread, and a new one is to be had from [#segment]. It shows only what the
/// pages allow: read-only where they may not be written, and none at all where they may not be read. So no access
/// through a segment meets a `SIGSEGV`, which would end the JVM. While native code or an I/O operation works with a
/// segment, that change is refused with `IllegalStateException` and nothing has changed.
///
/// **A file cut short.** When another process truncates a mapped file, or its disk is full or fails, a touch of a
/// page that is gone raises `SIGBUS`. For ordinary access HotSpot makes that an `InternalError` ("a fault occurred
/// in an unsafe memory access operation") in the thread that touched it; the JVM goes on, and the segment is good
/// again when the file is. So it is with huge pages whose pool is empty, and shared memory that has become too
/// small.
///
/// | touched by | what happens (JDK 25) |
/// |---|---|
/// | reading and writing values (plain to volatile), `copy`, `fill`, strings, `get` and `put` | `InternalError` |
/// | a system call given the address, as by `FileChannel.write` | `EFAULT`: `IOException` |
/// | compare-and-set and compare-and-exchange, until the compiler has got to them | **the JVM dies** |
/// | `mismatch`, buffers' `equals` and `compareTo`, of more than a few bytes | `InternalError`, or **the JVM dies** |
/// | `CRC32`, `CRC32C`, `Adler32`, `Deflater`, `Inflater` with a direct buffer | **the JVM dies** |
/// | loops that the compiler makes `vpternlog` of (AVX-512), such as `x ^ y \| z` of arrays | **the JVM dies** |
/// | functions called through the `Linker` | **the JVM dies** |
/// | everything in [malloc4j.bytes.Bytes] over segments | `InternalError` |
///
/// Compiled code may run on for a while with an unspecified value before the error comes, and leave the method that
/// touched the page: catch it around a whole piece of work. Java can do nothing more about it: a process that maps
/// what others may cut should agree with them on a lock, or map memory files that are sealed against shrinking; or
/// read a byte of each page before it hands the range to one of the bold rows.
///
/// **Who may do what.** Every method may be called by any thread. [#segment] costs one volatile read. [#flush],
/// [#residentPages] and advice that leaves no trace run side by side; the others wait for them and for each other.
/// A change that kills segments costs a handshake with every thread, some 20 us. Closing while another thread reads
/// or writes is safe: its next access throws. What native code has been told of [#address], nothing protects.
///
/// **Limits.** Every mapping counts against the kernel's `vm.max_map_count`, past which the JVM itself dies; this
/// library stops at a quarter of it, with `ENOMEM`. Protecting or advising a part splits a mapping in up to three.
/// A mapping that is not closed stays until the process ends: the garbage collector does not unmap.
///
/// Invariants, checked by [#verify]:
/// 1. `base` is a multiple of the page, `lead` below it, and the mapped bytes are `lead + byteSize` up to the next
///    page.
/// 2. The pieces ([Pieces]) cover the mapped bytes, and no living segment allows more than they do.
/// 3. At least the mappings that the pieces need are counted ([KernelMappings]).
/// 4. The mapped bytes are among the [FaultingRanges] while a file or the pool of huge pages is behind them.
///
/// @source [mmap(2)](https://man7.org/linux/man-pages/man2/mmap.2.html)
/// @since 0.1.0
public final class Mapping implements AutoCloseable {
    /// The largest size in bytes, 2^56: no processor has more addresses.
    public static final long MAX_BYTE_SIZE = 1L << 56;

    private static long systemPageByteSize; // 0 until it is asked for: not by an initialiser, which could fail but once

    static final int NO_FILE = -1;

    private final SystemCalls calls;
    private final String what;
    private final int flags;
    private final long pageByteSize;
    private final long lead;
    private final long fileOffset;
    private final boolean mayFault; // pages may vanish, or not be there when they are touched
    private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock();

    private long base; // this and what follows: guarded by the lock
    private long byteSize;
    private Pieces pieces;
    private final KernelMappings kernelMappings = new KernelMappings();
    private @Nullable MappedFile file;
    private Arena arena = Arena.ofShared();
    private boolean lent; // a segment has been given out since the arena was made; set under the read lock too
    private boolean closed;

    private volatile @Nullable MemorySegment whole; // of the arena; null: ask segmentSlow

    private Mapping(
            SystemCalls calls,
            String what,
            int flags,
            long pageByteSize,
            long fileOffset,
            boolean mayFault,
            long base,
            long byteSize,
            Pieces pieces) {
        this.calls = calls;
        this.what = what;
        this.flags = flags;
        this.pageByteSize = pageByteSize;
        this.lead = fileOffset & (pageByteSize - 1);
        this.fileOffset = fileOffset;
        this.mayFault = mayFault;
        this.base = base;
        this.byteSize = byteSize;
        this.pieces = pieces;
        if (mayFault) {
            FaultingRanges.add(base, pieces.byteSize());
        }
    }

    // Making one.

    /// Begins a mapping of memory that no file is behind: zeroes.
    ///
    /// @param byteSize 1 to [#MAX_BYTE_SIZE]; whole pages are mapped
    /// @throws IllegalArgumentException if the size is out of its range
    public static AnonymousMappingBuilder anonymous(long byteSize) {
        return new AnonymousMappingBuilder(LinuxCalls.instance(), byteSize);
    }

    /// Begins a mapping of a file: all of it, shared, for reading, unless told otherwise.
    ///
    /// @param path a file on the default file system
    /// @throws IllegalArgumentException if the path is of another file system, such as a zip file's
    public static FileMappingBuilder ofFile(Path path) {
        return new FileMappingBuilder(LinuxCalls.instance(), path);
    }

    /// The kernel's page in bytes: 4,096, or 16,384 or 65,536 on some aarch64 machines.
    ///
    /// @throws UnsupportedOperationException if this is not Linux on x86-64 or aarch64
    /// @throws IllegalCallerException if native access is not granted; it names the flag
    public static long systemPageByteSize() {
        long known = systemPageByteSize;
        if (known == 0) {
            known = LinuxCalls.instance().sysconf(Linux._SC_PAGESIZE);
            systemPageByteSize = known;
        }
        return known;
    }

    /// Makes a mapping where the kernel likes. The descriptor is the caller's, who may close it at once.
    ///
    /// @param what how errors name it
    /// @param byteSize 1 to [#MAX_BYTE_SIZE]
    /// @param protection the kernel's bits
    /// @param flags the kernel's; with `MAP_HUGETLB` the page size has to be among them
    /// @param offset into the file, 0 or more, need not be at a page
    static Mapping map(SystemCalls calls, String what, long byteSize, int protection, int flags, int fd, long offset) {
        return mapAt(calls, what, 0, byteSize, protection, flags, fd, offset);
    }

    /// Makes a mapping, at `address` when `MAP_FIXED_NOREPLACE` is among the flags.
    static Mapping mapAt(
            SystemCalls calls,
            String what,
            long address,
            long byteSize,
            int protection,
            int flags,
            int fd,
            long offset) {
        Protection allowed = Protection.of(protection);
        String call = "mmap(" + what + ", address=0x" + Long.toHexString(address) + ", byteSize=" + byteSize + ", "
                + allowed + ", " + Refusals.mapFlags(flags) + ", offset=" + offset + ")";
        if (!KernelMappings.tryAcquireFirst()) {
            throw Refusals.budget(call);
        }
        long base = -Errno.ENOMEM;
        long mapped = 0;
        try {
            long page = pageByteSize(calls, flags, fd);
            long lead = offset & (page - 1);
            mapped = Bits.alignUp(lead + byteSize, page);
            Pieces pieces = Pieces.of(mapped, allowed, 0);
            boolean mayFault = fd != NO_FILE || (flags & Linux.MAP_HUGETLB) != 0;
            base = calls.mmap(address, mapped, protection, flags, fd, offset - lead);
            if (!Errno.isError(base) && address != 0 && base != address) { // before Linux 4.17 it is a mere hint
                calls.munmap(base, mapped);
                base = -Errno.EEXIST;
            }
            if (Errno.isError(base)) {
                throw Refusals.mmap(call, base, flags);
            }
            return new Mapping(calls, what, flags, page, offset, mayFault, base, byteSize, pieces);
        } catch (RuntimeException | Error failed) {
            if (!Errno.isError(base)) {
                calls.munmap(base, mapped);
            }
            KernelMappings.releaseFirst();
            throw failed;
        }
    }

    /// The size of the pages that a mapping is made of: by the flags, and of a file on hugetlbfs by the file
    /// system.
    private static long pageByteSize(SystemCalls calls, int flags, int fd) {
        long huge = (flags & Linux.MAP_HUGETLB) != 0
                ? 1L << (flags >>> Linux.MAP_HUGE_SHIFT)
                : fd == NO_FILE ? 0 : MappedFile.hugePageByteSize(calls, fd);
        return huge == 0 ? systemPageByteSize() : huge;
    }

    /// Makes the mapping the owner of its open file.
    Mapping withFile(MappedFile mapped) {
        file = mapped;
        return this;
    }

    // What it is.

    /// The memory, for every thread, until the next change that kills it (see above); read-only when not every page
    /// may be written.
    ///
    /// @throws IllegalStateException if a page may not be read, or this mapping is closed
    public MemorySegment segment() {
        MemorySegment known = whole;
        return known != null ? known : segmentSlow();
    }

    private MemorySegment segmentSlow() {
        return reading(() -> {
            MemorySegment made = view(0, byteSize);
            whole = made;
            return made;
        });
    }

    /// A part of the memory, for every thread, with the life of [#segment]; only its own pages decide whether it is
    /// read-only or refused.
    ///
    /// @param offset of the part's first byte in [#segment], in bytes
    /// @param byteSize of the part, in bytes; both may lie anywhere
    /// @throws IllegalArgumentException if the part is not inside the mapping
    /// @throws IllegalStateException if a page of it may not be read, or this mapping is closed
    public MemorySegment segment(long offset, long byteSize) {
        return reading(() -> view(offset, byteSize));
    }

    private MemorySegment view(long offset, long byteSize) {
        PageRange pages = pagesAround(offset, byteSize);
        pieces.forEach(pages.from(), pages.to(), this::requireReadable);
        lent = true;
        MemorySegment view = RawMemory.segment(base + lead + offset, byteSize, arena);
        return pieces.allMatch(pages.from(), pages.to(), Pieces.State::isWritable) ? view : view.asReadOnly();
    }

    private boolean requireReadable(long from, long to, Pieces.State state) {
        if (!state.isReadable()) {
            throw new IllegalStateException(
                    what + ": bytes " + Math.max(0, from - lead) + " to " + (to - lead) + " are " + state.access()
                            + " and cannot be read: protect them otherwise, or ask for a segment of another part");
        }
        return true;
    }

    /// The address of the first byte of [#segment], for native code. Nothing keeps the memory there while that runs
    /// but the program's own care.
    ///
    /// @throws IllegalStateException if this mapping is closed
    public long address() {
        return reading(() -> base + lead);
    }

    /// The size of [#segment] in bytes.
    public long byteSize() {
        return locked(lock.readLock(), () -> byteSize);
    }

    /// The size in bytes of the pages that this mapping is made of, which [#protect] and [#advise] work on: the
    /// kernel's page, or the huge page of [AnonymousMappingBuilder#hugePages].
    public long pageByteSize() {
        return pageByteSize;
    }

    /// What every page allows, guards aside; [Protection#NONE] when there is nothing that all allow.
    public Protection protection() {
        return locked(lock.readLock(), () -> pieces.commonProtection());
    }

    // Protection and advice.

    /// Sets what may be done with all of the memory, as [#protect(Protection, long, long)].
    public void protect(Protection protection) {
        writing(() -> protectPages(protection, allPages()));
    }

    /// Sets what may be done with a part of the memory.
    ///
    /// When that takes access away, every segment of this mapping is dead afterwards, those of other parts too.
    /// When it gives access, segments stay as they are, and [#segment] makes one that has it.
    ///
    /// @param offset in bytes, at the beginning of a page or of the mapping
    /// @param byteSize in bytes, up to the end of a page or of the mapping
    /// @throws IllegalArgumentException if the part is not inside the mapping, or not of whole pages
    /// @throws SystemCallException if the kernel refuses: a shared mapping of a file that is not open for writing,
    ///     a system that forbids executable memory (`EACCES`), too many mappings (`ENOMEM`). The protection is as
    ///     it was
    /// @throws IllegalStateException if this mapping is closed, or native code is using a segment that would die
    /// @source [mprotect(2)](https://man7.org/linux/man-pages/man2/mprotect.2.html)
    public void protect(Protection protection, long offset, long byteSize) {
        writing(() -> protectPages(protection, wholePages(offset, byteSize, true)));
    }

    private void protectPages(Protection protection, PageRange pages) {
        String call = "mprotect(" + what + ", " + pages + ", " + protection + ")";
        long result = change(
                call,
                pages,
                state -> new Pieces.State(protection, state.traits()),
                () -> calls.mprotect(base + pages.from(), pages.byteSize(), protection.bits()),
                (from, to, before) -> calls.mprotect(
                                base + from, to - from, before.protection().bits())
                        == 0);
        if (result < 0) {
            throw Refusals.mprotect(call, result);
        }
    }

    /// Advises the kernel about all of the memory, as [#advise(MemoryAdvice, long, long)].
    public void advise(MemoryAdvice advice) {
        advise(advice, () -> advice == MemoryAdvice.REMOVE ? pagesFor(advice, 0, byteSize) : allPages());
    }

    /// Advises the kernel about a part of the memory.
    ///
    /// Advice that is destructive is taken for whole pages only. For other advice the part is widened to whole
    /// pages. [MemoryAdvice#GUARD_INSTALL] takes access away, as [#protect] does, and [MemoryAdvice#GUARD_REMOVE]
    /// gives it back.
    ///
    /// @param offset in bytes; of destructive advice and guards at the beginning of a page or of the mapping
    /// @param byteSize in bytes; of destructive advice and guards up to the end of a page or of the mapping. The
    ///     ends of a file's mapping do not count as pages' ends for [MemoryAdvice#REMOVE], which would empty its
    ///     neighbours
    /// @throws IllegalArgumentException if the part is not inside the mapping, or not of whole pages where it has
    ///     to be
    /// @throws UnsupportedOperationException if the advice is [MemoryAdvice#HWPOISON]
    /// @throws SystemCallException if the kernel refuses; what the pages held may be lost if the advice is
    ///     destructive
    /// @throws IllegalStateException if this mapping is closed, or native code is using a segment that would die
    /// @source [madvise(2)](https://man7.org/linux/man-pages/man2/madvise.2.html)
    public void advise(MemoryAdvice advice, long offset, long byteSize) {
        advise(advice, () -> pagesFor(advice, offset, byteSize));
    }

    private void advise(MemoryAdvice advice, Supplier<PageRange> pages) {
        if (advice == MemoryAdvice.HWPOISON) {
            throw new UnsupportedOperationException(
                    "HWPOISON takes memory from the whole machine until it boots again, and"
                            + " touching the range raises SIGBUS: tests of that belong into a C program");
        }
        if (advice.leavesTraits()) {
            writing(() -> advisePages(advice, pages.get()));
        } else {
            reading(() -> {
                PageRange range = pages.get();
                long result = calls.madvise(base + range.from(), range.byteSize(), advice.number());
                if (result < 0) {
                    throw Refusals.madvise(madviseCall(advice, range), result, advice);
                }
                return range;
            });
        }
    }

    private void advisePages(MemoryAdvice advice, PageRange pages) {
        long result = change(
                madviseCall(advice, pages),
                pages,
                state -> new Pieces.State(state.protection(), advice.applyTo(state.traits())),
                () -> calls.madvise(base + pages.from(), pages.byteSize(), advice.number()),
                (from, to, before) -> advice != MemoryAdvice.GUARD_INSTALL
                        || before.isGuarded()
                        || calls.madvise(base + from, to - from, Linux.MADV_GUARD_REMOVE) == 0);
        if (result < 0) {
            throw Refusals.madvise(madviseCall(advice, pages), result, advice);
        }
    }

    private String madviseCall(MemoryAdvice advice, PageRange pages) {
        return "madvise(" + what + ", " + pages + ", " + advice + ")";
    }

    /// Makes a change that stays with the pages. Segments that would allow too much die before it. When the kernel
    /// refuses, which it may do half way, `undo` puts each piece back; where that is refused too, the pieces hold
    /// what is certain. Returns what the kernel answered.
    private long change(
            String call,
            PageRange pages,
            UnaryOperator<Pieces.State> change,
            LongSupplier kernel,
            Pieces.Visitor undo) {
        Pieces before = pieces;
        Pieces after = before.with(pages.from(), pages.to(), change);
        Pieces certain = before.with(pages.from(), pages.to(), state -> state.weakerOf(change.apply(state)));
        int expected = expectedSplits(call, pages);
        int splits = expected;
        try {
            if (before.allMatch(pages.from(), pages.to(), state -> !state.losesAccessIn(change.apply(state)))) {
                whole = null; // there may be one with more access now
            } else {
                killSegments();
            }
            long result = kernel.getAsLong();
            if (result >= 0) {
                pieces = after;
                splits = newCuts(before, after, pages.from()) + newCuts(before, after, pages.to());
            } else if (!before.forEach(pages.from(), pages.to(), undo)) {
                pieces = certain;
            }
            return result;
        } finally {
            kernelMappings.settle(expected - splits, pieces.mappingCount(), base, base + pieces.byteSize());
        }
    }

    private static int newCuts(Pieces before, Pieces after, long offset) {
        return after.isCutAt(offset) && !before.isCutAt(offset) ? 1 : 0;
    }

    // The file.

    /// Writes the changed pages of a shared file mapping to its file, and waits until the device has them. Of other
    /// mappings: nothing.
    ///
    /// @throws SystemCallException if the device fails (`EIO`): what was written may be lost
    /// @throws IllegalStateException if this mapping is closed
    /// @source [msync(2)](https://man7.org/linux/man-pages/man2/msync.2.html)
    public void flush() {
        flush(this::allPages, Linux.MS_SYNC, "MS_SYNC");
    }

    /// As [#flush()], for the pages that a part lies in.
    ///
    /// @throws IllegalArgumentException if the part is not inside the mapping
    public void flush(long offset, long byteSize) {
        flush(() -> pagesAround(offset, byteSize), Linux.MS_SYNC, "MS_SYNC");
    }

    /// As [#flush()], without waiting. Linux writes changed pages of its own accord within half a minute, and does
    /// nothing more when asked so.
    public void flushAsync() {
        flush(this::allPages, Linux.MS_ASYNC, "MS_ASYNC");
    }

    /// As [#flushAsync()], for the pages that a part lies in.
    ///
    /// @throws IllegalArgumentException if the part is not inside the mapping
    public void flushAsync(long offset, long byteSize) {
        flush(() -> pagesAround(offset, byteSize), Linux.MS_ASYNC, "MS_ASYNC");
    }

    private void flush(Supplier<PageRange> pages, int msyncFlags, String flagName) {
        reading(() -> {
            PageRange range = pages.get();
            long result = calls.msync(base + range.from(), range.byteSize(), msyncFlags);
            if (result < 0) {
                throw Refusals.msync("msync(" + what + ", " + range + ", " + flagName + ")", result);
            }
            return range;
        });
    }

    // Residency.

    /// How many bytes of whole pages the kernel holds memory for now. See [#residentPages(long, long)].
    public long residentBytes() {
        return reading(() -> residentBytes(systemPagesAround(0, byteSize)));
    }

    /// As [#residentBytes()], for the pages that a part lies in.
    ///
    /// @throws IllegalArgumentException if the part is not inside the mapping
    public long residentBytes(long offset, long byteSize) {
        return reading(() -> residentBytes(systemPagesAround(offset, byteSize)));
    }

    private long residentBytes(PageRange pages) {
        long[] count = {0};
        forEachResident(pages, index -> count[0]++);
        return count[0] * systemPageByteSize();
    }

    /// Which pages the kernel holds memory for now: bit 0 is the page that the mapping begins in.
    public BitSet residentPages() {
        return reading(() -> residentPages(systemPagesAround(0, byteSize)));
    }

    /// Which of the pages that a part lies in the kernel holds memory for now: bit 0 is the page that the part
    /// begins in.
    ///
    /// Of a file it tells which pages are in the page cache, whoever put them there; when the file is neither the
    /// process's own nor writable for it, the kernel says that all are. Pages are the kernel's
    /// ([#systemPageByteSize]), also for huge pages. The answer may be old when it arrives. Costs one call for each
    /// 256 MiB.
    ///
    /// @throws IllegalArgumentException if the part is not inside the mapping, or has more than 2^31 - 1 pages
    /// @throws IllegalStateException if this mapping is closed
    /// @source [mincore(2)](https://man7.org/linux/man-pages/man2/mincore.2.html)
    public BitSet residentPages(long offset, long byteSize) {
        return reading(() -> residentPages(systemPagesAround(offset, byteSize)));
    }

    private BitSet residentPages(PageRange pages) {
        if (pages.byteSize() / systemPageByteSize() > Integer.MAX_VALUE) {
            throw new IllegalArgumentException(
                    what + ": " + pages + " has more than 2^31 - 1 pages: ask for parts, or for residentBytes");
        }
        BitSet resident = new BitSet();
        forEachResident(pages, index -> resident.set((int) index));
        return resident;
    }

    private void forEachResident(PageRange pages, LongConsumer visitor) {
        long result =
                Residency.forEachPage(calls, base + pages.from(), pages.byteSize(), systemPageByteSize(), visitor);
        if (result < 0) {
            throw Refusals.mincore("mincore(" + what + ", " + pages + ")", result);
        }
    }

    // Size.

    /// Makes the mapping larger or smaller, without copying; it may move. Afterwards all earlier segments are dead,
    /// and [#segment] is the new one. New pages read as zero, or as the file, and are protected and advised as the
    /// last one was. What lies behind the end in the last page is left alone, and seen again when the mapping
    /// grows.
    ///
    /// @param newByteSize 1 to [#MAX_BYTE_SIZE]; nothing happens when it is the size already
    /// @throws IllegalArgumentException if the size is out of its range, or past the end of the file
    /// @throws UnsupportedOperationException if it would make shared anonymous memory larger, whose size the kernel
    ///     fixes when it is made: use `SharedMemory`
    /// @throws SystemCallException if the kernel refuses; the size and the contents are as before, the segments are
    ///     dead
    /// @throws IllegalStateException if this mapping is closed, if native code is using a segment, or if a mapping
    ///     of parts with different protection or advice would become larger. Parts that were written while they
    ///     differed stay apart in the kernel, even when they are alike again: then it refuses, with `EFAULT`
    /// @source [mremap(2)](https://man7.org/linux/man-pages/man2/mremap.2.html)
    public void resize(long newByteSize) {
        writing(() -> resizePages(newByteSize, Linux.MREMAP_MAYMOVE));
    }

    /// As [#resize], but the address stays: fails with `ENOMEM` when something else is mapped behind.
    public void resizeInPlace(long newByteSize) {
        writing(() -> resizePages(newByteSize, 0));
    }

    /// As [#resize], and sets the length of the file so that it ends where the mapping ends. What a file gains is a
    /// hole, which reads as zeroes.
    ///
    /// @throws UnsupportedOperationException if this is not a shared mapping of a file that is open for writing,
    ///     made by [#ofFile]
    /// @throws SystemCallException if the kernel refuses; size and length are as before, unless it refuses that as
    ///     well
    /// @source [ftruncate(2)](https://man7.org/linux/man-pages/man2/ftruncate.2.html)
    public void resizeWithFile(long newByteSize) {
        writing(() -> resizeFile(newByteSize));
    }

    private void resizePages(long newByteSize, int mremapFlags) {
        checkByteSize(newByteSize);
        if (newByteSize == byteSize) {
            return;
        }
        long before = pieces.byteSize();
        long after = Bits.alignUp(lead + newByteSize, pageByteSize);
        if (newByteSize > byteSize) {
            checkInsideFile(newByteSize);
        }
        if (after > before) {
            checkMayGrow();
        }
        Pieces resized = pieces.resized(after);
        killSegments();
        if (after != before) {
            long address = -Errno.ENOMEM;
            strikeOffFaulting();
            try {
                address = calls.mremap(base, before, after, mremapFlags, 0);
            } finally { // without an object, until it is noted
                if (!Errno.isError(address)) {
                    base = address;
                    pieces = resized;
                }
                listAsFaulting();
            }
            if (Errno.isError(address)) {
                String call = "mremap(" + what + ", byteSize=" + byteSize + ", newByteSize=" + newByteSize + ")";
                boolean isOfPool = pageByteSize != systemPageByteSize();
                throw Refusals.mremap(call, address, mremapFlags == Linux.MREMAP_MAYMOVE, isOfPool);
            }
        }
        byteSize = newByteSize;
    }

    private void checkInsideFile(long newByteSize) {
        MappedFile mapped = file;
        if (mapped != null) {
            long length = mapped.length();
            if (fileOffset + newByteSize > length) {
                throw new IllegalArgumentException("newByteSize=" + newByteSize + " bytes from offset=" + fileOffset
                        + " is past the end of the file, " + length + " bytes: use resizeWithFile");
            }
        }
    }

    private void checkMayGrow() {
        if (isAnonymous() && (flags & Linux.MAP_SHARED) != 0) {
            throw new UnsupportedOperationException(what + ": the kernel fixes the size of shared anonymous memory ("
                    + byteSize + " bytes) when it is made: use SharedMemory, which can grow");
        }
        if (pieces.mappingCount() > 1) {
            throw new IllegalStateException(
                    what + " is " + pieces.mappingCount() + " mappings in the kernel, because parts"
                            + " of it are protected or advised otherwise than others: make them alike before it grows");
        }
    }

    private void resizeFile(long newByteSize) {
        checkByteSize(newByteSize);
        MappedFile mapped = file;
        if (mapped == null || !mapped.writable()) {
            throw new UnsupportedOperationException(what
                    + ": only a shared mapping of a file, made by ofFile with readWrite, can set the file's length");
        }
        long oldByteSize = byteSize;
        long oldLength = mapped.length();
        long newLength = fileOffset + newByteSize;
        if (newLength > oldLength) {
            mapped.setLength(newLength);
        }
        try {
            resizePages(newByteSize, Linux.MREMAP_MAYMOVE);
        } catch (RuntimeException | Error refused) {
            if (newLength > oldLength) {
                mapped.restoreLength(oldLength, newLength);
            }
            throw refused;
        }
        if (newLength < oldLength) {
            try {
                mapped.setLength(newLength);
            } catch (RuntimeException | Error refused) {
                resizeBack(oldByteSize, refused);
                throw refused;
            }
        }
    }

    private void resizeBack(long oldByteSize, Throwable refused) {
        try {
            resizePages(oldByteSize, Linux.MREMAP_MAYMOVE);
        } catch (RuntimeException refusedToo) {
            refused.addSuppressed(refusedToo);
        }
    }

    // The end.

    /// Unmaps the memory. Its segments are dead from here on. Closing once more does nothing.
    ///
    /// What was written to a shared file mapping reaches the file all the same, when the kernel likes; [#flush]
    /// before makes sure of it.
    ///
    /// @throws IllegalStateException if native code or I/O is using a segment; the mapping is as it was
    /// @throws SystemCallException if the kernel refuses, which it does when unmapping would leave too many
    ///     mappings; the mapping is as it was, and can be closed again
    @Override
    public void close() {
        lock.writeLock().lock();
        try {
            if (!closed) {
                unmap();
            }
        } finally {
            lock.writeLock().unlock();
        }
    }

    private void unmap() {
        killSegments();
        strikeOffFaulting();
        long result = -Errno.ENOMEM;
        try {
            result = calls.munmap(base, pieces.byteSize());
        } finally {
            if (result < 0) {
                listAsFaulting();
            } else {
                forget();
            }
        }
        if (result < 0) {
            throw Refusals.munmap("munmap(" + what + ", byteSize=" + byteSize + ")", result);
        }
    }

    /// Without an object, for the pages are gone.
    private void forget() {
        closed = true;
        kernelMappings.release();
        if (mayFault) {
            FaultingRanges.release();
        }
        if (file != null) {
            file.close();
        }
    }

    /// Ends the life of every segment given out so far: when this returns, no access through one is under way.
    private void killSegments() {
        MemorySegment known = whole;
        whole = null;
        if (!lent) {
            return;
        }
        Arena next = Arena.ofShared(); // before the old one is closed: there may be no room for it
        try {
            arena.close();
        } catch (IllegalStateException inUse) {
            whole = known;
            throw new IllegalStateException(
                    what + ": native code or an I/O operation is using a segment: wait for it, then try again", inUse);
        }
        arena = next;
        lent = false;
    }

    // Ranges, locks, counting.

    /// Keeps native code away from segments of these pages: `Bytes` asks. Its room was kept.
    private void listAsFaulting() {
        if (mayFault) {
            FaultingRanges.addReserved(base, pieces.byteSize());
        }
    }

    /// Before the addresses may be somebody else's; no segment is alive then.
    private void strikeOffFaulting() {
        if (mayFault) {
            FaultingRanges.removeReserving(base, pieces.byteSize());
        }
    }

    private PageRange allPages() {
        return new PageRange(0, pieces.byteSize());
    }

    private PageRange pagesAround(long offset, long partByteSize) {
        checkInside(offset, partByteSize);
        return PageRange.around(lead + offset, partByteSize, pageByteSize);
    }

    private PageRange systemPagesAround(long offset, long partByteSize) {
        checkInside(offset, partByteSize);
        return PageRange.around(lead + offset, partByteSize, systemPageByteSize());
    }

    private PageRange pagesFor(MemoryAdvice advice, long offset, long partByteSize) {
        if (advice == MemoryAdvice.REMOVE) {
            return wholePages(offset, partByteSize, isAnonymous());
        }
        return advice.isDestructive() || advice == MemoryAdvice.GUARD_REMOVE
                ? wholePages(offset, partByteSize, true)
                : pagesAround(offset, partByteSize);
    }

    /// The pages of a part that has to be made of whole ones; `withEnds` when the mapping's ends count as pages'
    /// ends.
    private PageRange wholePages(long offset, long partByteSize, boolean withEnds) {
        PageRange pages = pagesAround(offset, partByteSize);
        boolean atBegin = pages.from() == lead + offset || (withEnds && offset == 0);
        boolean atEnd = pages.to() == lead + offset + partByteSize || (withEnds && offset + partByteSize == byteSize);
        if (!(atBegin && atEnd)) {
            throw new IllegalArgumentException("offset=" + offset + ", byteSize=" + partByteSize + " bytes of " + what
                    + " is not made of whole pages of " + pageByteSize + " bytes"
                    + (lead == 0 ? "" : ", the first of which begins at " + -lead));
        }
        return pages;
    }

    private void checkInside(long offset, long partByteSize) {
        if (offset < 0 || partByteSize < 0 || offset > byteSize - partByteSize) {
            throw new IllegalArgumentException("offset=" + offset + ", byteSize=" + partByteSize + " is not inside the "
                    + byteSize + " bytes of " + what);
        }
    }

    static void checkByteSize(long byteSize) {
        if (byteSize < 1 || byteSize > MAX_BYTE_SIZE) {
            throw new IllegalArgumentException(
                    "byteSize=" + byteSize + " is not from 1 to " + MAX_BYTE_SIZE + " bytes");
        }
    }

    static long checkAddress(long address) {
        if (address <= 0 || address % systemPageByteSize() != 0) {
            throw new IllegalArgumentException("address=0x" + Long.toHexString(address)
                    + " is not a positive multiple of " + systemPageByteSize() + " bytes");
        }
        return address;
    }

    private boolean isAnonymous() {
        return (flags & Linux.MAP_ANONYMOUS) != 0;
    }

    private <T> T reading(Supplier<T> work) {
        return locked(lock.readLock(), () -> {
            checkOpen();
            return work.get();
        });
    }

    private void writing(Runnable work) {
        locked(lock.writeLock(), () -> {
            checkOpen();
            work.run();
            return true;
        });
    }

    private void checkOpen() {
        if (closed) {
            throw new IllegalStateException(what + " is closed");
        }
    }

    private static <T> T locked(Lock lock, Supplier<T> work) {
        lock.lock();
        try {
            return work.get();
        } finally {
            lock.unlock();
        }
    }

    /// Counts what a change of a part may split off at its ends, before it does.
    private int expectedSplits(String call, PageRange pages) {
        int splits = (isInOnePiece(pages.from()) ? 1 : 0) + (isInOnePiece(pages.to()) ? 1 : 0);
        if (!kernelMappings.tryAdd(splits, base, base + pieces.byteSize())) {
            throw Refusals.budget(call);
        }
        return splits;
    }

    private boolean isInOnePiece(long offset) {
        return offset > 0 && offset < pieces.byteSize() && !pieces.isCutAt(offset);
    }

    /// Checks the invariants.
    ///
    /// @throws AssertionError if one does not hold
    public void verify() {
        locked(lock.readLock(), () -> {
            check(base % pageByteSize == 0 && lead < pageByteSize, "base at a page, lead below one");
            check(
                    pieces.byteSize() == Bits.alignUp(lead + byteSize, pageByteSize),
                    "the pieces cover the mapped bytes");
            pieces.verify(pageByteSize);
            check(kernelMappings.bound() >= pieces.mappingCount(), "bound " + kernelMappings.bound());
            check(
                    closed || !mayFault || FaultingRanges.overlap(base, pieces.byteSize()),
                    "the pages that may vanish are listed");
            MemorySegment known = whole;
            check(known == null || (!closed && known.scope().isAlive()), "the segment lives as long as the mapping");
            check(
                    known == null || (known.address() == base + lead && known.byteSize() == byteSize),
                    "the segment is the whole mapping");
            boolean writable = pieces.allMatch(0, pieces.byteSize(), Pieces.State::isWritable);
            boolean readable = pieces.allMatch(0, pieces.byteSize(), Pieces.State::isReadable);
            check(
                    known == null || (readable && (writable || known.isReadOnly())),
                    "the segment allows what the pages do");
            return true;
        });
    }

    private void check(boolean holds, String invariant) {
        if (!holds) {
            throw new AssertionError(this + ": " + invariant + ": " + pieces);
        }
    }

    @Override
    public String toString() {
        return locked(
                lock.readLock(),
                () -> "Mapping[" + what + ", "
                        + (closed
                                ? "closed"
                                : "address=0x" + Long.toHexString(base + lead) + ", byteSize=" + byteSize + " ("
                                        + Sizes.text(byteSize) + ")")
                        + "]");
    }
}
