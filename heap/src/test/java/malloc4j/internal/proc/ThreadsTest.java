package malloc4j.internal.proc;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Collectors;
import malloc4j.observe.AreaKind;
import malloc4j.observe.MappedRange;
import malloc4j.observe.MemoryUse;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Stacks as C libraries of several ages make them, and what only looks like one.
class ThreadsTest {
    private static final long TOP = 0x7f00_0000_0000L;

    @TempDir
    private Path root;

    private final Mappings mappings = new Mappings();
    private final Labels labels = new Labels(4096);

    @Test
    void aMappingIsAStackWhenItIsMadeLikeOne() throws IOException {
        map(0x1000, 0x1000, "---p", "", "");
        map(0x2000, 0x4000, "rw-p", "", "rd wr");
        thread(1, "guard-below", "0 0x0 0x2ff0 0x1");
        map(0x10000, 0x4000, "rw-p", "", "rd wr gu");
        thread(2, "guard-inside", "0 0x0 0x13ff0 0x1");
        map(0x20000, 0x4000, "rw-p", "", "rd wr nh");
        thread(3, "map-stack", "0 0x0 0x20000 0x1");
        map(0x30000, 0x4000, "rw-p", "", "rd wr");
        thread(4, "heap", "0 0x0 0x31000 0x1");
        map(0x100000, 2 << 20, "---p", "", "");
        map(0x300000, 0x4000, "rw-p", "", "rd wr");
        thread(5, "above-a-reservation", "0 0x0 0x301000 0x1");
        map(TOP, 0x4000, "rw-p", "[stack]", "");
        thread(6, "first", "0 0x0 0x7f0000001000 0x1");
        thread(7, "running", "running");
        map(0x7f00_0001_0000L, 0x4000, "r--p", "/a/file", "");
        thread(8, "in-a-file", "0 0x0 0x7f0000011000 0x1");

        Threads threads = new Threads(new SystemFiles(root), "/proc/7");
        threads.labelStacks(mappings, labels);

        assertThat(labels.inOrder().stream()
                        .map(label -> Long.toHexString(label.start()) + " " + label.owner() + ", " + label.detail())
                        .collect(Collectors.joining("\n")))
                .isEqualTo("""
                        1000 guard-below, thread 1
                        2000 guard-below, thread 1
                        10000 guard-inside, thread 2
                        20000 map-stack, thread 3""");
        assertThat(labels.inOrder()).extracting(Labels.Label::kind).containsOnly(AreaKind.STACK);
        assertThat(threads.count()).isEqualTo(8);
        assertThat(threads.countWithoutStack())
                .as("all but three and the first, which the kernel names")
                .isEqualTo(4);
        assertThat(threads.has(8)).isTrue();
        assertThat(threads.has(9)).isFalse();
    }

    private void map(long address, long byteSize, String rights, String name, String flags) {
        mappings.append(new MappedRange(address, byteSize, rights, 0, "00:00", 0, name, flags, MemoryUse.NONE));
    }

    private void thread(int number, String name, String systemCall) throws IOException {
        Path task = Files.createDirectories(root.resolve("proc/7/task/" + number));
        Files.writeString(task.resolve("comm"), name + "\n");
        Files.writeString(task.resolve("syscall"), systemCall + "\n");
    }
}
