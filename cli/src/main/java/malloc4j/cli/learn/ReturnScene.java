package malloc4j.cli.learn;

import java.util.List;
import java.util.Map;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.cli.child.ChildProcess.Purpose;
import malloc4j.cli.learn.Lesson.Source;
import malloc4j.cli.learn.Lesson.Try;
import malloc4j.linux.Mapping;
import malloc4j.peers.Memory;

/// When memory that was freed is the kernel's again.
final class ReturnScene implements Scene {
    private static final int BLOCKS = 320;
    private static final long BLOCK_BYTES = 100 << 10; // below the threshold from which blocks are mapped
    private static final long PIN_BYTES = 2_000; // above what glibc keeps in a thread's cache
    private static final long BYTES = BLOCKS * BLOCK_BYTES;
    private static final double MOST = 0.9;

    @Override
    public Lesson lesson() {
        return new Lesson(
                "return",
                "munmap gives memory back at once, free does not",
                "what the process still holds after munmap, after free, and after a trim",
                "free is a promise between a program and its malloc: this block may be handed out again. The kernel"
                        + " is not asked. It hears of it only when malloc decides to give pages back: because the"
                        + " top of the heap is free, because somebody calls malloc_trim, or because the allocator"
                        + " looks for idle pages by itself. So a program that has freed a gigabyte may hold that"
                        + " gigabyte for ever, and an operator who looks at its resident size will call it a leak.",
                List.of(
                        Source.manual("munmap", 2),
                        Source.manual("free", 3),
                        Source.manual("malloc_trim", 3),
                        Source.manual("madvise", 2)),
                List.of(
                        new Try(
                                "./malloc4j bench return",
                                "the same with two million small blocks and five allocators"),
                        new Try("./malloc4j trim PID", "has the heaps of a running program give back what is free")));
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
        long unused = Self.residentBytes(); // what the JVM needs for it, it has afterwards
        playMapping(stage, Self.residentBytes());
        if (CLibrary.obstacle() == null) {
            playByGlibc(stage);
        }
        playHere(stage);
    }

    private static void playMapping(Stage stage, long before) {
        long touched;
        try (Mapping mapping = Mapping.anonymous(BYTES).map()) {
            mapping.segment().fill((byte) 1);
            touched = Self.residentBytes();
        }
        long after = Self.residentBytes();
        stage.step("32,000 KiB are mapped, written to, and unmapped.")
                .bytes("resident before", before)
                .bytes("when written", touched)
                .bytes("after munmap", after)
                .claim(
                        "munmap gives memory back to the kernel at once.",
                        touched - before > MOST * BYTES && touched - after > MOST * BYTES);
    }

    private static void playByGlibc(Stage stage) {
        long[] blocks = new long[BLOCKS];
        long[] pins = new long[BLOCKS];
        CLibrary.trim();
        long before = Self.residentBytes();
        for (int i = 0; i < BLOCKS; i++) {
            blocks[i] = CLibrary.malloc(BLOCK_BYTES);
            pins[i] = CLibrary.malloc(PIN_BYTES);
            Memory.fill(blocks[i], BLOCK_BYTES, (byte) 1);
        }
        long touched = Self.residentBytes();
        for (long block : blocks) {
            CLibrary.free(block);
        }
        long freed = Self.residentBytes();
        CLibrary.trim();
        long trimmed = Self.residentBytes();
        for (long pin : pins) {
            CLibrary.free(pin);
        }
        stage.step("320 blocks of 100 KiB by the C library's malloc, each followed by a small one that stays,"
                        + " are written to and freed.")
                .bytes("resident before", before)
                .bytes("when written", touched)
                .bytes("after free", freed)
                .claim(
                        "free gives nothing back where blocks in use lie between: the process keeps it for the next"
                                + " malloc.",
                        touched - before > MOST * BYTES && touched - freed < (1 - MOST) * BYTES);
        stage.step("malloc_trim is called.")
                .bytes("resident now", trimmed)
                .claim(
                        "malloc_trim gives back whole free pages, also between blocks in use.",
                        freed - trimmed > MOST * BYTES);
    }

    private static void playHere(Stage stage) {
        try (Heap heap = Heap.create(HeapOptions.builder().name("return").build())) {
            long[] blocks = new long[BLOCKS];
            for (int i = 0; i < BLOCKS; i++) {
                blocks[i] = heap.malloc(BLOCK_BYTES);
                Memory.fill(blocks[i], BLOCK_BYTES, (byte) 1);
            }
            long touched = heap.residentBytes();
            for (long block : blocks) {
                heap.free(block);
            }
            long freed = heap.residentBytes();
            heap.trim(0);
            long trimmed = heap.residentBytes();
            stage.step("320 blocks of 100 KiB from a heap of this project are written to and freed; then it is"
                            + " trimmed. It would do so by itself in some seconds.")
                    .bytes("of the heap resident when written", touched)
                    .bytes("after free", freed)
                    .bytes("after trim", trimmed)
                    .claim(
                            "A heap that knows which pages are free can give them back without anything being moved.",
                            touched > MOST * BYTES && trimmed < (1 - MOST) * BYTES);
        }
    }
}
