package malloc4j.internal.os;

/// The kernel's constants, under the kernel's names, with the header each group comes from. `LinuxTest` compares them
/// with the headers where those are installed.
///
/// Nearly all are the same on x86-64 and aarch64, and compile-time constants. The few that differ
/// ([#O_DIRECT], [#O_DIRECTORY], [#O_NOFOLLOW], and [#O_TMPFILE], which contains one of them) are set when this class
/// is initialised.
public final class Linux {
    // Protection of a mapping. Source: asm-generic/mman-common.h.

    /// Neither read nor written: address space only.
    public static final int PROT_NONE = 0x0;
    public static final int PROT_READ = 0x1;
    public static final int PROT_WRITE = 0x2;
    public static final int PROT_EXEC = 0x4;

    // mmap(2) flags. Source: linux/mman.h, asm-generic/mman-common.h, asm-generic/mman.h.

    /// Writes are seen by every process that maps the same file.
    public static final int MAP_SHARED = 0x01;
    /// Writes stay in this process (copy on write).
    public static final int MAP_PRIVATE = 0x02;
    /// As [#MAP_SHARED], and unknown flags are refused.
    public static final int MAP_SHARED_VALIDATE = 0x03;
    /// Exactly at the address, over whatever is mapped there.
    public static final int MAP_FIXED = 0x10;
    /// No file behind it: zeroes.
    public static final int MAP_ANONYMOUS = 0x20;
    /// Memory is not accounted for when mapped (unless overcommit is forbidden).
    public static final int MAP_NORESERVE = 0x4000;
    /// Every page is made resident at once.
    public static final int MAP_POPULATE = 0x8000;
    /// As for a thread's stack; since Linux 6.7 such a mapping gets no transparent huge pages.
    public static final int MAP_STACK = 0x20000;
    /// From the pool of huge pages; the size, if not the default, as its binary logarithm at [#MAP_HUGE_SHIFT].
    public static final int MAP_HUGETLB = 0x40000;
    /// Exactly at the address, or `EEXIST` when something is mapped there (Linux 4.17; before it, a mere hint).
    public static final int MAP_FIXED_NOREPLACE = 0x100000;
    /// Where the logarithm of the huge-page size sits in the flags. Source: asm-generic/hugetlb_encode.h.
    public static final int MAP_HUGE_SHIFT = 26;
    /// Huge pages of 2 MiB.
    public static final int MAP_HUGE_2MB = 21 << MAP_HUGE_SHIFT;
    /// Huge pages of 1 GiB.
    public static final int MAP_HUGE_1GB = 30 << MAP_HUGE_SHIFT;

    // mremap(2) flags. Source: linux/mman.h.

    public static final int MREMAP_MAYMOVE = 1;
    public static final int MREMAP_FIXED = 2;
    /// The old range stays mapped, empty (Linux 5.7).
    public static final int MREMAP_DONTUNMAP = 4;

    // madvise(2) advice. Source: asm-generic/mman-common.h.

    public static final int MADV_NORMAL = 0;
    public static final int MADV_RANDOM = 1;
    public static final int MADV_SEQUENTIAL = 2;
    public static final int MADV_WILLNEED = 3;
    /// Gives the pages back now; anonymous ones read as zero afterwards.
    public static final int MADV_DONTNEED = 4;
    /// Gives the pages back when memory is short (Linux 4.5); until then they still count as resident.
    public static final int MADV_FREE = 8;
    /// Punches a hole into the file behind a shared mapping.
    public static final int MADV_REMOVE = 9;
    public static final int MADV_DONTFORK = 10;
    public static final int MADV_DOFORK = 11;
    public static final int MADV_MERGEABLE = 12;
    public static final int MADV_UNMERGEABLE = 13;
    public static final int MADV_HUGEPAGE = 14;
    public static final int MADV_NOHUGEPAGE = 15;
    /// Leaves the range out of core dumps.
    public static final int MADV_DONTDUMP = 16;
    public static final int MADV_DODUMP = 17;
    /// A child process finds zeroes (Linux 4.14).
    public static final int MADV_WIPEONFORK = 18;
    public static final int MADV_KEEPONFORK = 19;
    /// The pages are the first to be reclaimed when memory is short (Linux 5.4).
    public static final int MADV_COLD = 20;
    /// The pages are swapped out now (Linux 5.4).
    public static final int MADV_PAGEOUT = 21;
    /// Makes pages resident for reading, and reports failure where a touch would raise a signal (Linux 5.14).
    public static final int MADV_POPULATE_READ = 22;
    /// Makes pages resident for writing, and reports failure where a touch would raise a signal (Linux 5.14).
    public static final int MADV_POPULATE_WRITE = 23;
    /// As [#MADV_DONTNEED], on locked pages too (Linux 5.18).
    public static final int MADV_DONTNEED_LOCKED = 24;
    /// Gathers the pages into huge pages now (Linux 6.1).
    public static final int MADV_COLLAPSE = 25;
    /// Treats the range's page frames as broken.
    public static final int MADV_HWPOISON = 100;
    /// Takes the range's page frames out of use, and keeps the contents (Linux 2.6.33).
    public static final int MADV_SOFT_OFFLINE = 101;
    /// Makes the range a guard that faults when touched, without splitting the mapping (Linux 6.13).
    public static final int MADV_GUARD_INSTALL = 102;
    /// Undoes [#MADV_GUARD_INSTALL].
    public static final int MADV_GUARD_REMOVE = 103;

    // msync(2) flags. Source: asm-generic/mman-common.h.

    public static final int MS_ASYNC = 1;
    public static final int MS_INVALIDATE = 2;
    public static final int MS_SYNC = 4;

    // mlock2(2) and mlockall(2) flags. Source: asm-generic/mman-common.h, asm-generic/mman.h.

    /// Locks each page when it is first touched (Linux 4.4).
    public static final int MLOCK_ONFAULT = 0x01;
    public static final int MCL_CURRENT = 1;
    public static final int MCL_FUTURE = 2;
    /// With one of the others: locks each page when it is first touched (Linux 4.4).
    public static final int MCL_ONFAULT = 4;

    // prlimit(2) resources; sizes in bytes. Source: asm-generic/resource.h.

    /// Data segment: the break, and since Linux 4.7 every private writable mapping.
    public static final int RLIMIT_DATA = 2;
    public static final int RLIMIT_STACK = 3;
    public static final int RLIMIT_NOFILE = 7;
    /// Memory locked by `mlock` and its kin.
    public static final int RLIMIT_MEMLOCK = 8;
    /// Address space: every mapping, reservations too.
    public static final int RLIMIT_AS = 9;
    /// No limit: all bits set.
    public static final long RLIM_INFINITY = -1L;

    // open(2) flags. Source: asm-generic/fcntl.h; for aarch64 arch/arm64/include/uapi/asm/fcntl.h.

    private static final boolean AARCH64 = Architecture.of(System.getProperty("os.arch", "")) == Architecture.AARCH64;

    public static final int O_RDONLY = 0x0;
    public static final int O_WRONLY = 0x1;
    public static final int O_RDWR = 0x2;
    public static final int O_CREAT = 0x40; // 0100 in the header, octal as all of them
    public static final int O_EXCL = 0x80; // 0200
    public static final int O_TRUNC = 0x200; // 01000
    /// Opening does not wait for anybody.
    public static final int O_NONBLOCK = 0x800; // 04000
    public static final int O_CLOEXEC = 0x80000; // 02000000
    public static final int O_DIRECT = AARCH64 ? 0x10000 : 0x4000; // 0200000, 040000
    public static final int O_DIRECTORY = AARCH64 ? 0x4000 : 0x10000; // 040000, 0200000
    public static final int O_NOFOLLOW = AARCH64 ? 0x8000 : 0x20000; // 0100000, 0400000
    /// A file without a name in the directory that is opened.
    public static final int O_TMPFILE = 0x400000 | O_DIRECTORY; // 020000000

    // openat(2), unlinkat(2), linkat(2), statx(2). Source: linux/fcntl.h.

    /// In place of a directory's descriptor: relative to the working directory.
    public static final int AT_FDCWD = -100;
    public static final int AT_SYMLINK_NOFOLLOW = 0x100;
    public static final int AT_SYMLINK_FOLLOW = 0x400;
    /// An empty path stands for the descriptor itself.
    public static final int AT_EMPTY_PATH = 0x1000;

    // statx(2) masks, and a file's mode. Source: linux/stat.h.

    /// All that `stat(2)` tells.
    public static final int STATX_BASIC_STATS = 0x7ff;
    /// When the file was created; tmpfs tells it since Linux 5.18.
    public static final int STATX_BTIME = 0x800;
    /// The bits of a mode that say what kind of file it is.
    public static final int S_IFMT = 0xf000; // 00170000
    public static final int S_IFREG = 0x8000; // 0100000
    public static final int S_IFDIR = 0x4000; // 0040000
    public static final int S_IFCHR = 0x2000; // 0020000
    public static final int S_IFBLK = 0x6000; // 0060000
    public static final int S_IFIFO = 0x1000; // 0010000
    public static final int S_IFLNK = 0xa000; // 0120000
    public static final int S_IFSOCK = 0xc000; // 0140000
    /// The sticky bit, which means nothing to Linux on a file that is not a directory.
    public static final int S_ISVTX = 0x200; // 0001000

    // lseek(2). Source: linux/fs.h.

    /// Counted from the end of the file.
    public static final int SEEK_END = 2;

    // fstatfs(2): its struct, and a type of file system. Source: asm-generic/statfs.h, linux/magic.h.

    public static final int STATFS_BYTES = 120;
    /// Offset of the type, 64 bits.
    public static final int STATFS_TYPE = 0;
    /// Offset of the block size, 64 bits; of hugetlbfs the size of its pages.
    public static final int STATFS_BSIZE = 8;
    public static final long HUGETLBFS_MAGIC = 0x958458f6L;
    public static final long PROC_SUPER_MAGIC = 0x9fa0L;

    // fcntl(2) commands and seals. Source: asm-generic/fcntl.h, linux/fcntl.h.

    public static final int F_GETFD = 1;
    public static final int F_SETFD = 2;
    public static final int FD_CLOEXEC = 1;
    /// Asks who holds a lock that would be in the way of one owned by this open file (Linux 3.15).
    public static final int F_OFD_GETLK = 36;
    /// Sets or removes a lock that belongs to the open file and goes with it (Linux 3.15).
    public static final int F_OFD_SETLK = 37;
    public static final int F_DUPFD_CLOEXEC = 1030;
    public static final int F_ADD_SEALS = 1033;
    public static final int F_GET_SEALS = 1034;
    /// No more seals may be added.
    public static final int F_SEAL_SEAL = 0x1;
    public static final int F_SEAL_SHRINK = 0x2;
    public static final int F_SEAL_GROW = 0x4;
    public static final int F_SEAL_WRITE = 0x8;
    /// No new writable mappings; those that exist stay (Linux 5.1).
    public static final int F_SEAL_FUTURE_WRITE = 0x10;
    /// The mode's execute bits stay as they are (Linux 6.3).
    public static final int F_SEAL_EXEC = 0x20;
    public static final int F_RDLCK = 0;
    public static final int F_WRLCK = 1;
    public static final int F_UNLCK = 2;

    // fallocate(2) modes. Source: linux/falloc.h.

    /// The file's length does not change.
    public static final int FALLOC_FL_KEEP_SIZE = 0x1;
    /// Gives back the pages of the range; needs [#FALLOC_FL_KEEP_SIZE].
    public static final int FALLOC_FL_PUNCH_HOLE = 0x2;
    public static final int FALLOC_FL_ZERO_RANGE = 0x10;

    // memfd_create(2) flags. Source: linux/memfd.h.

    public static final int MFD_CLOEXEC = 0x1;
    public static final int MFD_ALLOW_SEALING = 0x2;
    public static final int MFD_HUGETLB = 0x4;
    /// Never executable, and sealed so (Linux 6.3).
    public static final int MFD_NOEXEC_SEAL = 0x8;
    public static final int MFD_EXEC = 0x10;
    /// Where the binary logarithm of the huge-page size sits in the flags.
    public static final int MFD_HUGE_SHIFT = 26;

    // perf_event_open(2): types, what is counted, flags. Source: linux/perf_event.h.

    /// What the kernel itself counts.
    public static final int PERF_TYPE_SOFTWARE = 1;
    public static final int PERF_COUNT_SW_PAGE_FAULTS = 2;
    public static final int PERF_FLAG_FD_CLOEXEC = 1 << 3;

    // membarrier(2) commands. Source: linux/membarrier.h.

    /// Asks which of the others there are, and does nothing.
    public static final int MEMBARRIER_CMD_QUERY = 0;
    /// Every running thread of the process passes a full memory barrier (Linux 4.14).
    public static final int MEMBARRIER_CMD_PRIVATE_EXPEDITED = 1 << 3;
    /// Before the first [#MEMBARRIER_CMD_PRIVATE_EXPEDITED] of a process.
    public static final int MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED = 1 << 4;

    // sysconf(3) names, the same in glibc and musl. Source: bits/confname.h of glibc.

    /// Bytes in a page.
    public static final int _SC_PAGESIZE = 30;
    /// Processors the machine has.
    public static final int _SC_NPROCESSORS_CONF = 83;
    /// Processors that are on line.
    public static final int _SC_NPROCESSORS_ONLN = 84;
    /// Pages of memory the machine has.
    public static final int _SC_PHYS_PAGES = 85;
    /// Pages of memory free at the moment.
    public static final int _SC_AVPHYS_PAGES = 86;

    private Linux() {}
}
