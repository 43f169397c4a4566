package malloc4j.cli.replay;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TraceImageTest {
    @TempDir
    Path folder;

    @Test
    void whatIsWrittenIsRead() throws IOException, TraceProblem {
        Trace trace = Traces.parse(folder, Traces.TWO_THREADS);
        Path image = Files.createFile(folder.resolve("image"));

        TraceImage.write(trace, image);
        Trace read = TraceImage.read(image);

        assertThat(read.events).containsExactly(trace.events);
        assertThat(read.ids).containsExactly(trace.ids);
        assertThat(read.threads).containsExactly(trace.threads);
        assertThat(read.objectCount).isEqualTo(3);
        assertThat(read.threadCount).isEqualTo(2);
    }
}
