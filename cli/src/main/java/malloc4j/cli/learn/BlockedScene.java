package malloc4j.cli.learn;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.MemorySource;
import malloc4j.cli.learn.Lesson.Source;
import malloc4j.cli.learn.Lesson.Try;
import malloc4j.cli.learn.Stage.Strip;
import malloc4j.linux.Mapping;
import malloc4j.linux.ProgramBreak;
import malloc4j.linux.SystemCallException;

/// A mapping right above the break, against which its growth ends.
final class BlockedScene implements Scene {
    private static final long DISTANCE_BYTES = 1 << 20;
    private static final long STEP_BYTES = 8 << 20;
    private static final long BLOCK_BYTES = 100 << 10; // below the threshold from which blocks are mapped
    private static final int MAX_BLOCKS = 2_000; // what the C library has free already is used first

    @Override
    public Lesson lesson() {
        return new Lesson(
                "blocked",
                "The break grows until it meets a mapping",
                "what happens when something lies in the way of the brk heap, and how malloc goes on",
                "The brk heap has to be one piece, so it can grow only into addresses that nobody has. Everything"
                        + " else that a program maps is placed by the kernel far above, but nothing keeps it there:"
                        + " a program may ask for any address, and on a machine of 32 bits the room was never large."
                        + " A malloc that knew the break alone would end at the first obstacle; all of today's fall"
                        + " back to mmap.",
                List.of(
                        Source.manual("brk", 2),
                        Source.manual("malloc", 3),
                        new Source("glibc, malloc/malloc.c, sysmalloc", "https://sourceware.org/git/?p=glibc.git")),
                List.of(
                        new Try("./malloc4j map self", "the gap above the brk heap of a process, and what ends it"),
                        new Try(
                                "./malloc4j explain 100K --heap source=brk",
                                "which way a request goes on a heap of the break")));
    }

    @Override
    public Map<String, String> environment() {
        return Map.of("MALLOC_ARENA_MAX", "1"); // all threads use the brk heap
    }

    @Override
    public void play(Stage stage) {
        ProgramBreak.Layout free = ProgramBreak.layout();
        stage.step("Nothing lies above the break at first.")
                .bytes("brk heap", free.byteSize())
                .bytes("room above it", free.roomBytes())
                .strip(strip(free))
                .claim("The break may grow up to the next mapping.", free.roomBytes() > STEP_BYTES);
        long page = Mapping.systemPageByteSize();
        long address = (free.current() + DISTANCE_BYTES + page - 1) & -page;
        try (Mapping obstacle = Mapping.anonymous(page).at(address).map()) {
            ProgramBreak.Layout blocked = ProgramBreak.layout();
            stage.step("One page is mapped 1 MiB above the break, and then the break is asked to move by 8 MiB.")
                    .bytes("room above it", blocked.roomBytes())
                    .strip(strip(blocked).add(address, address + page, "a page", StripKind.MAPPING))
                    .claim("brk fails with ENOMEM where a mapping is in the way.", isRefused());
            if (CLibrary.obstacle() == null) {
                playByGlibc(stage, obstacle);
            }
            playHere(stage);
        }
        stage.step("The page is unmapped.")
                .bytes("room above the break", ProgramBreak.layout().roomBytes())
                .claim(
                        "Nothing but what is mapped now counts: the room is there again.",
                        ProgramBreak.layout().roomBytes() > STEP_BYTES);
    }

    private static Strip strip(ProgramBreak.Layout layout) {
        return new Strip().add(layout.start(), layout.current(), "brk heap", StripKind.BREAK);
    }

    private static boolean isRefused() {
        try {
            long moved = ProgramBreak.sbrk(STEP_BYTES);
            return moved == 0;
        } catch (SystemCallException refused) {
            return refused.errnoName().equals("ENOMEM");
        }
    }

    private static void playByGlibc(Stage stage, Mapping obstacle) {
        List<Long> blocks = new ArrayList<>();
        long last = 0;
        while (last < obstacle.address() && blocks.size() < MAX_BLOCKS) {
            last = CLibrary.malloc(BLOCK_BYTES);
            blocks.add(last);
        }
        Break now = Break.now();
        stage.step("The C library's malloc is asked for blocks of 100 KiB until one is not from the break.")
                .count("from the break before that", blocks.size() - 1, "blocks")
                .strip(new Strip()
                        .add(now.start(), now.end(), "brk heap", StripKind.BREAK)
                        .add(obstacle.address(), obstacle.address() + obstacle.byteSize(), "a page", StripKind.MAPPING)
                        .add(last, last + BLOCK_BYTES, "a block, by mmap", StripKind.LIVE))
                .claim(
                        "malloc falls back to mmap when the break cannot grow.",
                        last != 0 && last > obstacle.address() && !now.contains(last));
        blocks.forEach(CLibrary::free);
    }

    private static void playHere(Stage stage) {
        try (Heap heap = Heap.create(
                HeapOptions.builder().name("blocked").source(MemorySource.BRK).build())) {
            long block = heap.malloc(BLOCK_BYTES);
            stage.step("A heap of this project that asks for memory of the break is asked for a block.")
                    .claim(
                            "It falls back to mmap as well: the block lies outside of the brk heap.",
                            !Break.now().contains(block));
            heap.free(block);
        }
    }
}
