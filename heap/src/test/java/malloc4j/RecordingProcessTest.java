package malloc4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.BufferedReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.GZIPInputStream;
import malloc4j.faults.ChildJvm;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Recordings that end with their process, or in spite of it.
class RecordingProcessTest {
    private static final long LIMIT_BLOCKS = 400; // of 512 or 1,024 bytes, as the shell has it

    @TempDir
    Path folder;

    private Process start(String... arguments) throws Exception {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of("--enable-native-access=ALL-UNNAMED", "-Xmx64m", "-XX:+UseSerialGC"));
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), RecordingChild.class.getName()));
        command.addAll(List.of(arguments));
        Process process = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        BufferedReader reader = process.inputReader();
        assertThat(reader.readLine()).isEqualTo(RecordingChild.OPEN);
        return process;
    }

    @ParameterizedTest
    @ValueSource(strings = {"killed.trace", "killed.trace.gz"})
    void whatWasDoneIsInTheFileOfAProcessThatIsKilled(String name) throws Exception {
        Path file = folder.resolve(name);
        Process process = start("wait", file.toString());
        Thread.sleep(500); // some 25 times what a line may take
        process.destroyForcibly().waitFor();
        assertThat(RecordedTrace.read(file).lines()).containsExactly("a 0 0 " + RecordingChild.LAST_SIZE, "f 0 0");
    }

    @ParameterizedTest
    @ValueSource(strings = {"killed.trace", "killed.trace.gz"})
    void aTraceIsWholeUpToTheLastLineOfAProcessThatIsKilledAtWork(String name) throws Exception {
        Path file = folder.resolve(name);
        for (int turn = 0; turn < 3; turn++) {
            Process process = start("work", file.toString());
            Thread.sleep(400 + 37L * turn);
            process.destroyForcibly().waitFor();
            RecordedTrace trace = RecordedTrace.read(file);
            assertThat(trace.lines()).hasSizeGreaterThan(1_000);
            assertThat(trace.live()).hasSizeLessThanOrEqualTo(2);
        }
    }

    @Test
    void aFileThatAnotherProcessRecordsIntoIsRefused() throws Exception {
        Path file = folder.resolve("taken.trace");
        Process process = start("wait", file.toString());
        try (Heap heap = Heap.create(HeapOptions.defaults())) {
            assertThatThrownBy(() -> heap.startRecording(file))
                    .isInstanceOf(UncheckedIOException.class)
                    .hasMessageContaining("another process has locked this file");
        } finally {
            process.destroyForcibly().waitFor();
        }
        assertThat(file).content().startsWith("# malloc-trace 1\n");
    }

    @Test
    void theTraceOfAProcessThatEndsIsWhole() throws Exception {
        Path file = folder.resolve("ended.trace.gz");
        String unused = ChildJvm.small().run(RecordingChild.class, "exit", file.toString());
        try (GZIPInputStream in = new GZIPInputStream(Files.newInputStream(file))) {
            assertThat(new String(in.readAllBytes(), StandardCharsets.US_ASCII)).endsWith("\na 0 0 123457\nf 0 0\n");
        }
    }

    @Test
    void aPropertyRecordsTheCommonHeap() throws Exception {
        Path file = folder.resolve("common.trace");
        String unused = ChildJvm.small("-Dmalloc4j.record=" + file).run(RecordingChild.class, "common");
        assertThat(Files.readAllLines(file)).contains("# heap: common").endsWith("a 0 0 123457", "f 0 0");
    }

    @Test
    void aFullDiskEndsTheRecordingAndNotTheProgram() throws Exception {
        Path file = folder.resolve("full.trace");
        String printed = ChildJvm.small()
                .startedBy("sh", "-c", "ulimit -f " + LIMIT_BLOCKS + "; exec \"$@\"", "sh")
                .run(RecordingChild.class, "live", file.toString(), "300000");
        assertThat(printed)
                .contains("the recording of heap 'recorded' into " + file + " has ended: File too large; the"
                        + " trace goes up to its last whole line\n")
                .contains("299999 live\n", "done\n");
        assertThat(RecordedTrace.read(file).lines()).hasSizeGreaterThan(1_000);
    }

    @Test
    void aFullJavaHeapEndsTheRecordingAndNotTheProgram() throws Exception {
        Path file = folder.resolve("java.trace");
        String printed = ChildJvm.small().run(RecordingChild.class, "live", file.toString(), "5000000");
        assertThat(printed)
                .contains("has ended: the Java heap is full; the trace goes up to its last whole line\n")
                .contains("4999999 live\n", "done\n");
        assertThat(RecordedTrace.read(file).lines()).hasSizeGreaterThan(100_000);
    }
}
