package malloc4j.cli.replay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import malloc4j.cli.child.ChildFailure;
import malloc4j.cli.child.ChildProcess;
import malloc4j.cli.child.ChildProcess.Launch;
import malloc4j.cli.child.ChildProcess.Purpose;
import malloc4j.peers.AllocatorName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReplayChildTest {
    @TempDir
    Path folder;

    @Test
    void answersQuestionAfterQuestion() throws IOException, TraceProblem {
        try (ChildProcess child = start(AllocatorName.GLIBC, Touch.FIRST, Traces.TWO_THREADS)) {
            assertThat(child.ask("load")).matches("\\d\\.\\d+");
            assertThat(Long.parseLong(child.ask("round"))).isPositive();
            assertThat(Long.parseLong(child.ask("round"))).isPositive();
        }
    }

    @Test
    void aFailureIsOneLine() throws IOException, TraceProblem {
        String text = Traces.text("a 0 0 8", "a 0 1 200000000000000");
        try (ChildProcess child = start(AllocatorName.GLIBC, Touch.FIRST, text)) {
            assertThatThrownBy(() -> child.ask("round"))
                    .isInstanceOf(ChildFailure.class)
                    .hasMessage("event 2: no memory: the allocator returned 0 for 200000000000000 bytes");
        }
    }

    /// `none` has 64 KiB in all, so that filling 64 GiB runs off the end of what is mapped.
    @Test
    void aCrashIsOneLineThatNamesTheSignal() throws IOException, TraceProblem {
        try (ChildProcess child = start(AllocatorName.NONE, Touch.ALL, Traces.text("a 0 0 68719476736"))) {
            assertThatThrownBy(() -> child.ask("round"))
                    .isInstanceOf(ChildFailure.class)
                    .hasMessageMatching("its JVM crashed: SIG(SEGV|BUS) \\(0x\\w+\\) in .*");
        }
        assertThat(Path.of("").toAbsolutePath())
                .as("the JVM leaves no report of its own in the working directory")
                .isDirectoryNotContaining("glob:**/{hs_err,replay}_pid*");
    }

    private ChildProcess start(AllocatorName allocator, Touch touch, String text) throws IOException, TraceProblem {
        Path file = Traces.write(folder, "input.trace", text);
        TraceReader.Result read = TraceReader.read(file);
        Path image = Files.createFile(folder.resolve("image"));
        TraceImage.write(read.trace(), image);
        var settings = new ChildSettings(allocator, ReplaySource.MMAP, image, touch, false, false);
        return ChildProcess.start(new Launch(
                ReplayChild.class,
                allocator,
                Purpose.TIME,
                64,
                ChildProcess.YOUNG_BY_JVM,
                List.of(),
                settings.asProperties()));
    }
}
