package malloc4j.linux;

import java.util.StringJoiner;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.Linux;
import malloc4j.internal.region.Ground;

/// What to do when the kernel refuses a call about a mapping: one clause for each reason it has.
final class Refusals {
    private static final String MORE_MEMORY =
            "free memory, ask for less, or raise what limits it: ulimit -v and -d, vm.overcommit_memory, vm.max_map_count";
    private static final String LOCKED = "it would lock more than ulimit -l (RLIMIT_MEMLOCK) allows: raise it";

    private Refusals() {}

    static SystemCallException mmap(String call, long result, int flags) {
        boolean hugePages = (flags & Linux.MAP_HUGETLB) != 0;
        return refused(
                call,
                result,
                switch ((int) -result) {
                    case Errno.ENOMEM ->
                        hugePages
                                ? "the pool has too few free huge pages of that size: raise vm.nr_hugepages, or nr_hugepages under "
                                        + "/sys/kernel/mm/hugepages"
                                : MORE_MEMORY;
                    case Errno.EINVAL ->
                        hugePages
                                ? "the kernel has no huge pages of that size: see /sys/kernel/mm/hugepages"
                                : "an argument that this kernel or file does not take: see mmap(2)";
                    case Errno.EEXIST ->
                        "something is mapped in that range: choose another address, or leave it to the kernel";
                    case Errno.EPERM ->
                        "the address is below vm.mmap_min_addr, the file system is mounted noexec, or a seal forbids it";
                    case Errno.EACCES ->
                        "the file is not open for what the mapping wants, or the system forbids executable memory";
                    case Errno.ENODEV -> "only regular files, and devices that say so, can be mapped";
                    case Errno.EAGAIN -> LOCKED;
                    default -> "see mmap(2)";
                });
    }

    /// A refusal of ours: of what the kernel would refuse to map, or say of that it is endless.
    static SystemCallException notMappable(String call, String kind) {
        return refused(
                call, -Errno.ENODEV, "it is " + kind + ": only regular files, and devices that say so, can be mapped");
    }

    static SystemCallException mprotect(String call, long result) {
        return refused(
                call,
                result,
                switch ((int) -result) {
                    case Errno.EACCES ->
                        "the file was not opened for writing (map it with readWrite), or the system forbids executable memory";
                    case Errno.ENOMEM -> MORE_MEMORY;
                    case Errno.EPERM -> "a seal of the file forbids it";
                    default -> "see mprotect(2)";
                });
    }

    static SystemCallException mremap(String call, long result, boolean mayMove, boolean isOfPool) {
        return refused(
                call,
                result,
                switch ((int) -result) {
                    case Errno.ENOMEM ->
                        mayMove ? MORE_MEMORY : "there is no room behind it: let it move, or " + MORE_MEMORY;
                    case Errno.EFAULT ->
                        "it is several mappings in the kernel, because parts of it are locked otherwise, or were written while they "
                                + "were protected or advised otherwise: unlock them, or make a larger one and copy";
                    case Errno.EINVAL ->
                        isOfPool
                                ? "mappings of the pool's huge pages cannot grow: make a larger one and copy"
                                : "no process has so many addresses: ask for less";
                    case Errno.EAGAIN -> LOCKED;
                    default -> "see mremap(2)";
                });
    }

    static SystemCallException madvise(String call, long result, MemoryAdvice advice) {
        return refused(
                call,
                result,
                switch ((int) -result) {
                    case Errno.EINVAL ->
                        advice + " needs Linux " + advice.sinceLinux()
                                + " or newer, built with it, and the right kind of memory: see MemoryAdvice."
                                + advice;
                    case Errno.EACCES -> "the file is not open for writing";
                    case Errno.EFAULT ->
                        "a touch would fail: past the end of the file, or no memory or huge page is left to back it";
                    case Errno.EPERM -> "it needs CAP_SYS_ADMIN, or write access to the file";
                    case Errno.EAGAIN -> "the kernel had no resources for it now: try again";
                    case Errno.ENOMEM -> MORE_MEMORY;
                    case Errno.EOPNOTSUPP -> "the file system cannot make holes";
                    default -> "see madvise(2)";
                });
    }

    static SystemCallException msync(String call, long result) {
        return refused(
                call,
                result,
                switch ((int) -result) {
                    case Errno.EIO ->
                        "the device failed: what was written may be lost, and a later success does not bring it back";
                    case Errno.ENOSPC, Errno.EDQUOT -> "the file system is full: what was written is not on the disk";
                    default -> "see msync(2)";
                });
    }

    static SystemCallException mincore(String call, long result) {
        return refused(call, result, "see mincore(2)");
    }

    static SystemCallException munmap(String call, long result) {
        return refused(
                call,
                result,
                "it is still mapped, because a rest would exceed vm.max_map_count: close it once more later");
    }

    static SystemCallException open(String call, long result) {
        return refused(
                call,
                result,
                switch ((int) -result) {
                    case Errno.ENOENT -> "check the path, or ask for createOrExtend";
                    case Errno.EACCES, Errno.EPERM -> "check the permissions of the file and its directories";
                    case Errno.EISDIR ->
                        "it is a directory: only regular files, and devices that say so, can be mapped";
                    case Errno.ENXIO ->
                        "it is a socket, or a device that is not there: only regular files, and devices that say so, can be mapped";
                    case Errno.EROFS -> "the file system is mounted read-only: map it without readWrite";
                    case Errno.ETXTBSY -> "the program is running: map it without readWrite";
                    case Errno.EMFILE -> "close files, or raise ulimit -n (RLIMIT_NOFILE)";
                    default -> "see open(2)";
                });
    }

    static SystemCallException file(String call, long result) {
        return refused(
                call,
                result,
                switch ((int) -result) {
                    case Errno.ESPIPE -> "only regular files, and devices that say so, can be mapped";
                    case Errno.EFBIG ->
                        "the file system or ulimit -f (RLIMIT_FSIZE) does not allow files of that length";
                    case Errno.ENOSPC, Errno.EDQUOT -> "make room on the file system, or ask for less";
                    case Errno.EPERM -> "a seal of the file forbids it";
                    case Errno.EOPNOTSUPP -> "the file system cannot preallocate: leave it out";
                    case Errno.EINVAL ->
                        "only the length of regular files can be set, on hugetlbfs to whole huge pages";
                    default -> "see " + call.substring(0, call.indexOf('(')) + "(2)";
                });
    }

    /// A refusal of ours: the call was not made.
    static SystemCallException budget(String call) {
        return refused(
                call,
                -Errno.ENOMEM,
                "this library stops at a quarter of vm.max_map_count, "
                        + Ground.process().mappings().limit()
                        + " mappings, because past the whole of it the JVM itself dies: close mappings, or raise the sysctl");
    }

    private static SystemCallException refused(String call, long result, String advice) {
        return new SystemCallException(call, result, advice);
    }

    /// The names of the flags that a mapping can have.
    static String mapFlags(int flags) {
        StringJoiner names = new StringJoiner("|");
        names.add((flags & Linux.MAP_SHARED) != 0 ? "MAP_SHARED" : "MAP_PRIVATE");
        add(names, flags, Linux.MAP_ANONYMOUS, "MAP_ANONYMOUS");
        add(names, flags, Linux.MAP_NORESERVE, "MAP_NORESERVE");
        add(names, flags, Linux.MAP_POPULATE, "MAP_POPULATE");
        add(names, flags, Linux.MAP_STACK, "MAP_STACK");
        add(names, flags, Linux.MAP_FIXED_NOREPLACE, "MAP_FIXED_NOREPLACE");
        if ((flags & Linux.MAP_HUGETLB) != 0) {
            names.add("MAP_HUGETLB of " + (1L << (flags >>> Linux.MAP_HUGE_SHIFT)) + " bytes");
        }
        return names.toString();
    }

    private static void add(StringJoiner names, int flags, int flag, String name) {
        if ((flags & flag) != 0) {
            names.add(name);
        }
    }
}
