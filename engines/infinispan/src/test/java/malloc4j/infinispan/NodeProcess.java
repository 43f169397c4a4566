package malloc4j.infinispan;

import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

/// A [Node] in a child process, which ends with the test at the latest.
final class NodeProcess implements AutoCloseable {
    private final Process process;
    private final BufferedReader output;
    private final BufferedWriter input;
    private final Path log;

    NodeProcess(String name, Path stack, Path directory) throws IOException {
        log = directory.resolve(name + ".log");
        process = new ProcessBuilder(List.of(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED",
                        "--illegal-native-access=deny",
                        // a Java heap whose pages are all there from the beginning: what else goes is seen
                        "-Xms192m",
                        "-Xmx192m",
                        "-XX:+AlwaysPreTouch",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Node.class.getName(),
                        name,
                        stack.toString()))
                .redirectError(log.toFile())
                .start();
        output = process.inputReader(StandardCharsets.UTF_8);
        input = process.outputWriter(StandardCharsets.UTF_8);
    }

    /// Waits until it has joined.
    NodeProcess joined() throws IOException {
        answer();
        return this;
    }

    Node.Report ask(String line) throws IOException {
        input.write(line + "\n");
        input.flush();
        return Node.Report.read(answer());
    }

    private String answer() throws IOException {
        for (String line = output.readLine(); line != null; line = output.readLine()) {
            if (line.startsWith(Node.Report.MARK)) {
                return line.substring(Node.Report.MARK.length());
            }
        }
        throw new IOException("the node has ended; it says in " + log + "\n" + Files.readString(log));
    }

    /// Ends it as `kill -9` does.
    void kill() throws InterruptedException {
        process.destroyForcibly().waitFor();
    }

    /// Waits until it has ended by itself.
    ///
    /// @return its exit code
    int ended() throws InterruptedException {
        return process.waitFor(240, TimeUnit.SECONDS) ? process.exitValue() : -1;
    }

    @Override
    public void close() {
        process.destroyForcibly();
    }
}
