package malloc4j.cli.learn;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.function.ToLongFunction;
import malloc4j.cli.learn.Stage.Strip;

/// Where the parts of a small program lie when it is started several times: `cat` is asked to print its own map.
final class Starts {
    private static final String MAPS = "/proc/self/maps";

    private final List<Start> all;
    private final String obstacle;

    /// One start: the first address of each part, and the first behind it.
    record Start(
            long text,
            long textEnd,
            long heap,
            long heapEnd,
            long libraries,
            long librariesEnd,
            long stack,
            long stackEnd) {
        boolean isInOrder() {
            return text < heap && heap < libraries && libraries < stack;
        }

        Strip strip() {
            return new Strip()
                    .add(text, textEnd, "program", StripKind.PROGRAM)
                    .add(heap, heapEnd, "brk heap", StripKind.BREAK)
                    .add(libraries, librariesEnd, "mmap zone", StripKind.LIBRARY)
                    .add(stack, stackEnd, "stack", StripKind.STACK);
        }
    }

    private Starts(List<Start> all, String obstacle) {
        this.all = all;
        this.obstacle = obstacle;
    }

    /// Starts it so many times, behind another command if there is one.
    static Starts of(int count, String... before) {
        List<String> command = new ArrayList<>(List.of(before));
        command.addAll(List.of("cat", MAPS));
        List<Start> starts = new ArrayList<>();
        try {
            while (starts.size() < count) {
                starts.add(read(command));
            }
        } catch (IOException cannot) {
            return new Starts(List.of(), String.join(" ", command) + ": " + cannot.getMessage());
        }
        return new Starts(starts, "");
    }

    private static Start read(List<String> command) throws IOException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        try {
            process.getOutputStream().close();
            String map = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            return parse(map);
        } finally {
            process.destroyForcibly();
        }
    }

    /// The program is the first file that is mapped, the mmap zone what lies between the heap and the stack.
    static Start parse(String map) throws IOException {
        long[] text = new long[2];
        long[] heap = new long[2];
        long[] libraries = new long[2];
        long[] stack = new long[2];
        String program = "";
        for (String line : map.split("\n", -1)) {
            String[] cells = line.split(" +", 6);
            int dash = cells[0].indexOf('-');
            if (!cells[0].matches("[0-9a-f]+-[0-9a-f]+") || cells.length < 5) {
                continue;
            }
            String name = cells.length < 6 ? "" : cells[5];
            program = program.isEmpty() && name.startsWith("/") ? name : program;
            long[] part = name.equals("[stack]")
                    ? stack
                    : name.equals("[heap]")
                            ? heap
                            : name.equals(program) ? text : stack[0] == 0 ? libraries : new long[2];
            long start = HexFormat.fromHexDigitsToLong(cells[0], 0, dash);
            part[0] = part[0] == 0 ? start : part[0];
            part[1] = HexFormat.fromHexDigitsToLong(cells[0], dash + 1, cells[0].length());
        }
        if (text[0] == 0 || heap[0] == 0 || libraries[0] == 0 || stack[0] == 0) {
            throw new IOException(map.lines().findFirst().orElse("nothing is printed"));
        }
        return new Start(text[0], text[1], heap[0], heap[1], libraries[0], libraries[1], stack[0], stack[1]);
    }

    /// Why it could not be started, or nothing.
    String obstacle() {
        return obstacle;
    }

    List<Start> all() {
        return all;
    }

    /// How many different places a part had.
    long places(ToLongFunction<Start> part) {
        return all.stream().mapToLong(part).distinct().count();
    }

    /// In how many bits these places differ.
    long bits(ToLongFunction<Start> part) {
        long differing = 0;
        for (Start start : all) {
            differing |= part.applyAsLong(start) ^ part.applyAsLong(all.getFirst());
        }
        return Long.bitCount(differing);
    }
}
