package malloc4j.cli.learn;

import java.util.ArrayList;
import java.util.List;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.cli.child.ChildProcess.Purpose;
import malloc4j.cli.learn.Lesson.Source;
import malloc4j.cli.learn.Lesson.Try;
import malloc4j.cli.learn.Stage.Strip;
import malloc4j.linux.Mapping;
import malloc4j.peers.Memory;

/// What the smallest piece of memory is that the kernel gives.
final class GranularityScene implements Scene {
    private static final int MAPPINGS = 1_000;
    private static final int BLOCKS = 1_000;

    @Override
    public Lesson lesson() {
        return new Lesson(
                "granularity",
                "The kernel gives whole pages: one byte costs as much as a page",
                "why there is a malloc at all between a program and the kernel",
                "The processor translates addresses page by page, so the kernel can give, protect and take back"
                        + " nothing smaller than a page. A program that wants a hundred bytes and asks the kernel"
                        + " for them pays for a whole page, for a system call, and for a fault when it first touches"
                        + " it. That is what a malloc is for: it asks for many pages at once and cuts them into"
                        + " blocks. How large a page is differs between machines and is asked for, never assumed:"
                        + " sysconf(_SC_PAGESIZE).",
                List.of(
                        Source.manual("mmap", 2),
                        Source.manual("sysconf", 3),
                        new Source(
                                "Gorman: Understanding the Linux Virtual Memory Manager, chapter 3",
                                "https://www.kernel.org/doc/gorman/")),
                List.of(
                        new Try("getconf PAGESIZE", "the page of this machine"),
                        new Try("./malloc4j explain 1", "what a request of one byte gets from this project")));
    }

    @Override
    public Purpose purpose() {
        return Purpose.ADDRESSES;
    }

    @Override
    public void play(Stage stage) {
        long page = Mapping.systemPageByteSize();
        List<Mapping> mappings = new ArrayList<>(MAPPINGS);
        try {
            Mapping.anonymous(1).map().close(); // what the JVM needs for one, it has afterwards
            long before = Self.status("VmSize");
            for (int i = 0; i < MAPPINGS; i++) {
                mappings.add(Mapping.anonymous(1).map());
            }
            long grown = Self.status("VmSize") - before;
            stage.step("The kernel is asked for 1 byte by mmap, 1,000 times.")
                    .bytes("page of this machine", page)
                    .bytes("asked for", MAPPINGS)
                    .bytes("addresses that the process has more", grown)
                    .claim(
                            "mmap gives whole pages: one byte takes the addresses of one.",
                            Math.abs(grown - MAPPINGS * page) < MAPPINGS * page / 10);
            Mapping one = mappings.getFirst();
            stage.step("Nothing is written yet.")
                    .bytes("of them in memory", resident(mappings))
                    .strip(new Strip()
                            .add(
                                    one.address(),
                                    one.address() + page,
                                    "one of them: addresses alone",
                                    StripKind.RESERVED))
                    .claim("What is mapped costs no memory until it is touched.", resident(mappings) == 0);
            mappings.forEach(mapping -> Memory.putByte(mapping.address(), (byte) 1));
            stage.step("That one byte of each is written.")
                    .bytes("written", MAPPINGS)
                    .bytes("of them in memory", resident(mappings))
                    .strip(new Strip()
                            .add(one.address(), one.address() + 1, "the byte", StripKind.LIVE)
                            .add(one.address() + 1, one.address() + page, "the rest of its page", StripKind.FREE))
                    .claim(
                            "The first touch of a byte makes its whole page resident.",
                            resident(mappings) == MAPPINGS * page);
        } finally {
            mappings.forEach(Mapping::close);
        }
        playBlocks(stage, page);
    }

    private static long resident(List<Mapping> mappings) {
        return mappings.stream().mapToLong(Mapping::residentBytes).sum();
    }

    private static void playBlocks(Stage stage, long page) {
        try (Heap heap = Heap.create(HeapOptions.builder().name("granularity").build())) {
            long[] blocks = new long[BLOCKS];
            long sum = 0;
            for (int i = 0; i < BLOCKS; i++) {
                blocks[i] = heap.malloc(1);
                sum += heap.usableSize(blocks[i]);
            }
            long own = sum / BLOCKS;
            long block = CLibrary.malloc(1);
            stage.step("malloc is asked for 1 byte.")
                    .bytes("usable, from this project's heap", own)
                    .bytes("usable, from the C library", CLibrary.usableSize(block))
                    .claim(
                            "malloc cuts pages into blocks: many requests share one page.",
                            own < page && CLibrary.usableSize(block) < page);
            CLibrary.free(block);
            for (long each : blocks) {
                heap.free(each);
            }
        }
    }
}
