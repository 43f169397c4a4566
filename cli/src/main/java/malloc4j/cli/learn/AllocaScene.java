package malloc4j.cli.learn;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.alloc.StackAllocator;
import malloc4j.cli.child.ChildProcess.Purpose;
import malloc4j.cli.learn.Lesson.Source;
import malloc4j.cli.learn.Lesson.Try;
import malloc4j.cli.learn.Stage.Strip;

/// Memory that ends with its function.
final class AllocaScene implements Scene {
    private static final long STACK_BYTES = 64 << 10;
    private static final long BLOCK_BYTES = 100;
    private static final int FRAMES = 20_000; // a round takes some tenths of a millisecond
    private static final int BLOCKS_A_FRAME = 10;

    @Override
    public Lesson lesson() {
        return new Lesson(
                "alloca",
                "A stack frees by forgetting, a heap by bookkeeping",
                "alloca against malloc: what each costs, and how long its blocks live",
                "On a stack the newest is always freed first, so one number is all the bookkeeping there is:"
                        + " allocating adds to it, and leaving the function puts it back. A heap lets each block"
                        + " live as long as it likes, and has to remember every one. C has alloca for the first,"
                        + " with no check at all: a block that is too large overruns the stack, and a pointer that"
                        + " outlives the function points to what comes next. Java has no such stack to use; this"
                        + " project's StackAllocator makes one, and checks.",
                List.of(
                        Source.manual("alloca", 3),
                        Source.manual("malloc", 3),
                        new Source(
                                "Knuth: The Art of Computer Programming 1, 2.5",
                                "https://www-cs-faculty.stanford.edu/~knuth/taocp.html")),
                List.of(new Try("ulimit -s", "how large the stack of a program may become here, in KiB")));
    }

    @Override
    public Purpose purpose() {
        return Purpose.TIME;
    }

    @Override
    public void play(Stage stage) throws InterruptedException {
        try (Heap heap = Heap.create(HeapOptions.builder().name("alloca").build());
                StackAllocator stacks = StackAllocator.ofHeap(heap, STACK_BYTES)) {
            playTime(stage, heap, stacks);
            playLife(stage, heap, stacks);
        }
    }

    private static void playLife(Stage stage, Heap heap, StackAllocator stacks) {
        MemorySegment escaped;
        long first;
        long second;
        try (StackAllocator.Frame frame = stacks.push()) {
            escaped = frame.allocate(BLOCK_BYTES, 16);
            first = escaped.address();
            second = frame.alloca(BLOCK_BYTES);
            stage.step("A function takes two blocks of 100 bytes from its frame.")
                    .strip(new Strip()
                            .add(first, first + BLOCK_BYTES, "first block", StripKind.STACK)
                            .add(second, second + BLOCK_BYTES, "second block", StripKind.STACK))
                    .claim(
                            "Blocks of a stack lie one behind the other.",
                            second - first >= BLOCK_BYTES && second - first < 2 * BLOCK_BYTES);
        }
        long again;
        try (StackAllocator.Frame frame = stacks.push()) {
            again = frame.alloca(BLOCK_BYTES);
        }
        stage.step("The function has returned, and the next one takes a block from its own frame.")
                .strip(new Strip()
                        .add(again, again + BLOCK_BYTES, "block of the next", StripKind.LIVE)
                        .add(second, second + BLOCK_BYTES, "free", StripKind.FREE))
                .claim("Leaving a function frees its blocks: the next one gets the same addresses.", again == first);
        stage.step("The first block is used after its function has returned.")
                .claim(
                        "A block must not be used after its function; here that is an exception, in C it is not.",
                        isDead(escaped));
        long block = heap.malloc(BLOCK_BYTES);
        heap.segment(block).set(ValueLayout.JAVA_BYTE, 0, (byte) 7);
        stage.step("A function takes a block by malloc and returns its address.")
                .claim(
                        "A block of malloc outlives its function, until somebody frees it.",
                        heap.segment(block).get(ValueLayout.JAVA_BYTE, 0) == 7);
        heap.free(block);
    }

    private static boolean isDead(MemorySegment segment) {
        try {
            byte unused = segment.get(ValueLayout.JAVA_BYTE, 0);
            return false;
        } catch (IllegalStateException refused) {
            return true;
        }
    }

    private static void playTime(Stage stage, Heap heap, StackAllocator stacks) throws InterruptedException {
        double byStack = Timing.nanos(FRAMES, count -> {
            for (int i = 0; i < count; i++) {
                takeFromFrame(stacks);
            }
        });
        long[] blocks = new long[BLOCKS_A_FRAME];
        double byHeap = Timing.nanos(FRAMES, count -> {
            for (int i = 0; i < count; i++) {
                takeFromHeap(heap, blocks);
            }
        });
        double byLibrary = Timing.nanos(FRAMES, count -> {
            for (int i = 0; i < count; i++) {
                takeFromLibrary(blocks);
            }
        });
        stage.step("A function takes ten blocks of 100 bytes and gives them back when it ends.")
                .nanos("by frames of StackAllocator, each block", byStack / BLOCKS_A_FRAME)
                .nanos("by malloc and free of this project's heap", byHeap / BLOCKS_A_FRAME)
                .nanos("by the C library's, through downcalls", byLibrary / BLOCKS_A_FRAME)
                .times("malloc and free against frames, here", byHeap / byStack)
                .claim(
                        "A stack is faster than a heap: there is nothing to look for and nothing to note.",
                        byStack < byHeap);
    }

    private static long takeFromFrame(StackAllocator stacks) {
        long sum = 0;
        try (StackAllocator.Frame frame = stacks.push()) {
            for (int block = 0; block < BLOCKS_A_FRAME; block++) {
                sum += frame.alloca(BLOCK_BYTES);
            }
        }
        return sum;
    }

    private static void takeFromHeap(Heap heap, long[] blocks) {
        for (int block = 0; block < BLOCKS_A_FRAME; block++) {
            blocks[block] = heap.malloc(BLOCK_BYTES);
        }
        for (long block : blocks) {
            heap.free(block);
        }
    }

    private static void takeFromLibrary(long[] blocks) {
        for (int block = 0; block < BLOCKS_A_FRAME; block++) {
            blocks[block] = CLibrary.malloc(BLOCK_BYTES);
        }
        for (long block : blocks) {
            CLibrary.free(block);
        }
    }
}
