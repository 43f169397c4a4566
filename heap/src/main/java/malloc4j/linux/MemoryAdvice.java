package malloc4j.linux;

import malloc4j.internal.os.Linux;

/// What a program can tell the kernel about a range of memory: every value that `madvise` has, up to Linux 6.18.
///
/// | | keeps the contents | may lose the contents |
/// |---|---|---|
/// | hints about use | [#NORMAL], [#RANDOM], [#SEQUENTIAL], [#WILLNEED], [#COLD], [#PAGEOUT] | |
/// | resident now, or not | [#POPULATE_READ], [#POPULATE_WRITE] | [#DONTNEED], [#DONTNEED_LOCKED], [#FREE], [#REMOVE] |
/// | huge pages, equal pages | [#HUGEPAGE], [#NOHUGEPAGE], [#COLLAPSE], [#MERGEABLE], [#UNMERGEABLE] | |
/// | child processes | [#DONTFORK], [#DOFORK], [#WIPEONFORK], [#KEEPONFORK] | |
/// | core dumps | [#DONTDUMP], [#DODUMP] | |
/// | guards | [#GUARD_REMOVE] | [#GUARD_INSTALL] |
/// | faulty hardware | [#SOFT_OFFLINE] | [#HWPOISON] |
///
/// Advice that a kernel is too old for, or was built without, is refused with `EINVAL`; so is advice that the kind
/// of memory does not take, which each constant names.
///
/// @source [madvise(2)](https://man7.org/linux/man-pages/man2/madvise.2.html), `mm/madvise.c`
/// @since 0.1.0
public enum MemoryAdvice {
    /// No special treatment; undoes [#RANDOM] and [#SEQUENTIAL].
    NORMAL(Linux.MADV_NORMAL, "2.4", Trait.RANDOM | Trait.SEQUENTIAL, 0),

    /// Pages are used in no order: a file is not read ahead.
    RANDOM(Linux.MADV_RANDOM, "2.4", Trait.SEQUENTIAL, Trait.RANDOM),

    /// Pages are used from low to high: a file is read ahead further, and pages behind may go soon.
    SEQUENTIAL(Linux.MADV_SEQUENTIAL, "2.4", Trait.RANDOM, Trait.SEQUENTIAL),

    /// Soon needed: a file's pages are read in the background, swapped pages come back.
    WILLNEED(Linux.MADV_WILLNEED, "2.4"),

    /// Not needed any more: the pages go at once. Private anonymous memory reads as zero afterwards, a private file
    /// mapping as the file; shared memory keeps its contents, and only this mapping's page tables are emptied.
    /// Locked pages are refused (`EINVAL`).
    DONTNEED(Linux.MADV_DONTNEED, "2.4"),

    /// Not needed any more: the pages may go whenever memory is short, and then read as zero; a write takes a page
    /// out of that again. Until then they count as resident. Private anonymous memory only.
    FREE(Linux.MADV_FREE, "4.5"),

    /// Punches a hole into what is behind a shared mapping: its pages and disk blocks go, and everybody reads
    /// zeroes. The file must be open for writing, and on a file system with holes.
    REMOVE(Linux.MADV_REMOVE, "2.6.16"),

    /// A child process made by `fork` does not have the range at all.
    DONTFORK(Linux.MADV_DONTFORK, "2.6.16", 0, Trait.NOT_INHERITED),

    /// Undoes [#DONTFORK].
    DOFORK(Linux.MADV_DOFORK, "2.6.16", Trait.NOT_INHERITED, 0),

    /// Pages of equal content may be merged into one, copied again when written: memory against the time of a
    /// kernel thread, and a side channel that tells a neighbour what a page holds. Private anonymous memory;
    /// elsewhere without effect. Nothing happens unless `/sys/kernel/mm/ksm/run` is 1.
    MERGEABLE(Linux.MADV_MERGEABLE, "2.6.32", 0, Trait.MERGEABLE),

    /// Undoes [#MERGEABLE], and makes merged pages single ones again.
    UNMERGEABLE(Linux.MADV_UNMERGEABLE, "2.6.32", Trait.MERGEABLE, 0),

    /// Transparent huge pages are wanted: at the next touch where the range is aligned, and later by the kernel's
    /// own thread.
    HUGEPAGE(Linux.MADV_HUGEPAGE, "2.6.38", Trait.NO_HUGE_PAGES, Trait.HUGE_PAGES),

    /// Transparent huge pages are not wanted: what is resident is what was touched.
    NOHUGEPAGE(Linux.MADV_NOHUGEPAGE, "2.6.38", Trait.HUGE_PAGES, Trait.NO_HUGE_PAGES),

    /// A core dump leaves the range out.
    DONTDUMP(Linux.MADV_DONTDUMP, "3.4", 0, Trait.NOT_DUMPED),

    /// Undoes [#DONTDUMP].
    DODUMP(Linux.MADV_DODUMP, "3.4", Trait.NOT_DUMPED, 0),

    /// A child process made by `fork` finds zeroes. Private anonymous memory only.
    WIPEONFORK(Linux.MADV_WIPEONFORK, "4.14", 0, Trait.WIPED),

    /// Undoes [#WIPEONFORK].
    KEEPONFORK(Linux.MADV_KEEPONFORK, "4.14", Trait.WIPED, 0),

    /// The first to be reclaimed when memory is short.
    COLD(Linux.MADV_COLD, "5.4"),

    /// Reclaimed now: written to swap, or to the file. Pages that other processes map too stay.
    PAGEOUT(Linux.MADV_PAGEOUT, "5.4"),

    /// Makes every page resident for reading, and reports what a touch would have met as a signal: past the end of
    /// a file, or an empty pool of huge pages (`EFAULT`).
    POPULATE_READ(Linux.MADV_POPULATE_READ, "5.14"),

    /// Makes every page resident for writing, a private file's as copies; reports failure as [#POPULATE_READ].
    POPULATE_WRITE(Linux.MADV_POPULATE_WRITE, "5.14"),

    /// As [#DONTNEED], for locked pages too.
    DONTNEED_LOCKED(Linux.MADV_DONTNEED_LOCKED, "5.18"),

    /// Gathers pages into huge pages now. `EINVAL` when the range holds no aligned huge page or nothing resident,
    /// `EAGAIN` when memory for one could not be had.
    COLLAPSE(Linux.MADV_COLLAPSE, "6.1"),

    /// Makes the range a guard: without a mapping of its own, and so without counting against `vm.max_map_count`,
    /// every touch of it raises `SIGSEGV`. Private anonymous memory loses its contents. [Mapping#advise] treats it
    /// as [Protection#NONE]: segments are refused. For files since Linux 6.15; not for locked memory or the pool's
    /// huge pages (`EINVAL`).
    GUARD_INSTALL(Linux.MADV_GUARD_INSTALL, "6.13", 0, Trait.GUARDED),

    /// Undoes [#GUARD_INSTALL]; anonymous private memory reads as zero then.
    GUARD_REMOVE(Linux.MADV_GUARD_REMOVE, "6.13", Trait.GUARDED, 0),

    /// Takes the range's physical page frames out of use until the machine boots again, and moves the contents to
    /// others: for frames whose errors have been corrected so far. Needs `CAP_SYS_ADMIN` and a kernel that handles
    /// memory failures.
    SOFT_OFFLINE(Linux.MADV_SOFT_OFFLINE, "2.6.33"),

    /// Treats the range's page frames as broken: for tests of the kernel's handling of memory failures. They are
    /// lost to the machine until it boots again, and whoever touches the range gets `SIGBUS`. Needs
    /// `CAP_SYS_ADMIN`. [Mapping#advise] refuses it.
    HWPOISON(Linux.MADV_HWPOISON, "2.6.32");

    /// What advice leaves behind at a range: neighbours that differ are mappings of their own in the kernel, but
    /// for [#GUARDED].
    static final class Trait {
        static final int RANDOM = 1;
        static final int SEQUENTIAL = 1 << 1;
        static final int NOT_INHERITED = 1 << 2;
        static final int WIPED = 1 << 3;
        static final int NOT_DUMPED = 1 << 4;
        static final int MERGEABLE = 1 << 5;
        static final int HUGE_PAGES = 1 << 6;
        static final int NO_HUGE_PAGES = 1 << 7;
        static final int GUARDED = 1 << 8;

        private Trait() {}
    }

    private final int number;
    private final String sinceLinux;
    private final int clears;
    private final int sets;

    MemoryAdvice(int number, String sinceLinux) {
        this(number, sinceLinux, 0, 0);
    }

    MemoryAdvice(int number, String sinceLinux, int clears, int sets) {
        this.number = number;
        this.sinceLinux = sinceLinux;
        this.clears = clears;
        this.sets = sets;
    }

    /// The kernel's number of it.
    public int number() {
        return number;
    }

    /// The first version of Linux that has it, such as `"5.14"`; `"2.4"` for those that are older than 2.6.
    public String sinceLinux() {
        return sinceLinux;
    }

    /// Whether what the range holds may be lost, here or in a file.
    public boolean isDestructive() {
        return switch (this) {
            case DONTNEED, DONTNEED_LOCKED, FREE, REMOVE, GUARD_INSTALL, HWPOISON -> true;
            default -> false;
        };
    }

    /// Whether the kernel takes it only from a process with `CAP_SYS_ADMIN`.
    public boolean needsPrivilege() {
        return this == SOFT_OFFLINE || this == HWPOISON;
    }

    /// Whether it stays with the range, and so may split a mapping in the kernel.
    boolean leavesTraits() {
        return (clears | sets) != 0;
    }

    /// The traits of a range with `traits` once it has had this advice.
    int applyTo(int traits) {
        return (traits & ~clears) | sets;
    }
}
