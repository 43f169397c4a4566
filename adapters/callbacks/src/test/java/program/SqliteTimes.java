package program;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.callbacks.HeapCallbacks;
import malloc4j.callbacks.ProcessHooks;

/// How long SQLite's work takes on a heap's memory, against C's: in JVMs that take turns, one round each.
///
/// ```
///   parent   "\n" ---> libc       a round ---> "wall CPU"
///            "\n" ---> heap       a round ---> ...           and so on, medians at the end
/// ```
public final class SqliteTimes {
    private static final List<String> MODES = List.of("libc", "heap", "libc-nostatus", "heap-nostatus");
    private static final int WARM_UP_ROUNDS = 6;
    private static final int WALL = 0;
    private static final int CPU = 1;

    private SqliteTimes() {}

    /// Compares, or is one that is compared.
    ///
    /// @param arguments how many rounds; or, for a child, one of the modes
    public static void main(String[] arguments) throws IOException {
        if (MODES.contains(arguments[0])) {
            work(arguments[0]);
        } else {
            compare(Integer.parseInt(arguments[0]));
        }
    }

    private static void work(String mode) {
        Sqlite sqlite = new Sqlite();
        boolean counts = !mode.endsWith("-nostatus");
        if (mode.startsWith("heap")) {
            Heap heap = Heap.create(HeapOptions.builder().name("sqlite").build());
            HeapCallbacks callbacks = HeapCallbacks.of(heap, Arena.global());
            ProcessHooks.sqlite(callbacks, sqlite.library().lookup(), counts);
        } else if (!counts) {
            sqlite.setMemoryStatusOff();
        }
        String work = Sqlite.work(100_000);
        while (IO.readln() != null) {
            long begin = System.nanoTime();
            long beginCpu = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
            MemorySegment database = sqlite.open();
            int result = sqlite.run(database, work);
            int closed = sqlite.close(database);
            long cpu = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() - beginCpu;
            long wall = System.nanoTime() - begin;
            if (result != 0 || closed != 0) {
                throw new AssertionError(result + ", " + closed);
            }
            IO.println(wall + " " + cpu);
        }
    }

    private record Child(Process process, PrintStream to, BufferedReader from, List<long[]> rounds) {
        static Child start(String mode) throws IOException {
            List<String> command = new ArrayList<>(List.of(
                    System.getProperty("java.home") + "/bin/java",
                    "--enable-native-access=ALL-UNNAMED",
                    "-cp",
                    System.getProperty("java.class.path"),
                    SqliteTimes.class.getName(),
                    mode));
            Process process = new ProcessBuilder(command)
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start();
            return new Child(
                    process,
                    new PrintStream(process.getOutputStream(), true),
                    process.inputReader(),
                    new ArrayList<>());
        }

        void round() throws IOException {
            to.println();
            String line = from.readLine();
            if (line == null) {
                throw new IOException("a child has ended");
            }
            rounds.add(Arrays.stream(line.split(" ")).mapToLong(Long::parseLong).toArray());
        }

        double medianMillis(int column) {
            long[] sorted = rounds.stream()
                    .skip(WARM_UP_ROUNDS)
                    .mapToLong(round -> round[column])
                    .sorted()
                    .toArray();
            return sorted[sorted.length / 2] / 1e6;
        }
    }

    private static void compare(int roundCount) throws IOException {
        Map<String, Child> children = new LinkedHashMap<>();
        for (String mode : MODES) {
            children.put(mode, Child.start(mode));
        }
        for (int round = 0; round < roundCount + WARM_UP_ROUNDS; round++) {
            for (Child child : children.values()) {
                child.round();
            }
        }
        children.forEach((mode, child) -> {
            Child libc = children.get(mode.replace("heap", "libc"));
            child.to().close();
            IO.println(String.format(
                    Locale.ROOT,
                    "%-14s wall %7.1f ms, CPU %7.1f ms; of libc's %.2f and %.2f",
                    mode,
                    child.medianMillis(WALL),
                    child.medianMillis(CPU),
                    child.medianMillis(WALL) / libc.medianMillis(WALL),
                    child.medianMillis(CPU) / libc.medianMillis(CPU)));
        });
    }
}
