package malloc4j.linux;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What a test may leave behind is found, each kind by itself. The end of the run looks the same way.
class LeftoversTest {
    private static List<String> since(List<String> before) throws IOException, InterruptedException {
        List<String> now = new ArrayList<>(Leftovers.find());
        now.removeAll(before);
        return now;
    }

    @Test
    void eachKindIsFound(@TempDir Path directory) throws IOException, InterruptedException {
        List<String> before = Leftovers.find();
        try (Mapping left = Mapping.anonymous(4096).map()) {
            assertThat(left.byteSize()).isEqualTo(4096);
            assertThat(since(before)).singleElement().asString().matches("\\d+ mappings are counted that no open .*");
        }
        Path file = Files.writeString(directory.resolve("left"), "x");
        try (Mapping left = Mapping.ofFile(file).map()) {
            assertThat(left.byteSize()).isEqualTo(1);
            assertThat(since(before)).contains(file + " is open or mapped").hasSize(3); // and open, and counted
        }
        try (SecretMemory left = SecretMemory.allocate(1)) {
            assertThat(since(before)).anyMatch(each -> each.contains("malloc4j-guard"));
            left.verify();
        }
        String name = "/malloc4j-left-" + ProcessHandle.current().pid();
        try (SharedMemory left = SharedMemory.create(name, 1)) {
            assertThat(since(before)) // the kernel shows the file by the number that it had before its name
                    .hasSize(2)
                    .contains(left.path() + " has not been removed")
                    .anyMatch(each -> each.startsWith("/dev/shm/#") && each.endsWith(" is open or mapped"));
        } finally {
            SharedMemory.unlink(name);
        }
        try (SharedMemory left = SharedMemory.anonymous("left", 1)) {
            assertThat(since(before)).singleElement().asString().startsWith("/memfd:left");
            assertThat(left.name()).isEmpty();
        }
        try (Heap left = Heap.create(HeapOptions.builder().name("left").build())) {
            left.malloc(1);
            assertThat(since(before)).containsExactly("the heap 'left' is open");
            long huge = left.malloc(64 << 20);
            try (MemoryLock lock = MemoryLock.lockOnFault(huge, 1)) {
                assertThat(since(before)).contains("1 locks are held, " + lock.byteSize() + " bytes are locked");
            }
        }
        assertThat(since(before)).isEmpty();
    }
}
