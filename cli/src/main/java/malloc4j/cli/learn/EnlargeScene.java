package malloc4j.cli.learn;

import java.util.List;
import java.util.Map;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.cli.child.ChildProcess.Purpose;
import malloc4j.cli.learn.Lesson.Source;
import malloc4j.cli.learn.Lesson.Try;
import malloc4j.cli.learn.Stage.Strip;
import malloc4j.linux.Mapping;
import malloc4j.linux.Protection;
import malloc4j.linux.SystemCallException;
import malloc4j.peers.Memory;

/// What becomes of addresses when memory is made larger.
final class EnlargeScene implements Scene {
    private static final long MIB = 1 << 20;
    private static final long ROOM_BYTES = 32 * MIB;
    private static final long MARK = 0x6d616c6c6f63L;
    private static final long BLOCK_BYTES = 48 << 10; // twice that is still from the break
    private static final long HUGE_BYTES = 64 * MIB;

    @Override
    public Lesson lesson() {
        return new Lesson(
                "enlarge",
                "A mapping may move when it grows, the break never moves what it has given",
                "why realloc of a large block can be nearly free, and of a small one is a copy",
                "To make memory larger in place, the addresses behind it have to be free. For a mapping the kernel"
                        + " has a way out that a program has not: it can give the same pages other addresses, by"
                        + " changing its tables and copying nothing (mremap). The break has no such way: it is the"
                        + " end of one piece, so it can grow there, and whoever lies further down stays. A block in"
                        + " the middle that has to grow is copied elsewhere.",
                List.of(Source.manual("mremap", 2), Source.manual("brk", 2), Source.manual("realloc", 3)),
                List.of(
                        new Try(
                                "./malloc4j bench cycle-3mib malloc-large",
                                "what it costs to have a large block anew each time, with five allocators"),
                        new Try(
                                "./malloc4j explain 64M",
                                "what a huge block is here, and which system calls it takes")));
    }

    @Override
    public Purpose purpose() {
        return Purpose.ADDRESSES;
    }

    @Override
    public Map<String, String> environment() {
        return Map.of("MALLOC_ARENA_MAX", "1"); // all threads use the brk heap
    }

    @Override
    public void play(Stage stage) {
        playMapping(stage);
        if (CLibrary.obstacle() == null) {
            playBlock(stage);
        }
        playHere(stage);
    }

    private static void playMapping(Stage stage) {
        long from = freeAddresses();
        long page = Mapping.systemPageByteSize();
        try (Mapping mapping = Mapping.anonymous(MIB).at(from).map();
                Mapping obstacle = Mapping.anonymous(page).at(from + MIB).map()) {
            Memory.putLong(mapping.address(), MARK);
            stage.step("1 MiB is mapped, and a page right behind it.")
                    .strip(strip(mapping, obstacle))
                    .claim("Two mappings may lie side by side.", mapping.address() + MIB == obstacle.address());
            boolean isRefused = isRefusedInPlace(mapping);
            stage.step("The first is asked to grow to 2 MiB where it is.")
                    .claim("Without leave to move, mremap fails where something is in the way.", isRefused);
            long faults = Self.minorFaults();
            mapping.resize(2 * MIB);
            long faultsOfMove = Self.minorFaults() - faults;
            stage.step("It is asked to grow to 2 MiB, and may move.")
                    .count("page faults meanwhile", faultsOfMove, "faults")
                    .strip(strip(mapping, obstacle))
                    .claim(
                            "With leave to move (MREMAP_MAYMOVE) it gets other addresses, and what was written is"
                                    + " there.",
                            mapping.address() != from && Memory.getLong(mapping.address()) == MARK);
        }
        long room = freeAddresses();
        try (Mapping mapping = Mapping.anonymous(MIB).at(room).map()) {
            mapping.resize(2 * MIB);
            stage.step("1 MiB with nothing behind it is asked to grow to 2 MiB, and may move.")
                    .claim("Where there is room, a mapping grows in place.", mapping.address() == room);
        }
    }

    /// Where so many addresses are free, for this moment.
    private static long freeAddresses() {
        try (Mapping room = Mapping.anonymous(ROOM_BYTES)
                .protection(Protection.NONE)
                .noReserve()
                .map()) {
            return room.address();
        }
    }

    private static boolean isRefusedInPlace(Mapping mapping) {
        try {
            mapping.resizeInPlace(2 * MIB);
            return false;
        } catch (SystemCallException refused) {
            return refused.errnoName().equals("ENOMEM");
        }
    }

    private static Strip strip(Mapping mapping, Mapping obstacle) {
        return new Strip()
                .add(mapping.address(), mapping.address() + mapping.byteSize(), "the mapping", StripKind.MAPPING)
                .add(obstacle.address(), obstacle.address() + obstacle.byteSize(), "a page", StripKind.LIVE);
    }

    private static void playBlock(Stage stage) {
        long block = CLibrary.malloc(BLOCK_BYTES);
        long neighbour = CLibrary.malloc(BLOCK_BYTES);
        while (neighbour < block || neighbour - block > BLOCK_BYTES + 64) { // older holes come first
            block = neighbour;
            neighbour = CLibrary.malloc(BLOCK_BYTES);
        }
        Memory.putLong(block, MARK);
        Memory.putLong(neighbour, MARK);
        long grown = CLibrary.realloc(block, 2 * BLOCK_BYTES);
        Break heap = Break.now();
        stage.step("Two blocks of 48 KiB lie side by side below the break; the lower is made twice as large by"
                        + " realloc.")
                .strip(new Strip()
                        .add(block, neighbour, "where it was", StripKind.FREE)
                        .add(neighbour, neighbour + BLOCK_BYTES, "its neighbour", StripKind.LIVE)
                        .add(grown, grown + 2 * BLOCK_BYTES, "where it is", StripKind.LIVE))
                .claim(
                        "The break grows at its end only: the neighbour stays, and the block is copied.",
                        grown != block
                                && Memory.getLong(grown) == MARK
                                && Memory.getLong(neighbour) == MARK
                                && heap.contains(neighbour));
        CLibrary.free(grown);
        CLibrary.free(neighbour);
    }

    private static void playHere(Stage stage) {
        try (Heap heap = Heap.create(HeapOptions.builder().name("enlarge").build())) {
            heap.free(heap.realloc(heap.malloc(HUGE_BYTES), 2 * HUGE_BYTES)); // what the JVM needs for it
            long block = heap.malloc(HUGE_BYTES);
            Memory.fill(block, HUGE_BYTES, (byte) 1);
            long pages = HUGE_BYTES / Mapping.systemPageByteSize();
            long faults = Self.minorFaults();
            long grown = heap.realloc(block, 2 * HUGE_BYTES);
            long faultsOfGrowth = Self.minorFaults() - faults;
            stage.step("A block of 64 MiB of this project, all written to, is made twice as large by realloc.")
                    .count("pages it has", pages, "pages")
                    .count("page faults meanwhile", faultsOfGrowth, "faults")
                    .claim(
                            "A large block grows without a copy: no page of it is touched, the kernel moves its"
                                    + " tables.",
                            faultsOfGrowth < pages / 10 && Memory.getByte(grown + HUGE_BYTES - 1) == 1);
            heap.free(grown);
        }
    }
}
