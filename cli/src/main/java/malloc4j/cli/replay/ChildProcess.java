package malloc4j.cli.replay;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/// The parent's end of one [ReplayChild]: starts it from this program's own class path, asks, and turns whatever
/// goes wrong over there, up to the death of the JVM, into one line.
///
/// The child's JVM is kept quiet: a heap of fixed size whose pages are all touched at the start, the serial
/// collector, no perf data, no compiler threads that come and go. Its environment gives late libraries room for
/// thread-local data, without which jemalloc cannot be loaded at all.
final class ChildProcess implements AutoCloseable {
    private static final int BASE_HEAP_MIB = 32; // classes' objects, the young generation, slack
    private static final int ARENA_HEAP_MIB = 128; // the Java objects behind some 10^5 live arenas
    private static final long ARENA_BYTES_PER_OBJECT = 160; // arena, session, resource list, segment
    private static final int MAX_KEPT_LINES = 50;
    private static final int SIGNAL_EXIT = 128;
    private static final Map<Integer, String> SIGNALS =
            Map.of(4, "SIGILL", 6, "SIGABRT", 7, "SIGBUS", 8, "SIGFPE", 9, "SIGKILL", 11, "SIGSEGV", 15, "SIGTERM");

    /// What a JVM is for: the two differ in the JIT only.
    enum Purpose {
        /// Timed rounds, compiled as well as this JVM can.
        TIME,
        /// One measured round; C1 alone, as the arenas of C2 come from libc's malloc and are tens of megabytes.
        MEMORY
    }

    private final AllocatorName allocator;
    private final Process process;
    private final BufferedReader answers;
    private final Thread reaper;
    /// The other lines that the JVM printed, which say why it died.
    private final List<String> otherLines = new ArrayList<>();

    private ChildProcess(AllocatorName allocator, Process process) {
        this.allocator = allocator;
        this.process = process;
        this.answers = process.inputReader(StandardCharsets.UTF_8);
        this.reaper = new Thread(process::destroyForcibly);
        Runtime.getRuntime().addShutdownHook(reaper);
    }

    /// Starts a child; it is loading its trace when this returns.
    static ChildProcess start(ChildSettings settings, TraceSummary summary, Purpose purpose) {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        String heap = heapMebibytes(settings, summary) + "m";
        command.addAll(List.of("-Xms" + heap, "-Xmx" + heap));
        command.addAll(List.of("-XX:+UseSerialGC", "-XX:+AlwaysPreTouch", "-XX:-UsePerfData"));
        command.addAll(List.of("-XX:-UseDynamicNumberOfCompilerThreads", "-XX:+DisplayVMOutputToStderr"));
        command.addAll(List.of("-XX:ErrorFile=/dev/null", "-XX:-CreateCoredumpOnCrash"));
        command.add("--enable-native-access=ALL-UNNAMED");
        if (purpose == Purpose.MEMORY) {
            command.add("-XX:TieredStopAtLevel=1");
        }
        if (settings.allocator() == AllocatorName.UNSAFE) {
            command.add("--sun-misc-unsafe-memory-access=allow");
        }
        command.addAll(settings.asOptions());
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), ReplayChild.class.getName()));
        var builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().merge("GLIBC_TUNABLES", "glibc.rtld.optional_static_tls=16384", (a, b) -> a + ":" + b);
        try {
            return new ChildProcess(settings.allocator(), builder.start());
        } catch (IOException e) {
            throw new UncheckedIOException("cannot start " + command.getFirst(), e);
        }
    }

    AllocatorName allocator() {
        return allocator;
    }

    /// Asks one question and returns the answer without its first word, which repeats the question's matter.
    ///
    /// @throws AllocatorAbsent if the child says so
    /// @throws ReplayFailure if the child failed or died
    String ask(String question) {
        try {
            var writer = process.outputWriter(StandardCharsets.UTF_8);
            writer.write(question + "\n");
            writer.flush();
        } catch (IOException closed) {
            // the child has ended; what it said last explains why
        }
        String answer = nextAnswer();
        if (answer == null) {
            throw new ReplayFailure(causeOfDeath());
        }
        int space = answer.indexOf(' ');
        String verb = space < 0 ? answer : answer.substring(0, space);
        String rest = space < 0 ? "" : answer.substring(space + 1);
        return switch (verb) {
            case "absent" -> throw new AllocatorAbsent(rest);
            case "failed" -> throw new ReplayFailure(rest);
            default -> rest;
        };
    }

    @Override
    public void close() {
        Runtime.getRuntime().removeShutdownHook(reaper);
        process.destroyForcibly();
        try {
            process.waitFor();
            answers.close();
        } catch (InterruptedException | IOException e) {
            Thread.currentThread().interrupt();
        }
    }

    private @Nullable String nextAnswer() {
        try {
            for (String line = answers.readLine(); line != null; line = answers.readLine()) {
                if (line.startsWith(ReplayChild.ANSWER)) {
                    return line.substring(ReplayChild.ANSWER.length());
                }
                if (otherLines.size() < MAX_KEPT_LINES) {
                    otherLines.add(line);
                }
            }
        } catch (IOException e) {
            otherLines.add(ReplayFailure.describe(e));
        }
        return null;
    }

    /// A crash report has the signal in its fourth line and the frame after the words "Problematic frame:"; any
    /// other end is told by its exit code and the first error on the console.
    private String causeOfDeath() {
        List<String> lines = otherLines.stream()
                .map(line -> line.replaceFirst("^[# ]+", "").strip())
                .filter(line -> !line.isEmpty())
                .toList();
        String status = exitStatus();
        int frame = lines.indexOf("Problematic frame:") + 1;
        String where =
                frame > 0 && frame < lines.size() ? " in " + lines.get(frame).replaceAll(" +", " ") : "";
        return lines.stream()
                .filter(line -> line.startsWith("SIG"))
                .findFirst()
                .map(line -> "its JVM crashed: " + line.replaceFirst(" at pc=.*", "") + where)
                .or(() -> lines.stream()
                        .filter(line -> line.contains("rror"))
                        .findFirst()
                        .map(line -> status + ": " + line))
                .orElse(status);
    }

    private String exitStatus() {
        try {
            if (process.waitFor(10, TimeUnit.SECONDS)) {
                int exit = process.exitValue();
                int signal = exit - SIGNAL_EXIT;
                return exit > SIGNAL_EXIT
                        ? "its JVM died of " + SIGNALS.getOrDefault(signal, "signal " + signal)
                        : "its JVM ended with exit code " + exit;
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return "its JVM stopped answering";
    }

    /// The arrays of [Trace], [Schedule] and [ReplayLoop], twice, as the collector keeps a third of the heap for
    /// the young generation; and what arenas are made of.
    private static long heapMebibytes(ChildSettings settings, TraceSummary summary) {
        long eventBytes = (Long.BYTES + 3L * Integer.BYTES + 2 * Character.BYTES) * summary.eventCount();
        long objectBytes = (2L * Long.BYTES + Integer.BYTES) * summary.objectCount();
        long mebibytes = BASE_HEAP_MIB + ((2 * (eventBytes + objectBytes)) >> 20);
        if (settings.allocator() == AllocatorName.ARENA) {
            long arenaBytes =
                    2L * Long.BYTES * summary.objectCount() + 2 * ARENA_BYTES_PER_OBJECT * summary.peakLiveObjects();
            mebibytes += ARENA_HEAP_MIB + (arenaBytes >> 20);
        }
        return mebibytes;
    }
}
