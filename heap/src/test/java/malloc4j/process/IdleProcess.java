package malloc4j.process;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.ToolProvider;

/// Another process that waits to be looked at, and ends when this is closed.
final class IdleProcess implements AutoCloseable {
    private static final String READY = "ready";

    private static final String IDLE_PROGRAM = """
            import java.util.concurrent.CountDownLatch;
            import java.util.concurrent.locks.LockSupport;
            public class Idle {
                static Object[] objects = new Object[1000];
                static java.nio.ByteBuffer[] direct = new java.nio.ByteBuffer[Integer.getInteger("direct", 0)];
                public static void main(String[] arguments) throws Exception {
                    for (int i = 0; i < objects.length; i++) objects[i] = new byte[1000];
                    for (int i = 0; i < direct.length; i++) {
                        direct[i] = java.nio.ByteBuffer.allocateDirect(1 << 20);
                    }
                    CountDownLatch running = new CountDownLatch(1);
                    Thread other = new Thread(() -> { running.countDown(); LockSupport.parkNanos(Long.MAX_VALUE); });
                    other.setName("other-thread");
                    other.setDaemon(true);
                    other.start();
                    running.await();
                    System.out.println("ready");
                    System.in.read();
                }
            }
            """;

    private final Process process;
    private final BufferedReader output;

    private IdleProcess(Process process) {
        this.process = process;
        this.output = process.inputReader();
    }

    /// Starts a command that waits for its input, or longer than any test.
    static IdleProcess start(String... command) throws IOException {
        return new IdleProcess(
                new ProcessBuilder(command).redirectErrorStream(true).start());
    }

    /// Starts a command and waits until it says that it is ready.
    static IdleProcess startReady(List<String> command) throws IOException {
        IdleProcess started = start(command.toArray(String[]::new));
        List<String> said = new ArrayList<>();
        for (String line = started.output.readLine(); !READY.equals(line); line = started.output.readLine()) {
            if (line == null) {
                throw new IOException(String.join(" ", command) + " ended: " + String.join("\n", said));
            }
            said.add(line);
        }
        return started;
    }

    /// Starts a JVM of the JDK at `home` on a small program that older JDKs can run too.
    static IdleProcess java(Path home, Path directory, String... options) throws IOException {
        List<String> command = new ArrayList<>(List.of(home.resolve("bin/java").toString(), "-Xmx256m"));
        command.addAll(List.of(options));
        command.addAll(List.of("-cp", compile(directory), "Idle"));
        return startReady(command);
    }

    private static String compile(Path directory) throws IOException {
        if (!Files.exists(directory.resolve("Idle.class"))) {
            Path source = Files.writeString(directory.resolve("Idle.java"), IDLE_PROGRAM);
            JavaCompiler compiler = Objects.requireNonNull(ToolProvider.getSystemJavaCompiler(), "tests need a JDK");
            var files = compiler.getStandardFileManager(null, null, null);
            StringWriter messages = new StringWriter();
            List<String> options = List.of("--release", "11", "-d", directory.toString());
            assertThat(compiler.getTask(messages, null, null, options, null, files.getJavaFileObjects(source))
                            .call())
                    .as(messages.toString())
                    .isTrue();
        }
        return directory.toString();
    }

    /// The JDK that runs the tests.
    static Path thisJdk() {
        return Path.of(System.getProperty("java.home"));
    }

    /// A JDK or JRE of version 17 where Linux distributions put them.
    static Optional<Path> jdk17() throws IOException {
        Path homes = Path.of("/usr/lib/jvm");
        if (!Files.isDirectory(homes)) {
            return Optional.empty();
        }
        try (Stream<Path> each = Files.list(homes)) {
            return each.filter(IdleProcess::is17).sorted().findFirst();
        }
    }

    private static boolean is17(Path home) {
        try {
            return Files.isExecutable(home.resolve("bin/java"))
                    && Files.readString(home.resolve("release")).contains("JAVA_VERSION=\"17.");
        } catch (IOException none) {
            return false;
        }
    }

    long pid() {
        return process.pid();
    }

    @Override
    public void close() {
        process.destroyForcibly().onExit().orTimeout(30, TimeUnit.SECONDS).join();
    }
}
