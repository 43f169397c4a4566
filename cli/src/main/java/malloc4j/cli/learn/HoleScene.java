package malloc4j.cli.learn;

import java.util.List;
import java.util.Map;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.MemorySource;
import malloc4j.cli.child.ChildProcess.Purpose;
import malloc4j.cli.learn.Lesson.Source;
import malloc4j.cli.learn.Lesson.Try;
import malloc4j.cli.learn.Stage.Strip;
import malloc4j.linux.Mapping;
import malloc4j.linux.ProgramBreak;
import malloc4j.peers.Memory;

/// A small block on top of the brk heap, and the hole below it.
final class HoleScene implements Scene {
    private static final int BLOCKS = 320;
    private static final long BLOCK_BYTES = 100 << 10; // below the threshold from which blocks are mapped
    private static final long PIN_BYTES = 2_000; // above what glibc keeps in a thread's cache
    private static final int MAX_PINS = 50_000; // that fill older holes before one lies on top
    private static final int TRIM_THRESHOLD_BYTES = 128 << 10; // as every program begins; a JVM has moved it
    private static final int MAX_TRIES = 5; // other threads of the JVM use the same heap
    private static final double MOST = 0.9;

    @Override
    public Lesson lesson() {
        return new Lesson(
                "hole",
                "A small block above pins a big hole below it",
                "why a program that has freed nearly everything is as large as before",
                "The program break is one number: all memory between its start and the break belongs to the process,"
                        + " and the only way to give some back by moving the break is from the top. So what decides"
                        + " how much goes back is not how much was freed but where the highest block lies that was"
                        + " not. This is why a long-running program may stay large for the sake of one small object,"
                        + " and why newer allocators give pages back from the middle.",
                List.of(
                        Source.manual("brk", 2),
                        Source.manual("mallopt", 3),
                        new Source(
                                "Kernighan, Ritchie: The C Programming Language, 8.7",
                                "https://en.wikipedia.org/wiki/The_C_Programming_Language")),
                List.of(
                        new Try(
                                "./malloc4j map self",
                                "the brk heap of a JVM: what it holds, and how much is in memory"),
                        new Try(
                                "./malloc4j bench return keep-every-200th",
                                "what five allocators give back around blocks that stay")));
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
        if (CLibrary.obstacle() == null) {
            playByGlibc(stage);
        }
        playHere(stage);
    }

    private static void playByGlibc(Stage stage) {
        CLibrary.mallopt(CLibrary.M_TRIM_THRESHOLD, TRIM_THRESHOLD_BYTES);
        long start = ProgramBreak.layout().start();
        long[] blocks = new long[BLOCKS];
        long[] pins = new long[MAX_PINS];
        Attempt last = new Attempt(start, blocks, pins); // a rehearsal: what the JVM needs for it, it has afterwards
        int tries = 0;
        do {
            last = new Attempt(start, blocks, pins);
        } while (++tries < MAX_TRIES && !last.hasFallen());
        tell(stage, last);
    }

    private static void tell(Stage stage, Attempt a) {
        long hole = a.holeEnd - a.holeStart;
        stage.step("The C library's malloc gives 320 blocks of 100 KiB, all written to, and then a small one that lies"
                        + " above them.")
                .bytes("brk heap before", a.before - a.start)
                .bytes("brk heap now", a.full - a.start)
                .strip(a.strip(a.full, StripKind.LIVE, "320 blocks"))
                .claim("malloc takes small blocks from the program break, which moves up for them.", a.hasRisen());
        stage.step("The 320 blocks are freed; the small one stays.")
                .bytes("brk heap now", a.holed - a.start)
                .bytes("free below the small block", hole)
                .bytes("of that in memory", a.holeResident)
                .strip(a.strip(a.holed, StripKind.FREE, "hole"))
                .claim(
                        "The break cannot be lowered below a block in use: the hole stays, and its pages stay in"
                                + " memory.",
                        a.holed > a.pin && a.holeResident > MOST * hole);
        stage.step("The small block is freed too.")
                .bytes("brk heap now", a.last - a.start)
                .strip(a.stripOfLast())
                .claimUnless(
                        a.hasFallen() ? null : "another thread of the JVM has a block above it, each time it was tried",
                        "When the top of the heap is free, free lowers the break, and all goes back at once.",
                        a::hasFallen);
    }

    /// The same blocks on the break of this project's heap.
    private static void playHere(Stage stage) {
        try (Heap heap = Heap.create(
                HeapOptions.builder().name("hole").source(MemorySource.BRK).build())) {
            long[] blocks = new long[BLOCKS];
            for (int i = 0; i < BLOCKS; i++) {
                blocks[i] = heap.malloc(BLOCK_BYTES);
                Memory.fill(blocks[i], BLOCK_BYTES, (byte) 1);
            }
            long pin = heap.malloc(BLOCK_BYTES);
            Memory.fill(pin, BLOCK_BYTES, (byte) 1);
            long from = blocks[0];
            long to = from;
            for (long block : blocks) {
                from = Math.min(from, block);
                to = Math.max(to, block + BLOCK_BYTES);
            }
            long breakBefore = ProgramBreak.current();
            for (long block : blocks) {
                heap.free(block);
            }
            heap.trim(0);
            long page = Mapping.systemPageByteSize();
            long resident = CLibrary.residentBytes(from & -page, (to - from) & -page, page);
            stage.step("The same on a heap of this project whose memory is from the break: 320 blocks are"
                            + " freed, one above them stays, and trim is called.")
                    .bytes("free below the block", to - from)
                    .bytes("of that in memory", resident)
                    .strip(new Strip()
                            .add(from, to, "hole, given back", StripKind.RETURNED)
                            .add(pin, pin + BLOCK_BYTES, "one block", StripKind.LIVE))
                    .claim(
                            "Pages of a hole can go back without the break: the addresses stay, the memory does not"
                                    + " (madvise).",
                            ProgramBreak.current() >= breakBefore && resident < (1 - MOST) * (to - from));
            heap.free(pin);
        }
    }

    /// One run with the C library's malloc.
    private static final class Attempt {
        private final long start;
        private final long before;
        private final long holeStart;
        private final long holeEnd;
        private final long pin;
        private final long full;
        private final long holed;
        private final long holeResident;
        private final long last;

        /// @param start of the brk heap
        Attempt(long start, long[] blocks, long[] pins) {
            this.start = start;
            CLibrary.trim();
            fillHoles();
            before = ProgramBreak.current();
            for (int i = 0; i < BLOCKS; i++) {
                blocks[i] = CLibrary.malloc(BLOCK_BYTES);
                Memory.fill(blocks[i], BLOCK_BYTES, (byte) 1);
            }
            int count = 0;
            do {
                pins[count] = CLibrary.malloc(PIN_BYTES);
            } while (pins[count++] < blocks[BLOCKS - 1] && count < MAX_PINS);
            pin = pins[count - 1];
            full = ProgramBreak.current();
            long page = Mapping.systemPageByteSize();
            holeStart = (blocks[0] + page - 1) & -page;
            holeEnd = (blocks[BLOCKS - 1] + BLOCK_BYTES) & -page;
            for (long block : blocks) {
                CLibrary.free(block);
            }
            holed = ProgramBreak.current();
            holeResident = CLibrary.residentBytes(holeStart, holeEnd - holeStart, page);
            while (count > 0) {
                CLibrary.free(pins[--count]);
            }
            last = ProgramBreak.current();
        }

        /// Takes what is free in the middle, for good, so that the next block comes from the top.
        private static void fillHoles() {
            long top;
            do {
                top = ProgramBreak.current();
            } while (CLibrary.malloc(BLOCK_BYTES) + 2 * BLOCK_BYTES < top);
        }

        boolean hasFallen() {
            return last < holeEnd;
        }

        boolean hasRisen() {
            return start < pin && pin < full && full - before > MOST * (holeEnd - holeStart);
        }

        Strip strip(long end, StripKind kind, String label) {
            return new Strip()
                    .add(start, holeStart, "older blocks", StripKind.BREAK)
                    .add(holeStart, holeEnd, label, kind)
                    .add(holeEnd, pin + PIN_BYTES, "small block", StripKind.LIVE)
                    .add(pin + PIN_BYTES, end, "top", StripKind.FREE);
        }

        Strip stripOfLast() {
            return new Strip().add(start, last, "older blocks", StripKind.BREAK);
        }
    }
}
