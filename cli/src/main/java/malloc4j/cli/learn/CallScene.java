package malloc4j.cli.learn;

import java.util.List;
import malloc4j.Heap;
import malloc4j.cli.child.ChildProcess.Purpose;
import malloc4j.cli.learn.Lesson.Source;
import malloc4j.cli.learn.Lesson.Try;
import malloc4j.linux.Mapping;
import malloc4j.peers.Memory;

/// What it costs to ask the kernel, and what to ask a library.
final class CallScene implements Scene {
    private static final long BLOCK_BYTES = 100;
    private static final int BLOCKS = 20_000; // a round takes some tenths of a millisecond
    private static final int CALLS = 2_000;
    private static final int MAPPINGS = 200;
    private static final double FEW = 2;

    @Override
    public Lesson lesson() {
        return new Lesson(
                "call",
                "A library call is cheap, a system call is not",
                "malloc, getppid and mmap in nanoseconds",
                "malloc is a function like any other: it runs in the program, and mostly it only takes a block off a"
                        + " list. A system call changes into the kernel and back, and the kernel checks what it was"
                        + " given; a call that changes the address space takes locks and edits page tables besides."
                        + " The difference is why allocators exist in the program, why they ask for much at once,"
                        + " and why they keep what was freed.",
                List.of(
                        Source.manual("syscalls", 2),
                        Source.manual("malloc", 3),
                        Source.manual("mmap", 2),
                        new Source(
                                "Soares, Stumm: FlexSC, OSDI 2010",
                                "https://www.usenix.org/conference/osdi10/flexsc-flexible-system-call-scheduling-exce"
                                        + "ption-less-system-calls")),
                List.of(
                        new Try("./malloc4j bench pair", "malloc and free with every allocator found here"),
                        new Try("strace -c ls", "how many system calls a small program makes (needs strace)")));
    }

    @Override
    public Purpose purpose() {
        return Purpose.TIME;
    }

    @Override
    public void play(Stage stage) throws InterruptedException {
        Heap heap = Heap.common();
        double here = Timing.nanos(BLOCKS, count -> {
            for (int i = 0; i < count; i++) {
                heap.free(heap.malloc(BLOCK_BYTES));
            }
        });
        double library = Timing.nanos(BLOCKS, count -> {
            for (int i = 0; i < count; i++) {
                CLibrary.free(CLibrary.malloc(BLOCK_BYTES));
            }
        });
        stage.step("A block of 100 bytes is allocated and freed, again and again.")
                .nanos("by this project's heap, in Java", here)
                .nanos("by the C library, through two downcalls", library);

        long[] sink = new long[1];
        double call = Timing.nanos(CALLS, count -> {
            for (int i = 0; i < count; i++) {
                sink[0] += CLibrary.getppid();
            }
        });
        stage.step("The kernel is asked for the number of the parent process (getppid), which it only has to look up.")
                .nanos("one system call", call)
                .times("the same in malloc and free, here", call / here)
                .claim("A system call costs more than a malloc and a free together.", call > here);

        long page = Mapping.systemPageByteSize();
        double untouched = Timing.nanos(MAPPINGS, count -> {
            for (int i = 0; i < count; i++) {
                CLibrary.munmap(CLibrary.mmap(page), page);
            }
        });
        double touched = Timing.nanos(MAPPINGS, count -> {
            for (int i = 0; i < count; i++) {
                long address = CLibrary.mmap(page);
                Memory.putByte(address, (byte) 1);
                CLibrary.munmap(address, page);
            }
        });
        stage.step("A page is mapped and unmapped, again and again; then the same with one byte written to it.")
                .nanos("mmap and munmap", untouched)
                .nanos("with one byte written", touched)
                .times("the same in malloc and free, here", touched / here)
                .claim(
                        "To have memory by mmap and munmap costs many times what malloc and free cost.",
                        untouched > FEW * here && untouched > FEW * library);
        stage.step("What the byte costs is the difference: the first touch of a page is a fault, which the"
                        + " kernel answers by finding a page and filling it with zeroes.")
                .nanos("the fault", touched - untouched)
                .times("the same in malloc and free, here", (touched - untouched) / here)
                .claim("A page fault costs more than a malloc and a free together.", touched - untouched > here);
    }
}
