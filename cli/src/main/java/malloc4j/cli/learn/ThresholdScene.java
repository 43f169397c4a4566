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
import org.jspecify.annotations.Nullable;

/// From which size a block is a mapping of its own.
final class ThresholdScene implements Scene {
    private static final long SMALL_BYTES = 100 << 10;
    private static final long LARGE_BYTES = 200 << 10;
    private static final long MOVING_BYTES = 8 << 20; // above any threshold, below the largest one, 32 MiB
    private static final long HUGE_BYTES = 40 << 20;
    private static final long DEFAULT_BYTES = 128 << 10;
    private static final long STEP_BYTES = 4 << 10;
    private static final long MAX_BYTES = 64 << 20;

    @Override
    public Lesson lesson() {
        return new Lesson(
                "threshold",
                "Small blocks come from the break, large ones by mmap, and the border moves",
                "100 KiB, 200 KiB and 8 MiB: which call each of them takes, and why it may be another one later",
                "A block of its own mapping goes back to the kernel as soon as it is freed, and costs two system"
                        + " calls and fresh pages each time; a block from the break is cheap to use again, and"
                        + " stays. So malloc draws a border: smaller blocks from the break, larger ones mapped."
                        + " glibc begins at 128 KiB and lets programs teach it: each time a mapped block is freed,"
                        + " the border rises to that size, since a program that frees such a block will soon want"
                        + " another one. A measurement of the first minute may therefore say nothing of the second.",
                List.of(
                        Source.manual("mallopt", 3),
                        Source.manual("malloc", 3),
                        new Source(
                                "The GNU C Library, 3.2.3.7 Malloc Tunable Parameters",
                                "https://sourceware.org/glibc/manual/latest/html_node/Malloc-Tunable-Parameters.html")),
                List.of(
                        new Try(
                                "strace -f -e trace=brk,mmap,munmap -o calls.txt ls",
                                "the system calls of a small program (needs strace)"),
                        new Try("./malloc4j explain 40M", "from which size this project maps a block by itself")));
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
        String obstacle = CLibrary.obstacle();
        if (obstacle == null) {
            playByGlibc(stage);
        }
        playHere(stage);
    }

    private static void playByGlibc(Stage stage) {
        long found = threshold();
        boolean hasMoved = found > DEFAULT_BYTES + STEP_BYTES;
        @Nullable String moved = hasMoved ? "the JVM has freed a mapped block before this scene began" : null;
        stage.step("The smallest block is looked for that the C library maps by itself.")
                .bytes("threshold", found)
                .claimUnless(moved, "The threshold is 128 KiB when a program begins.", () -> !hasMoved);

        long first = CLibrary.malloc(MOVING_BYTES);
        boolean wasMapped = CLibrary.isMapped(first);
        Break earlier = Break.now();
        CLibrary.free(first);
        long second = CLibrary.malloc(MOVING_BYTES);
        boolean isMapped = CLibrary.isMapped(second);
        Break later = Break.now();
        stage.step("A block of 8 MiB is allocated.")
                .strip(new Strip()
                        .add(earlier.start(), earlier.end(), "brk heap", StripKind.BREAK)
                        .add(first, first + MOVING_BYTES, "8 MiB, mapped", StripKind.MAPPING))
                .claim("A block above the threshold has a mapping of its own.", wasMapped);
        stage.step("It is freed, and 8 MiB are allocated once more.")
                .bytes("threshold now", threshold())
                .strip(new Strip()
                        .add(later.start(), second, "brk heap", StripKind.BREAK)
                        .add(second, second + MOVING_BYTES, "8 MiB, from the break", StripKind.LIVE)
                        .add(second + MOVING_BYTES, later.end(), "top", StripKind.FREE))
                .claim(
                        "Freeing a mapped block raises the threshold to its size: the next one of that size comes from"
                                + " the break.",
                        !isMapped && later.contains(second));

        CLibrary.mallopt(CLibrary.M_MMAP_THRESHOLD, DEFAULT_BYTES);
        long small = CLibrary.malloc(SMALL_BYTES);
        long large = CLibrary.malloc(LARGE_BYTES);
        Break heap = Break.now();
        stage.step("The threshold is set to 128 KiB by mallopt; then one block of 100 KiB and one of 200 KiB are"
                        + " allocated.")
                .bytes("threshold", threshold())
                .strip(new Strip()
                        .add(heap.start(), small, "brk heap", StripKind.BREAK)
                        .add(small, small + SMALL_BYTES, "a block", StripKind.LIVE)
                        .add(small + SMALL_BYTES, heap.end(), "brk heap", StripKind.BREAK)
                        .add(large, large + LARGE_BYTES, "a block, mapped", StripKind.MAPPING))
                .claim(
                        "Below the threshold malloc takes memory from the break, from it on by mmap.",
                        heap.contains(small)
                                && !CLibrary.isMapped(small)
                                && !heap.contains(large)
                                && CLibrary.isMapped(large));
        long third = CLibrary.malloc(MOVING_BYTES);
        CLibrary.free(third);
        long fourth = CLibrary.malloc(MOVING_BYTES);
        stage.step("The 8 MiB once more: allocated, freed, allocated.")
                .bytes("threshold", threshold())
                .claim("A threshold that was set by hand does not move any more.", CLibrary.isMapped(fourth));
        CLibrary.free(fourth);
        CLibrary.free(large);
        CLibrary.free(small);
        CLibrary.free(second); // last: a hole in the brk heap would have served the others, whatever the threshold
    }

    /// The size of the smallest block that is mapped now, to 4 KiB. The blocks tried are not freed, because that would
    /// move it, or leave holes; nothing is written to them.
    private static long threshold() {
        long below = 0;
        long from = MAX_BYTES;
        while (from - below > STEP_BYTES) {
            long middle = (below + from) / 2 & -STEP_BYTES;
            if (CLibrary.isMapped(CLibrary.malloc(middle))) {
                from = middle;
            } else {
                below = middle;
            }
        }
        return from;
    }

    private static void playHere(Stage stage) {
        HeapOptions options =
                HeapOptions.builder().name("threshold").source(MemorySource.BRK).build();
        try (Heap heap = Heap.create(options)) {
            long small = heap.malloc(SMALL_BYTES);
            long moving = heap.malloc(MOVING_BYTES);
            long huge = heap.malloc(HUGE_BYTES);
            heap.free(huge);
            long again = heap.malloc(HUGE_BYTES);
            Break now = Break.now();
            stage.step("The same on a heap of this project on the break: 100 KiB, 8 MiB, and 40 MiB, which is freed and"
                            + " allocated once more.")
                    .bytes("its threshold", options.memory().mmapThresholdBytes())
                    .count("of 100 KiB and 8 MiB are from the break", count(now, small, moving), "of 2")
                    .count("of both of 40 MiB are from the break", count(now, huge, again), "of 2")
                    .claim(
                            "A threshold may stay where it is: this heap's does, and what one run has measured is so"
                                    + " in the next minute.",
                            count(now, small, moving) == 2 && count(now, huge, again) == 0);
            heap.free(small);
            heap.free(moving);
            heap.free(again);
        }
    }

    private static int count(Break heap, long one, long other) {
        return (heap.contains(one) ? 1 : 0) + (heap.contains(other) ? 1 : 0);
    }
}
