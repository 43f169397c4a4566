package malloc4j.cli.playground;

import io.avaje.jsonb.Jsonb;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import malloc4j.cli.CliException;
import org.jspecify.annotations.Nullable;

/// The command's end of a [PlaygroundChild]: starts it, asks it one thing at a time, and ends it.
public final class Playground implements AutoCloseable {
    private final Process process;
    private final Writer requests;
    private final BufferedReader answers;

    private Playground(Process process) {
        this.process = process;
        this.requests = process.outputWriter(StandardCharsets.UTF_8);
        this.answers = process.inputReader(StandardCharsets.UTF_8);
    }

    /// Starts a JVM with the playground in it, and waits until it answers.
    ///
    /// @throws CliException if it does not
    public static Playground start() {
        List<String> command = List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx64m",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-XX:+EnableDynamicAgentLoading",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                absolute(System.getProperty("java.class.path")),
                PlaygroundChild.class.getName());
        try {
            Playground playground = new Playground(new ProcessBuilder(command)
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start());
            PlaygroundState unused = playground.look();
            return playground;
        } catch (IOException failed) {
            throw CliException.cannot("the playground's JVM cannot be started: " + failed.getMessage());
        }
    }

    private static String absolute(String classPath) {
        return String.join(
                File.pathSeparator,
                List.of(classPath.split(File.pathSeparator, -1)).stream()
                        .map(entry -> Path.of(entry).toAbsolutePath().toString())
                        .toList());
    }

    public long pid() {
        return process.pid();
    }

    /// How things are.
    public PlaygroundState look() {
        return ask("look");
    }

    /// Allocates.
    ///
    /// @param policy where blocks come from: `BY_SIZE`, `BREAK` or `MAPPING`
    /// @throws IllegalArgumentException if the playground refuses, in one line
    public PlaygroundState malloc(long count, long byteSize, String policy) {
        return ask("malloc " + count + " " + byteSize + " " + known(policy));
    }

    private static String known(String policy) {
        for (Policy each : Policy.values()) {
            if (each.name().equals(policy)) {
                return policy;
            }
        }
        throw new IllegalArgumentException("policy must be one of " + List.of(Policy.values()));
    }

    /// Frees a block, by its number.
    public PlaygroundState free(long number) {
        return ask("free " + number);
    }

    /// Writes a block.
    public PlaygroundState touch(long number) {
        return ask("touch " + number);
    }

    /// Has the heaps give back what they can.
    public PlaygroundState trim() {
        return ask("trim");
    }

    private synchronized PlaygroundState ask(String request) {
        String answer = answer(request);
        if (answer == null) {
            throw CliException.cannot("the playground has ended");
        }
        if (answer.startsWith(PlaygroundChild.OK)) {
            return Jsonb.instance().type(PlaygroundState.class).fromJson(answer.substring(PlaygroundChild.OK.length()));
        }
        throw new IllegalArgumentException(answer.substring(PlaygroundChild.NO.length()));
    }

    private @Nullable String answer(String request) {
        try {
            requests.write(request + "\n");
            requests.flush();
            return answers.readLine();
        } catch (IOException ended) {
            return null;
        }
    }

    /// Ends it.
    @Override
    public void close() {
        process.destroyForcibly();
    }
}
