package malloc4j.cli.learn;

import java.util.List;
import java.util.Map;
import malloc4j.cli.learn.Lesson.Source;
import malloc4j.cli.learn.Lesson.Try;
import malloc4j.cli.learn.Stage.Strip;
import malloc4j.observe.Area;
import malloc4j.observe.AreaKind;
import malloc4j.observe.AreaKind.Group;
import malloc4j.process.AddressSpace;

/// The parts of a process, of this very one.
final class ProcessScene implements Scene {
    @Override
    public Lesson lesson() {
        return new Lesson(
                "process",
                "Text, data, bss, heap, stack: the parts of a process",
                "where each lies in a running process, which may be written, and which may be executed",
                "Every book draws the same picture: the program's text at the bottom, its data and bss above, then a"
                        + " heap that grows up, and at the top a stack that grows down. It is still so, for the part"
                        + " of a process that is the program. But most of a process of today lies between heap and"
                        + " stack, in the mmap zone: libraries, the stacks of all threads but the first, and"
                        + " whatever a runtime such as the JVM asks for.",
                List.of(
                        Source.manual("proc_pid_maps", 5),
                        Source.manual("elf", 5),
                        new Source(
                                "Bryant, O'Hallaron: Computer Systems, A Programmer's Perspective, 9.7",
                                "https://csapp.cs.cmu.edu/")),
                List.of(
                        new Try("./malloc4j map self", "the same of a whole JVM, drawn from the stack down"),
                        new Try("./malloc4j layout PID", "each range of a process, and whose it is"),
                        new Try(
                                "size $(command -v cat)",
                                "text, data and bss of a program that is not running (binutils)")));
    }

    @Override
    public Map<String, String> environment() {
        return Map.of("MALLOC_ARENA_MAX", "1"); // so that there is a brk heap worth looking at
    }

    @Override
    public void play(Stage stage) {
        AddressSpace space = AddressSpace.ofThisProcess();
        Range text = range(space, AreaKind.PROGRAM_TEXT);
        Range data = range(space, AreaKind.PROGRAM_DATA);
        Range bss = range(space, AreaKind.PROGRAM_BSS);
        Range heap = range(space, AreaKind.BREAK);
        Range stack = Range.of(space.areas().stream()
                .filter(area -> area.mapping().name().equals("[stack]"))
                .toList());
        Range libraries = Range.of(space.areas().stream()
                .filter(area -> area.kind().group() == Group.LIBRARIES)
                .toList());
        Stage.Step parts = stage.step("The parts of this very process are looked up: the java that plays this scene.")
                .bytes("text", text.byteSize())
                .bytes("data", data.byteSize())
                .bytes("brk heap", heap.byteSize())
                .bytes("stack of the first thread", stack.byteSize())
                .strip(new Strip()
                        .add(text.from(), text.to(), "text", StripKind.PROGRAM)
                        .add(data.from(), data.to(), "data", StripKind.PROGRAM)
                        .add(bss.from(), bss.to(), "bss", StripKind.PROGRAM)
                        .add(heap.from(), heap.to(), "brk heap", StripKind.BREAK)
                        .add(libraries.from(), libraries.to(), "mmap zone, with the libraries", StripKind.LIBRARY)
                        .add(stack.from(), stack.to(), "stack", StripKind.STACK));
        parts.claim(
                "From below: text, data and bss, heap, then mappings, and the stack above all.",
                text.isBelow(data)
                        && data.isBelow(heap)
                        && heap.isBelow(libraries)
                        && libraries.isBelow(stack)
                        && (bss.byteSize() == 0 || (data.isBelow(bss) && bss.isBelow(heap))));
        long writableText = space.areas().stream()
                .filter(area -> area.kind() == AreaKind.PROGRAM_TEXT || area.kind() == AreaKind.LIBRARY_TEXT)
                .filter(area -> area.mapping().isWritable())
                .count();
        long executableData = space.areas().stream()
                .filter(area -> area.kind() == AreaKind.PROGRAM_DATA
                        || area.kind() == AreaKind.BREAK
                        || area.mapping().name().equals("[stack]"))
                .filter(area -> area.mapping().isExecutable())
                .count();
        stage.step("The rights of each part are looked at.")
                .count("ranges of text that may be written", writableText, "ranges")
                .count("ranges of data, heap and stack that may be executed", executableData, "ranges")
                .claim(
                        "Text may be read and executed, data and stack read and written, and nothing both written"
                                + " and executed.",
                        writableText == 0 && executableData == 0);
        if (CLibrary.obstacle() == null) {
            playHeap(stage, heap, stack);
        }
        playShare(stage, space);
    }

    private static void playHeap(Stage stage, Range heap, Range stack) {
        long block = CLibrary.malloc(100);
        Break now = Break.now();
        stage.step("The C library's malloc is asked for 100 bytes.")
                .claim(
                        "A small block of malloc lies in the heap, far from the stack.",
                        now.contains(block) && block < stack.from() && now.start() == heap.from());
        CLibrary.free(block);
    }

    private static void playShare(Stage stage, AddressSpace space) {
        long program = resident(space, Group.PROGRAM);
        long total = space.total().residentBytes();
        stage.step("What of this process is in memory is added up, by who has it.")
                .bytes("program: text, data, bss", program)
                .bytes("brk heap", space.sum(AreaKind.BREAK).use().residentBytes())
                .bytes("shared libraries", resident(space, Group.LIBRARIES))
                .bytes("the JVM's own", resident(space, Group.JVM))
                .bytes("all", total)
                .claim(
                        "The five parts of the books are the smaller part of a process of today: most is mapped.",
                        program + space.sum(AreaKind.BREAK).use().residentBytes() < total / 2);
    }

    private static long resident(AddressSpace space, Group group) {
        return space.areas().stream()
                .filter(area -> area.kind().group() == group)
                .mapToLong(area -> area.use().residentBytes())
                .sum();
    }

    private static Range range(AddressSpace space, AreaKind kind) {
        return Range.of(
                space.areas().stream().filter(area -> area.kind() == kind).toList());
    }

    /// From the first of some areas to the end of the last.
    private record Range(long from, long to) {
        static Range of(List<Area> areas) {
            return areas.isEmpty()
                    ? new Range(0, 0)
                    : new Range(areas.getFirst().address(), areas.getLast().end());
        }

        long byteSize() {
            return to - from;
        }

        boolean isBelow(Range other) {
            return byteSize() > 0 && to <= other.from;
        }
    }
}
