package malloc4j;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import malloc4j.internal.memory.Sizes;
import malloc4j.internal.os.Errno;
import malloc4j.internal.region.ChunkMap;
import malloc4j.internal.region.Ground;
import malloc4j.process.MemoryLimits;
import malloc4j.process.MemoryLimits.OvercommitMode;
import malloc4j.process.MemoryLimits.ResourceLimit;

/// Says which limit really stands in the way of a request that the kernel, or this library on its behalf, has refused:
/// its figure, what is left below it, and how to raise it. Read when the error is made, from `/proc`.
final class KernelLimits {
    private static final int MAPPINGS_NEAR = 64;

    private KernelLimits() {}

    /// One limit that makes `mmap` and its kin fail.
    private record Room(long leftBytes, String text) {}

    /// After a refusal by the kernel.
    ///
    /// @param result minus errno
    static String ofKernel(long result) {
        if (result == -Errno.EIO) {
            return "the file system of the heap's file or a quota is full, it has no files of that length, or somebody has"
                    + " cut the file";
        }
        if (result != -Errno.ENOMEM) {
            return Errno.meaning(result);
        }
        try {
            MemoryLimits limits = MemoryLimits.read();
            long used = limits.mappings().used().orElse(0L);
            long max = limits.mappings().max().orElse(Long.MAX_VALUE);
            if (max - used < MAPPINGS_NEAR) {
                return "the process has " + used + " mappings and vm.max_map_count is " + max
                        + ": unmap some, or raise the sysctl";
            }
            return rooms(limits).stream()
                    .min(Comparator.comparingLong(Room::leftBytes))
                    .map(Room::text)
                    .orElseGet(() -> machine(limits));
        } catch (RuntimeException | OutOfMemoryError | LinkageError unreadable) {
            return "see ulimit -v and -d, vm.overcommit_memory and vm.max_map_count";
        }
    }

    /// The limits that a call meets at once. That of a control group is not among them: it is met by touching memory,
    /// and by being killed.
    private static List<Room> rooms(MemoryLimits limits) {
        List<Room> rooms = new ArrayList<>();
        add(rooms, limits.addressSpace(), "RLIMIT_AS", "ulimit -v");
        add(rooms, limits.data(), "RLIMIT_DATA", "ulimit -d");
        MemoryLimits.Overcommit overcommit = limits.overcommit();
        if (overcommit.mode().toOptional().equals(Optional.of(OvercommitMode.NEVER))) {
            long limit = overcommit.limitBytes().orElse(Long.MAX_VALUE);
            long left = Math.max(0, limit - overcommit.committedBytes().orElse(0L));
            rooms.add(new Room(
                    left,
                    "vm.overcommit_memory is 2, and of the machine's commit limit of " + Sizes.text(limit) + ", "
                            + Sizes.text(left) + " are left: end something, or raise vm.overcommit_ratio"));
        }
        return rooms;
    }

    private static void add(List<Room> rooms, ResourceLimit limit, String name, String command) {
        long soft = limit.softBytes().orElse(MemoryLimits.UNLIMITED);
        if (soft != MemoryLimits.UNLIMITED) {
            long left = Math.max(0, soft - limit.usedBytes().orElse(0L));
            rooms.add(new Room(
                    left,
                    name + " is " + Sizes.exact(soft) + ", of which " + Sizes.exact(left) + " are left: raise "
                            + command + " (in KiB), or free memory"));
        }
    }

    private static String machine(MemoryLimits limits) {
        long memory = limits.machine().totalBytes().orElse(0L);
        long swap = limits.machine().swapTotalBytes().orElse(0L);
        return "no limit of the process is met: the machine has " + Sizes.text(memory) + " of memory and "
                + Sizes.text(swap) + " of swap, and vm.overcommit_memory refuses a request for more than that together";
    }

    /// After the zone, or this library's share of addresses or of mappings, was found used up.
    static String ofAddresses() {
        Ground ground = Ground.process();
        String zone = "the " + Sizes.text(ChunkMap.main().byteSize()) + " of addresses reserved at the start";
        try {
            if (ground.mappings().isNearLimit()) {
                return "this library stops at a quarter of vm.max_map_count, "
                        + ground.mappings().limit() + " mappings: free blocks, or raise the sysctl";
            }
            long soft = MemoryLimits.read().addressSpace().softBytes().orElse(MemoryLimits.UNLIMITED);
            return soft == MemoryLimits.UNLIMITED
                    ? zone + " have no room for it: free blocks, or lower mmapThresholdBytes"
                    : "RLIMIT_AS is " + Sizes.exact(soft)
                            + ", and what this library lets itself have of that has no room"
                            + " for it, " + zone + " and "
                            + Sizes.text(ground.addressShare().hugeBytes())
                            + " for mappings of their own: raise ulimit -v (in KiB), or free blocks";
        } catch (RuntimeException | OutOfMemoryError | LinkageError unreadable) {
            return zone + " have no room for it: free blocks, or raise ulimit -v if it is set";
        }
    }
}
