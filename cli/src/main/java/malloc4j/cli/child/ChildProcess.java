package malloc4j.cli.child;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import malloc4j.peers.AllocatorAbsent;
import malloc4j.peers.AllocatorName;
import org.jspecify.annotations.Nullable;

/// The parent's end of one child JVM, whose own end is [ChildLoop]: starts it from this program's own class path,
/// asks, and turns whatever goes wrong over there, up to the death of the JVM, into one line.
///
/// The child's JVM is kept quiet: a heap of fixed size whose pages are all touched at the start, the serial
/// collector, no perf data, no compiler threads that come and go. Its environment gives late libraries room for
/// thread-local data, without which jemalloc cannot be loaded at all.
public final class ChildProcess implements AutoCloseable {
    /// The JVM sizes the young generation.
    public static final long YOUNG_BY_JVM = 0;

    private static final String DIRECT_MEMORY = "64g"; // none of the measured ones shall fail by it
    private static final int MAX_KEPT_LINES = 50;
    private static final int SIGNAL_EXIT = 128;
    private static final Map<Integer, String> SIGNALS =
            Map.of(4, "SIGILL", 6, "SIGABRT", 7, "SIGBUS", 8, "SIGFPE", 9, "SIGKILL", 11, "SIGSEGV", 15, "SIGTERM");

    /// What a JVM is for: they differ in the JIT only.
    public enum Purpose {
        /// Timed rounds, compiled as well as this JVM can.
        TIME,
        /// Measured memory; C1 alone, as the arenas of C2 come from libc's malloc and are tens of megabytes.
        MEMORY,
        /// Addresses that libc's malloc gives; no JIT at all, so that few threads of the JVM ask it meanwhile.
        ADDRESSES
    }

    /// How a child is started.
    ///
    /// @param main the class that calls [ChildLoop]
    /// @param heapMebibytes of the Java heap
    /// @param youngMebibytes of its young generation, or [#YOUNG_BY_JVM]
    /// @param classPath before this program's own
    /// @param properties system properties and values
    /// @param environment variables and values, besides this process's own; an empty value takes one away
    public record Launch(
            Class<?> main,
            AllocatorName allocator,
            Purpose purpose,
            long heapMebibytes,
            long youngMebibytes,
            List<Path> classPath,
            Map<String, String> properties,
            Map<String, String> environment) {
        /// One with this process's own environment.
        public Launch(
                Class<?> main,
                AllocatorName allocator,
                Purpose purpose,
                long heapMebibytes,
                long youngMebibytes,
                List<Path> classPath,
                Map<String, String> properties) {
            this(main, allocator, purpose, heapMebibytes, youngMebibytes, classPath, properties, Map.of());
        }
    }

    private final Process process;
    private final BufferedReader answers;
    private final Thread reaper;
    /// The other lines that the JVM printed, which say why it died.
    private final List<String> otherLines = new ArrayList<>();

    private ChildProcess(Process process) {
        this.process = process;
        this.answers = process.inputReader(StandardCharsets.UTF_8);
        this.reaper = new Thread(process::destroyForcibly);
        try {
            Runtime.getRuntime().addShutdownHook(reaper);
        } catch (IllegalStateException shutdown) {
            process.destroyForcibly();
            throw new ChildFailure("this program is being ended");
        }
    }

    /// Starts a child; it is getting ready when this returns.
    public static ChildProcess start(Launch launch) {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        String heap = launch.heapMebibytes() + "m";
        command.addAll(List.of("-Xms" + heap, "-Xmx" + heap));
        if (launch.youngMebibytes() != YOUNG_BY_JVM) {
            command.add("-Xmn" + launch.youngMebibytes() + "m");
        }
        command.addAll(List.of("-XX:+UseSerialGC", "-XX:+AlwaysPreTouch", "-XX:-UsePerfData"));
        command.addAll(List.of("-XX:-UseDynamicNumberOfCompilerThreads", "-XX:+DisplayVMOutputToStderr"));
        command.addAll(List.of("-XX:ErrorFile=/dev/null", "-XX:-CreateCoredumpOnCrash", "-XX:-DumpReplayDataOnError"));
        command.add("--enable-native-access=ALL-UNNAMED");
        command.add("-XX:MaxDirectMemorySize=" + DIRECT_MEMORY); // Netty's and Arena.ofAuto's own limit
        if (launch.purpose() == Purpose.MEMORY) {
            command.add("-XX:TieredStopAtLevel=1");
        } else if (launch.purpose() == Purpose.ADDRESSES) {
            command.add("-Xint");
        }
        if (launch.allocator() == AllocatorName.UNSAFE) {
            command.add("--sun-misc-unsafe-memory-access=allow");
        }
        launch.properties().forEach((name, value) -> command.add("-D" + name + "=" + value));
        String classPath = Stream.concat(
                        launch.classPath().stream().map(Path::toString),
                        Stream.of(System.getProperty("java.class.path")))
                .collect(Collectors.joining(File.pathSeparator));
        command.addAll(List.of("-cp", classPath, launch.main().getName()));
        var builder = new ProcessBuilder(command).redirectErrorStream(true);
        launch.environment().forEach((name, value) -> {
            if (value.isEmpty()) {
                builder.environment().remove(name);
            } else {
                builder.environment().put(name, value);
            }
        });
        builder.environment().merge("GLIBC_TUNABLES", "glibc.rtld.optional_static_tls=16384", (a, b) -> a + ":" + b);
        try {
            return new ChildProcess(builder.start());
        } catch (IOException e) {
            throw new UncheckedIOException("cannot start " + command.getFirst(), e);
        }
    }

    /// Asks one question and returns the answer without its first word, which repeats the question's matter.
    ///
    /// @throws AllocatorAbsent if the child says so
    /// @throws ChildFailure if the child failed or died
    public String ask(String question) {
        try {
            var writer = process.outputWriter(StandardCharsets.UTF_8);
            writer.write(question + "\n");
            writer.flush();
        } catch (IOException closed) {
            // the child has ended; what it said last explains why
        }
        String answer = nextAnswer();
        if (answer == null) {
            throw new ChildFailure(causeOfDeath());
        }
        int space = answer.indexOf(' ');
        String verb = space < 0 ? answer : answer.substring(0, space);
        String rest = space < 0 ? "" : answer.substring(space + 1);
        return switch (verb) {
            case "absent" -> throw new AllocatorAbsent(rest);
            case "failed" -> throw new ChildFailure(rest);
            default -> rest;
        };
    }

    @Override
    public void close() {
        process.destroyForcibly();
        try {
            Runtime.getRuntime().removeShutdownHook(reaper);
        } catch (IllegalStateException shutdown) {
            // the hook does what is done here
        }
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
                if (line.startsWith(ChildLoop.ANSWER)) {
                    return line.substring(ChildLoop.ANSWER.length());
                }
                if (otherLines.size() < MAX_KEPT_LINES) {
                    otherLines.add(line);
                }
            }
        } catch (IOException e) {
            otherLines.add(ChildFailure.describe(e));
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
}
