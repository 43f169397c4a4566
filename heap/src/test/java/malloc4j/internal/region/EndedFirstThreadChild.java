package malloc4j.internal.region;

import java.nio.file.Files;
import java.nio.file.Path;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.internal.os.TestKernel;
import malloc4j.linux.SharedMemory;

/// What [EndedFirstThreadJvmTest] runs in a JVM whose process has lost its first thread.
public final class EndedFirstThreadChild {
    private EndedFirstThreadChild() {}

    public static void main(String[] arguments) throws Exception {
        check(Files.readString(Path.of("/proc/self/maps")).isEmpty(), "the first thread has ended");
        long limit = Long.getLong("limit");
        long left = AddressShare.addressSpaceLeft(TestKernel.calls());
        check(left < limit - (100L << 20), left + " bytes of addresses are left of " + limit);
        long mappings = MappingBudget.countMappings();
        check(mappings > 50 && mappings < 10_000, mappings + " mappings");
        Path file = Files.createTempFile("ended", ".heap");
        try (Heap heap = Heap.create(
                HeapOptions.builder().name("ended").file(file.toString()).build())) {
            heap.free(heap.malloc(100_000));
        } finally {
            Files.delete(file);
        }
        try (SharedMemory memory = SharedMemory.anonymous("ended", 10_000)) {
            int fd = Integer.parseInt(memory.path().substring(memory.path().lastIndexOf('/') + 1));
            SharedMemory.openProcess(ProcessHandle.current().pid(), fd, SharedMemory.Access.READ_ONLY)
                    .close();
        }
        System.out.println("all is told");
    }

    private static void check(boolean condition, String message) {
        if (!condition) {
            throw new AssertionError("not so: " + message);
        }
    }
}
