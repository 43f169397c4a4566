package malloc4j.cli.sites;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// A JVM that runs one of the programs of these tests, in a folder that is not the tests'.
public final class Child implements AutoCloseable {
    private final Process process;

    private Child(Process process) {
        this.process = process;
    }

    /// Starts it and waits until it says that it is ready.
    public static Child start(Class<?> program, Path folder, String... options) throws IOException {
        List<String> arguments = new ArrayList<>(List.of(options));
        arguments.addAll(List.of("-cp", System.getProperty("java.class.path"), program.getName()));
        return startJava(folder, arguments);
    }

    public static Child startJava(Path folder, List<String> arguments) throws IOException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of("-Xmx64m", "-XX:+UseSerialGC", "--enable-native-access=ALL-UNNAMED,malloc4j"));
        command.addAll(arguments);
        Process process = new ProcessBuilder(command)
                .directory(folder.toFile())
                .redirectError(folder.resolve("err").toFile())
                .start();
        assertThat(process.inputReader(StandardCharsets.UTF_8).readLine()).isEqualTo("ready");
        return new Child(process);
    }

    /// What an [AllocatingChild] says of its samples.
    public long sampleBytes() throws IOException {
        process.outputWriter(StandardCharsets.UTF_8).append('\n').flush();
        return Long.parseLong(process.inputReader(StandardCharsets.UTF_8).readLine());
    }

    public long pid() {
        return process.pid();
    }

    public Process process() {
        return process;
    }

    @Override
    public void close() {
        process.destroyForcibly();
    }
}
