package malloc4j.process;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import malloc4j.internal.memory.Sizes;
import malloc4j.internal.os.Errno;
import malloc4j.internal.proc.SystemFiles;

/// Everything that may stop a process from having more memory, as it is now: the limits of the process, of its
/// control group and of the machine, and how the kernel hands out pages. Sizes are bytes; [#UNLIMITED] stands for
/// no limit. What a kernel does not tell is an unknown [Reading] that says why.
///
/// ```
///   this process     RLIMIT_AS, RLIMIT_DATA, RLIMIT_STACK, RLIMIT_MEMLOCK    ENOMEM, or a fault on the stack
///                    vm.max_map_count                                        ENOMEM; past it the JVM exits
///   control group    memory.max of it and of every group above it            reclaim, then the OOM killer
///                    memory.high                                             slowed down
///   machine          commit limit, if overcommit is forbidden                ENOMEM
///                    memory and swap                                         reclaim, then the OOM killer
/// ```
///
/// ```java
/// import malloc4j.process.MemoryLimits;
///
/// void main() {
///     MemoryLimits limits = MemoryLimits.read();
///     MemoryLimits.Room first = limits.rooms().getFirst();
///     IO.println(first.bytes() + " bytes until " + first.what());
///     if (limits.mappings().used().get() >= limits.mappings().max().get()) {
///         throw new AssertionError(limits);
///     }
/// }
/// ```
///
/// Cost: some fifty small files, about a millisecond; the mappings are counted, a microsecond each. Needs no native
/// access.
///
/// @param addressSpace all mappings, reservations too (`RLIMIT_AS`)
/// @param data private writable mappings, and the program break (`RLIMIT_DATA`)
/// @param stack of the first thread (`RLIMIT_STACK`); glibc gives new threads as much
/// @param lockedMemory what may be locked without `CAP_IPC_LOCK` (`RLIMIT_MEMLOCK`)
/// @param mappings how many there are and may be
/// @param overcommit whether the kernel promises memory that it does not have
/// @param machine memory and swap
/// @param controlGroup of this process
/// @param pressure how much of the time the machine's tasks wait for memory
/// @param controlGroupPressure the same of this process's control group
/// @param pageBytes the kernel's page
/// @param transparentHugePages how the kernel uses huge pages by itself
/// @param hugePagePools the pools that `MAP_HUGETLB` takes from, the smallest pages first
/// @source [getrlimit(2)](https://man7.org/linux/man-pages/man2/getrlimit.2.html);
///     [proc_meminfo(5)](https://man7.org/linux/man-pages/man5/proc_meminfo.5.html);
///     [proc_sys_vm(5)](https://man7.org/linux/man-pages/man5/proc_sys_vm.5.html);
///     `Documentation/admin-guide/cgroup-v2.rst`, `cgroup-v1/memory.rst`, `mm/transhuge.rst`, `mm/hugetlbpage.rst`;
///     `Documentation/accounting/psi.rst`
/// @since 0.1.0
public record MemoryLimits(
        ResourceLimit addressSpace,
        ResourceLimit data,
        ResourceLimit stack,
        ResourceLimit lockedMemory,
        MappingCount mappings,
        Overcommit overcommit,
        Machine machine,
        Reading<ControlGroup> controlGroup,
        Reading<Pressure> pressure,
        Reading<Pressure> controlGroupPressure,
        Reading<Long> pageBytes,
        TransparentHugePages transparentHugePages,
        List<HugePagePool> hugePagePools) {
    /// No limit.
    public static final long UNLIMITED = Long.MAX_VALUE;

    private static String size(Reading<Long> bytes) {
        return bytes.map(each -> each == UNLIMITED ? "unlimited" : Sizes.text(each))
                .toString();
    }

    /// A limit of the process, which it may raise up to the hard one.
    ///
    /// @param softBytes what counts
    /// @param hardBytes how far the soft one may be raised without privileges
    /// @param usedBytes what the process has
    public record ResourceLimit(Reading<Long> softBytes, Reading<Long> hardBytes, Reading<Long> usedBytes) {
        @Override
        public String toString() {
            return "ResourceLimit[softBytes=" + size(softBytes)
                    + ", hardBytes=" + size(hardBytes)
                    + ", usedBytes=" + size(usedBytes) + "]";
        }
    }

    /// The mappings of the process, of this library and of all.
    ///
    /// @param used mappings of the process
    /// @param max `vm.max_map_count`
    /// @param ours the most of them that this library has caused, by its own count; unknown of another process
    /// @param oursMax how many it lets itself cause
    public record MappingCount(Reading<Long> used, Reading<Long> max, Reading<Long> ours, int oursMax) {}

    /// What `vm.overcommit_memory` says.
    public enum OvercommitMode {
        /// A request is refused only when it is larger than memory and swap together.
        HEURISTIC,
        /// No request is refused.
        ALWAYS,
        /// Nothing is promised beyond the commit limit.
        NEVER
    }

    /// Whether the kernel promises memory that it does not have.
    ///
    /// @param mode whether the limit counts: only when it is [OvercommitMode#NEVER]
    /// @param ratioPercent share of memory that may be promised, besides swap; not used where `fixedBytes` is not 0
    /// @param fixedBytes the same as a size (Linux 3.14)
    /// @param limitBytes what comes of it for the whole machine
    /// @param committedBytes what has been promised to all processes
    public record Overcommit(
            Reading<OvercommitMode> mode,
            Reading<Long> ratioPercent,
            Reading<Long> fixedBytes,
            Reading<Long> limitBytes,
            Reading<Long> committedBytes) {
        @Override
        public String toString() {
            return "Overcommit[mode=" + mode
                    + ", ratioPercent=" + ratioPercent
                    + ", fixedBytes=" + size(fixedBytes)
                    + ", limitBytes=" + size(limitBytes)
                    + ", committedBytes=" + size(committedBytes) + "]";
        }
    }

    /// Memory and swap of the machine.
    ///
    /// @param totalBytes memory of the machine
    /// @param availableBytes what can be had without swapping, by the kernel's estimate (Linux 3.14)
    /// @param swapTotalBytes all swap
    /// @param swapFreeBytes unused swap
    public record Machine(
            Reading<Long> totalBytes,
            Reading<Long> availableBytes,
            Reading<Long> swapTotalBytes,
            Reading<Long> swapFreeBytes) {
        @Override
        public String toString() {
            return "Machine[totalBytes=" + size(totalBytes)
                    + ", availableBytes=" + size(availableBytes)
                    + ", swapTotalBytes=" + size(swapTotalBytes)
                    + ", swapFreeBytes=" + size(swapFreeBytes) + "]";
        }
    }

    /// The control group that counts this process's memory.
    ///
    /// @param version 1 or 2
    /// @param path its name below the root of its hierarchy
    /// @param levels itself, and then each group above it up to where this process can see: the tightest limit of
    ///     all counts
    public record ControlGroup(int version, String path, List<Level> levels) {
        /// The level with the lowest limit; empty where none has a limit.
        public Optional<Level> tightest() {
            return levels.stream()
                    .filter(level -> level.limitBytes().orElse(UNLIMITED) != UNLIMITED)
                    .min(Comparator.comparingLong(level -> level.limitBytes().orElse(UNLIMITED)));
        }

        /// The lowest limit in bytes, or [#UNLIMITED].
        public long limitBytes() {
            return tightest().map(level -> level.limitBytes().orElse(UNLIMITED)).orElse(UNLIMITED);
        }

        /// What is left below the limits: the least of all levels, or [#UNLIMITED]. Groups above are shared with
        /// others, and the page cache, which the kernel can take back, counts as used.
        public long leftBytes() {
            return levels.stream().mapToLong(Level::leftBytes).min().orElse(UNLIMITED);
        }
    }

    /// One control group.
    ///
    /// @param path below the root of its hierarchy
    /// @param limitBytes beyond it the kernel reclaims, and kills when that does not help (`memory.max`; version 1:
    ///     `memory.limit_in_bytes`)
    /// @param highBytes beyond it the group is slowed down (`memory.high`; version 1 has none)
    /// @param usedBytes what the group and those below it have
    /// @param swapLimitBytes of swap (`memory.swap.max`); in version 1 of memory and swap together
    ///     (`memory.memsw.limit_in_bytes`)
    /// @param swapUsedBytes of swap; in version 1 of memory and swap together
    public record Level(
            String path,
            Reading<Long> limitBytes,
            Reading<Long> highBytes,
            Reading<Long> usedBytes,
            Reading<Long> swapLimitBytes,
            Reading<Long> swapUsedBytes) {
        @Override
        public String toString() {
            return "Level[path=" + path
                    + ", limitBytes=" + size(limitBytes)
                    + ", highBytes=" + size(highBytes)
                    + ", usedBytes=" + size(usedBytes)
                    + ", swapLimitBytes=" + size(swapLimitBytes)
                    + ", swapUsedBytes=" + size(swapUsedBytes) + "]";
        }

        /// What is left below the limit, or [#UNLIMITED].
        public long leftBytes() {
            long limit = limitBytes.orElse(UNLIMITED);
            return limit == UNLIMITED ? UNLIMITED : Math.max(0, limit - usedBytes.orElse(0L));
        }
    }

    /// How much of the time tasks wait for memory: the kernel's pressure stall information (Linux 4.20).
    ///
    /// @param some at least one task waited
    /// @param full all tasks that had something to do waited
    public record Pressure(Stall some, Stall full) {}

    /// The share of the time that was spent waiting, in percent.
    ///
    /// @param percentOf10Seconds share of the last 10 seconds
    /// @param percentOf60Seconds share of the last minute
    /// @param percentOf300Seconds share of the last five minutes
    /// @param totalMicros since the machine, or the group, began
    public record Stall(
            double percentOf10Seconds, double percentOf60Seconds, double percentOf300Seconds, long totalMicros) {}

    /// The kernel's modes, in its own words.
    ///
    /// @param enabled for private memory: `always`, `madvise` or `never`
    /// @param defrag whether a fault waits for a huge page: `always`, `defer`, `defer+madvise`, `madvise`, `never`
    /// @param sharedMemory for shared memory (Linux 4.8)
    /// @param hugePageBytes size of a huge page (Linux 4.10)
    /// @param pagesToScan what the kernel's collecting thread looks at each time
    /// @param scanSleepMillis how long it sleeps in between
    /// @param maxEmptyPages how many untouched pages it fills to make one huge page: they become resident
    public record TransparentHugePages(
            Reading<String> enabled,
            Reading<String> defrag,
            Reading<String> sharedMemory,
            Reading<Long> hugePageBytes,
            Reading<Long> pagesToScan,
            Reading<Long> scanSleepMillis,
            Reading<Long> maxEmptyPages) {
        @Override
        public String toString() {
            return "TransparentHugePages[enabled=" + enabled + ", defrag=" + defrag + ", sharedMemory=" + sharedMemory
                    + ", hugePageBytes=" + size(hugePageBytes) + ", pagesToScan=" + pagesToScan + ", scanSleepMillis="
                    + scanSleepMillis + ", maxEmptyPages=" + maxEmptyPages + "]";
        }
    }

    /// Huge pages that the administrator has set aside.
    ///
    /// @param pageBytes size of one
    /// @param pages how many the pool has
    /// @param freePages how many nobody has
    /// @param reservedPages how many of those are promised
    /// @param surplusPages how many it has beyond its size, from the machine's memory
    /// @param maxSurplusPages how many it may have so
    public record HugePagePool(
            long pageBytes,
            Reading<Long> pages,
            Reading<Long> freePages,
            Reading<Long> reservedPages,
            Reading<Long> surplusPages,
            Reading<Long> maxSurplusPages) {
        @Override
        public String toString() {
            return "HugePagePool[pageBytes=" + Sizes.text(pageBytes) + ", pages=" + pages + ", freePages=" + freePages
                    + ", reservedPages=" + reservedPages + ", surplusPages=" + surplusPages + ", maxSurplusPages="
                    + maxSurplusPages + "]";
        }
    }

    /// What is left until something stops this process.
    ///
    /// @param what is hit then
    /// @param bytes until then
    public record Room(String what, long bytes) {
        @Override
        public String toString() {
            return "Room[what=" + what + ", bytes=" + Sizes.text(bytes) + "]";
        }
    }

    /// Reads everything now.
    public static MemoryLimits read() {
        return read(SystemFiles.LIVE);
    }

    /// Reads those of another process: its limits, its control group, and the machine's. What this library has in it
    /// is not known here.
    ///
    /// @param pid its number, 1 or more
    /// @throws IllegalArgumentException if `pid` is below 1
    /// @throws UnreadableProcessException if there is no such process (`ENOENT`)
    public static MemoryLimits of(long pid) {
        if (pid < 1) {
            throw new IllegalArgumentException("pid " + pid + ": must be 1 or more");
        }
        return pid == ProcessHandle.current().pid() ? read() : of(SystemFiles.LIVE, pid);
    }

    static MemoryLimits of(SystemFiles files, long pid) {
        String process = "/proc/" + pid;
        if (!files.exists(process + "/limits")) {
            throw new UnreadableProcessException(
                    process + "/limits", Errno.ENOENT, "there is no process with this number");
        }
        return new LimitsReader(files, process).read();
    }

    static MemoryLimits read(SystemFiles files) {
        return new LimitsReader(files, LimitsReader.THIS_PROCESS).read();
    }

    /// How far it is to each limit that there is, the nearest first. The machine's own memory is always among them,
    /// unless the kernel does not tell it.
    public List<Room> rooms() {
        List<Room> rooms = new ArrayList<>();
        addRoom(rooms, "RLIMIT_AS", addressSpace);
        addRoom(rooms, "RLIMIT_DATA", data);
        controlGroup
                .toOptional()
                .filter(group -> group.limitBytes() != UNLIMITED)
                .ifPresent(group -> rooms.add(new Room("the limit of the control group", group.leftBytes())));
        if (overcommit.mode().toOptional().equals(Optional.of(OvercommitMode.NEVER))
                && overcommit.limitBytes().isKnown()) {
            long left =
                    overcommit.limitBytes().get() - overcommit.committedBytes().orElse(0L);
            rooms.add(new Room("the commit limit of the machine", Math.max(0, left)));
        }
        machine.availableBytes()
                .toOptional()
                .ifPresent(bytes -> rooms.add(new Room(
                        "the machine has no more",
                        bytes + machine.swapFreeBytes().orElse(0L))));
        rooms.sort(Comparator.comparingLong(Room::bytes));
        return List.copyOf(rooms);
    }

    private static void addRoom(List<Room> rooms, String what, ResourceLimit limit) {
        long soft = limit.softBytes().orElse(UNLIMITED);
        if (soft != UNLIMITED) {
            rooms.add(new Room(what, Math.max(0, soft - limit.usedBytes().orElse(0L))));
        }
    }
}
