package malloc4j.faults;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/// A second JVM that a test talks with, line by line, and that it may kill.
public final class PeerJvm implements AutoCloseable {
    private static final long DEADLINE_SECONDS = 120;

    private final Process process;
    private final BufferedReader fromPeer;
    private final Writer toPeer;

    private PeerJvm(Process process) {
        this.process = process;
        this.fromPeer = process.inputReader(StandardCharsets.UTF_8);
        this.toPeer = process.outputWriter(StandardCharsets.UTF_8);
    }

    /// Starts `main` of the test class path.
    public static PeerJvm start(Class<?> main, String... arguments) throws IOException {
        return startedBy(List.of(), main, arguments);
    }

    /// The same, started by another program, such as `setpriv`.
    public static PeerJvm startedBy(List<String> prefix, Class<?> main, String... arguments) throws IOException {
        List<String> command = new ArrayList<>(prefix);
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of("--enable-native-access=ALL-UNNAMED", "-Xmx128m", "-XX:+UseSerialGC"));
        command.addAll(
                List.of("-XX:-CreateCoredumpOnCrash", "-XX:ErrorFile=/dev/stdout", "-XX:-DumpReplayDataOnError"));
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), main.getName()));
        command.addAll(List.of(arguments));
        return new PeerJvm(new ProcessBuilder(command).redirectErrorStream(true).start());
    }

    public long pid() {
        return process.pid();
    }

    /// The next line that it prints.
    public String line() throws IOException {
        String line = fromPeer.readLine();
        if (line == null) {
            throw new AssertionError("the peer has ended, and a line was expected");
        }
        return line;
    }

    /// Sends it a line.
    public void say(String line) throws IOException {
        toPeer.write(line + "\n");
        toPeer.flush();
    }

    /// Kills it as `kill -9` does, and waits until it is gone.
    public void kill() throws InterruptedException {
        process.destroyForcibly();
        assertThat(process.waitFor(DEADLINE_SECONDS, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).as("killed by SIGKILL").isEqualTo(128 + 9);
    }

    /// Waits until it has ended by itself, with exit code 0.
    public void join() throws IOException, InterruptedException {
        String rest = String.join("\n", fromPeer.readAllLines());
        assertThat(process.waitFor(DEADLINE_SECONDS, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).as(rest).isZero();
    }

    @Override
    public void close() {
        process.destroyForcibly();
    }
}
