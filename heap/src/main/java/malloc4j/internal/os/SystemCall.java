package malloc4j.internal.os;

/// The table of the kernel's calls we make: numbers for [LinuxCalls], text for `docs/system-calls.md`, which
/// `SystemCallsDocTest` generates from here.
///
/// x86-64 has numbers of its own, aarch64 those of the generic table. `open`, `unlink` and a 32-bit `prlimit` are
/// missing in the generic table, so the newer `openat`, `unlinkat` and `prlimit64` are used on both.
///
/// @source `asm/unistd_64.h` for x86-64, `asm-generic/unistd.h` for aarch64
public enum SystemCall {
    MMAP(
            "mmap",
            9,
            222,
            "PROT_NONE, PROT_READ, PROT_WRITE, PROT_EXEC; MAP_PRIVATE, MAP_SHARED, MAP_ANONYMOUS, MAP_NORESERVE, "
                    + "MAP_POPULATE, MAP_STACK, MAP_FIXED_NOREPLACE, MAP_FIXED (over a reservation of our own only), "
                    + "MAP_HUGETLB",
            "region, cache, linux",
            "reserves the zone, its records and the caches' entries, commits other sources' extents, maps huge blocks, "
                    + "shared memory and files",
            "`ENOMEM` fails that one request; a smaller zone is tried when a limit on address space is the cause; "
                    + "without huge pages normal ones are taken"),
    MUNMAP(
            "munmap",
            11,
            215,
            "",
            "region, linux",
            "gives back huge blocks, closed heaps and mappings",
            "`ENOMEM` (a split would exceed `vm.max_map_count`): the range stays mapped, its pages go by `madvise`"),
    MREMAP(
            "mremap",
            25,
            216,
            "MREMAP_MAYMOVE, MREMAP_FIXED, MREMAP_DONTUNMAP",
            "region, linux",
            "grows and shrinks huge blocks and mappings without copying",
            "a new block and a copy instead; of a mapping the caller's exception"),
    MPROTECT(
            "mprotect",
            10,
            226,
            "PROT_NONE, PROT_READ, PROT_WRITE, PROT_EXEC",
            "region, cache, linux",
            "commits parts of what is reserved, protects mappings",
            "`ENOMEM` (commit limit, `RLIMIT_DATA` or `vm.max_map_count`) fails that one request"),
    MADVISE(
            "madvise",
            28,
            233,
            "MADV_DONTNEED, MADV_DONTNEED_LOCKED, MADV_FREE, MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_COLLAPSE, MADV_POPULATE_WRITE, "
                    + "MADV_DONTDUMP, MADV_WIPEONFORK, MADV_DONTFORK, MADV_REMOVE, MADV_GUARD_INSTALL, MADV_GUARD_REMOVE; for "
                    + "mappings, on request, any but MADV_HWPOISON",
            "span, region, cache, linux",
            "gives free pages back while their addresses stay ours; huge pages; guards",
            "advice the kernel does not know (`EINVAL`) is left out; pages that could not be given back stay counted as "
                    + "resident"),
    MINCORE(
            "mincore",
            27,
            232,
            "",
            "region, linux",
            "tells which pages are resident: for statistics, and that a claim of the break is untouched",
            "counted as not resident; the claim is given up"),
    MSYNC(
            "msync",
            26,
            227,
            "MS_SYNC, MS_ASYNC",
            "linux",
            "writes a file mapping back, on request",
            "the caller's exception"),
    MLOCK(
            "mlock",
            149,
            228,
            "",
            "linux",
            "keeps pages in memory, on request",
            "the caller's exception, naming `RLIMIT_MEMLOCK`"),
    MLOCK2(
            "mlock2",
            325,
            284,
            "MLOCK_ONFAULT",
            "region, linux",
            "the same, each page when it is first touched; so again what was locked when it was given back",
            "ignored when giving back; the caller's exception, naming `RLIMIT_MEMLOCK`"),
    MUNLOCK(
            "munlock",
            150,
            229,
            "",
            "region, linux",
            "undoes either, before pages are given back too",
            "the pages stay; the caller's exception"),
    MLOCKALL(
            "mlockall",
            151,
            230,
            "MCL_CURRENT, MCL_FUTURE, MCL_ONFAULT",
            "linux",
            "keeps the whole process in memory, on request",
            "the caller's exception, naming `RLIMIT_MEMLOCK`"),
    MUNLOCKALL("munlockall", 152, 231, "", "linux", "undoes it", "the caller's exception"),
    PRLIMIT64(
            "prlimit64",
            302,
            261,
            "RLIMIT_AS, RLIMIT_DATA, RLIMIT_MEMLOCK, RLIMIT_STACK",
            "linux",
            "reads limits; sets them only on request (and in tests, to make memory short)",
            "the caller's exception"),
    MEMFD_CREATE(
            "memfd_create",
            319,
            279,
            "MFD_CLOEXEC, MFD_ALLOW_SEALING, MFD_NOEXEC_SEAL, MFD_HUGETLB",
            "region, linux",
            "the file behind shared memory, and the empty one behind a guard page that faults as a Java exception",
            "without `MFD_NOEXEC_SEAL` again where the kernel does not know it; the caller's exception; guards fall back "
                    + "to none"),
    MEMFD_SECRET(
            "memfd_secret",
            447,
            447,
            "O_CLOEXEC",
            "linux",
            "memory for secrets, on request",
            "`ENOSYS` (Linux before 5.14, or switched off at boot): anonymous memory, and the secret says so"),
    OPENAT(
            "openat",
            257,
            56,
            "AT_FDCWD; O_RDONLY, O_RDWR, O_CREAT, O_EXCL, O_TMPFILE, O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, "
                    + "O_CLOEXEC",
            "malloc4j, linux",
            "opens a heap's file, makes that of what it guards; opens the file behind a file mapping; makes, opens and lists shared memory",
            "the caller's exception"),
    CLOSE(
            "close",
            3,
            57,
            "",
            "region, linux",
            "closes descriptors we opened",
            "never repeated: the descriptor is gone"),
    UNLINKAT(
            "unlinkat",
            263,
            35,
            "AT_FDCWD",
            "malloc4j, linux",
            "removes a shared memory's name, on request, and a heap's file of what it guards",
            "the caller's exception; that file stays"),
    LINKAT(
            "linkat",
            265,
            37,
            "AT_FDCWD; AT_SYMLINK_FOLLOW",
            "linux",
            "gives shared memory that is complete its name",
            "`EEXIST`: the name is taken, the caller's exception"),
    STATX(
            "statx",
            332,
            291,
            "AT_FDCWD; AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW; STATX_BASIC_STATS, STATX_BTIME",
            "linux",
            "reads size, mode, owner and age of shared memory",
            "the caller's exception"),
    FCHMOD("fchmod", 91, 52, "", "linux", "sets who may open shared memory, on request", "the caller's exception"),
    GETDENTS64("getdents64", 217, 61, "", "linux", "lists shared memory", "the caller's exception"),
    FTRUNCATE(
            "ftruncate",
            77,
            46,
            "",
            "region, linux",
            "sets the length of a file before it is mapped, or with its mapping",
            "the caller's exception"),
    LSEEK(
            "lseek",
            8,
            62,
            "SEEK_END",
            "region, linux",
            "asks for the length of a file before it is mapped",
            "the caller's exception"),
    FSTATFS(
            "fstatfs",
            138,
            44,
            "",
            "linux",
            "asks whether a file that is mapped is made of huge pages",
            "taken for one that is not"),
    FALLOCATE(
            "fallocate",
            285,
            47,
            "FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE",
            "region, linux",
            "gives back pages of a file that are locked, or makes sure of a file's before they are touched",
            "`ENOSPC` and `EOPNOTSUPP`: the caller's exception when making sure, ignored when giving back"),
    FCNTL(
            "fcntl",
            72,
            25,
            "F_ADD_SEALS, F_GET_SEALS, F_DUPFD_CLOEXEC, F_OFD_SETLK, F_OFD_GETLK; F_RDLCK, F_WRLCK, F_UNLCK",
            "region, linux",
            "seals shared memory, on request; locks that tell who has it, past the last byte it can have",
            "the caller's exception"),
    SCHED_YIELD("sched_yield", 24, 124, "", "os", "waits for a lock of ours, after some spinning", "never fails"),
    NANOSLEEP(
            "nanosleep",
            35,
            101,
            "",
            "os",
            "waits for a lock of ours that is held for longer, and for what the garbage collector frees",
            "`EINTR`: what was waited for is tried again, as after the sleep"),
    MEMBARRIER(
            "membarrier",
            324,
            283,
            "MEMBARRIER_CMD_QUERY, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, MEMBARRIER_CMD_PRIVATE_EXPEDITED",
            "os",
            "makes every thread of the process pass a memory barrier, before a stock of large blocks is taken from "
                    + "its thread; and, asked for nothing, lets the JDK link its way to the kernel before the first call",
            "`ENOSYS` (Linux before 4.14), `EPERM` (seccomp): threads have no stocks, large blocks go by a lock"),
    PERF_EVENT_OPEN(
            "perf_event_open",
            298,
            241,
            "PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS, PERF_FLAG_FD_CLOEXEC",
            "sample",
            "keeps the addresses of a thread's latest page faults, where some blocks are guarded: so an error says which was "
                    + "touched",
            "`EACCES`, `EPERM` (`kernel.perf_event_paranoid`, seccomp), `ENOENT`, `ENOSYS`: the report is a guess, and says so");

    private final String kernelName;
    private final int x8664Number;
    private final int aarch64Number;
    private final String flags;
    private final String callers;
    private final String purpose;
    private final String onFailure;

    SystemCall(
            String kernelName,
            int x8664Number,
            int aarch64Number,
            String flags,
            String callers,
            String purpose,
            String onFailure) {
        this.kernelName = kernelName;
        this.x8664Number = x8664Number;
        this.aarch64Number = aarch64Number;
        this.flags = flags;
        this.callers = callers;
        this.purpose = purpose;
        this.onFailure = onFailure;
    }

    /// The kernel's name of the call, and of its manual page in section 2.
    public String kernelName() {
        return kernelName;
    }

    /// The number to put before the arguments of `syscall(2)`.
    public int number(Architecture architecture) {
        return architecture == Architecture.AARCH64 ? aarch64Number : x8664Number;
    }

    /// The flags we pass, by their names in [Linux]; empty where there are none.
    public String flags() {
        return flags;
    }

    /// The packages that make the call, the lowest first.
    public String callers() {
        return callers;
    }

    /// What the call is made for.
    public String purpose() {
        return purpose;
    }

    /// What happens when it fails.
    public String onFailure() {
        return onFailure;
    }
}
