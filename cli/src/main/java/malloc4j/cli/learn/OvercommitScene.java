package malloc4j.cli.learn;

import java.util.List;
import malloc4j.cli.child.ChildProcess.Purpose;
import malloc4j.cli.learn.Lesson.Source;
import malloc4j.cli.learn.Lesson.Try;
import malloc4j.cli.learn.Stage.Strip;
import malloc4j.linux.Mapping;
import malloc4j.linux.SystemCallException;
import malloc4j.peers.Memory;
import malloc4j.process.MemoryLimits;
import malloc4j.process.MemoryLimits.OvercommitMode;
import malloc4j.process.MemoryLimits.Room;
import org.jspecify.annotations.Nullable;

/// Promised memory, and memory.
final class OvercommitScene implements Scene {
    private static final long TIB = 1L << 40;
    private static final long GIB = 1L << 30;
    private static final long TOUCHED_BYTES = 64 << 20; // all that this scene ever has in memory of a terabyte
    private static final long ALLOWANCE_BYTES = 256 << 20;
    private static final String RESERVED =
            "1 TiB is asked for with MAP_NORESERVE: addresses, with no promise of memory.";
    private static final String MORE_THAN_MEMORY = "A process may have more addresses than the machine has memory.";
    private static final String LARGE_MACHINE = "this machine has more than 1 TiB";

    @Override
    public Lesson lesson() {
        return new Lesson(
                "overcommit",
                "The kernel promises more memory than there is",
                "a terabyte of addresses, what of it is memory, and what ends it",
                "Most programs never touch much of what they map, so Linux hands out addresses freely and finds a"
                        + " page only when one is touched. That makes sparse tables, guard zones and large stacks"
                        + " free. The price is paid late: when more is touched than there is, no call can fail any"
                        + " more, since a store into memory has no error code; the kernel then ends a process. Who"
                        + " wants the refusal early, at mmap, can have it: by a limit for the process, or by"
                        + " vm.overcommit_memory=2 for the machine.",
                List.of(
                        Source.manual("mmap", 2),
                        Source.manual("malloc", 3),
                        Source.manual("getrlimit", 2),
                        new Source(
                                "Linux: Overcommit Accounting",
                                "https://docs.kernel.org/mm/overcommit-accounting.html")),
                List.of(
                        new Try(
                                "./malloc4j limits",
                                "every limit on memory that a process runs into, the nearest first"),
                        new Try("./malloc4j doctor", "whether this machine's settings will hurt")));
    }

    @Override
    public Purpose purpose() {
        return Purpose.ADDRESSES;
    }

    @Override
    public void play(Stage stage) {
        MemoryLimits limits = MemoryLimits.read();
        OvercommitMode mode = limits.overcommit().mode().orElse(OvercommitMode.HEURISTIC);
        long machine = limits.machine().totalBytes().orElse(0L)
                + limits.machine().swapTotalBytes().orElse(0L);
        long allowed = limits.addressSpace().softBytes().orElse(MemoryLimits.UNLIMITED);
        @Nullable
        String limited = allowed == MemoryLimits.UNLIMITED
                ? null
                : "RLIMIT_AS (ulimit -v) allows this process no terabyte of addresses";
        playPlain(stage, machine, mode, limited);
        @Nullable
        String obstacle =
                mode == OvercommitMode.NEVER ? "vm.overcommit_memory is 2: nothing is overcommitted" : limited;
        if (obstacle == null) {
            playReserved(stage, machine);
        } else {
            stage.step(RESERVED).open(MORE_THAN_MEMORY, obstacle);
        }
        playRooms(stage, limits, machine);
        playLimit(stage, allowed);
    }

    private static void playPlain(Stage stage, long machine, OvercommitMode mode, @Nullable String limited) {
        boolean isRefused = isRefused(TIB, false);
        @Nullable
        String other = mode == OvercommitMode.HEURISTIC
                ? machine > TIB ? LARGE_MACHINE : limited
                : "vm.overcommit_memory is not 0 here";
        stage.step("1 TiB of ordinary memory is asked for by mmap.")
                .bytes("memory and swap of this machine", machine)
                .claimUnless(
                        other,
                        "By default (vm.overcommit_memory=0) only a request that is larger than memory and swap"
                                + " together is refused, with ENOMEM.",
                        () -> isRefused);
    }

    private static void playReserved(Stage stage, long machine) {
        long sizeBefore = Self.status("VmSize");
        long residentBefore = Self.residentBytes();
        try (Mapping mapping =
                Mapping.anonymous(TIB).noReserve().transparentHugePages(false).map()) {
            long from = mapping.address();
            stage.step(RESERVED)
                    .bytes("addresses that the process has more (VmSize)", Self.status("VmSize") - sizeBefore)
                    .bytes("in memory of it", mapping.residentBytes(0, GIB))
                    .strip(new Strip().add(from, from + TIB, "addresses", StripKind.RESERVED))
                    .claimUnless(
                            machine > TIB ? LARGE_MACHINE : null,
                            MORE_THAN_MEMORY,
                            () -> Self.status("VmSize") - sizeBefore >= TIB);
            long page = Mapping.systemPageByteSize();
            for (long offset = 0; offset < TOUCHED_BYTES; offset += page) {
                Memory.putByte(from + offset, (byte) 1);
            }
            long resident = Self.residentBytes() - residentBefore;
            stage.step("The first 64 MiB of it are touched, and no more: this scene takes care of the machine.")
                    .bytes("addresses (VmSize)", Self.status("VmSize") - sizeBefore)
                    .bytes("resident (VmRSS)", resident)
                    .strip(new Strip()
                            .add(from, from + TOUCHED_BYTES, "touched", StripKind.LIVE)
                            .add(from + TOUCHED_BYTES, from + TIB, "addresses", StripKind.RESERVED))
                    .claim(
                            "Only what is touched becomes memory; VmSize says nothing of what a process costs.",
                            mapping.residentBytes(0, GIB) == TOUCHED_BYTES && resident < 2 * TOUCHED_BYTES);
        }
    }

    private static void playRooms(Stage stage, MemoryLimits limits, long machine) {
        List<Room> rooms = limits.rooms();
        Stage.Step step = stage.step(
                "Where touching more would end is looked up: the limits of this process, the nearest first.");
        rooms.forEach(room -> step.bytes("until " + room.what(), room.bytes()));
        step.claim(
                "Memory ends long before addresses do.",
                !rooms.isEmpty() && rooms.getFirst().bytes() <= machine);
    }

    /// @param allowed by the limit that the process has already
    private static void playLimit(Stage stage, long allowed) {
        long limit = Math.min(allowed, Self.status("VmSize") + ALLOWANCE_BYTES);
        long before = CLibrary.setSoftLimit(CLibrary.RLIMIT_AS, limit);
        boolean isRefused;
        boolean isLittleGiven;
        try {
            isRefused = isRefused(TIB, true);
            isLittleGiven = !isRefused(TOUCHED_BYTES, true);
        } finally {
            CLibrary.setSoftLimit(CLibrary.RLIMIT_AS, before);
        }
        stage.step("The process gets a limit on its addresses (RLIMIT_AS), 256 MiB above what it has; then it"
                        + " asks for 1 TiB with MAP_NORESERVE again, and for 64 MiB.")
                .bytes("limit", limit)
                .claim(
                        "With a limit the refusal comes when memory is asked for, where a program can answer it.",
                        isRefused && isLittleGiven);
    }

    private static boolean isRefused(long byteSize, boolean withoutReserve) {
        var builder = Mapping.anonymous(byteSize);
        try (Mapping mapping = (withoutReserve ? builder.noReserve() : builder).map()) {
            return mapping.byteSize() < byteSize;
        } catch (SystemCallException refused) {
            return refused.errnoName().equals("ENOMEM");
        }
    }
}
