package malloc4j.linux;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import malloc4j.faults.Maps;
import malloc4j.internal.region.Ground;
import malloc4j.internal.region.MappingBudget;
import malloc4j.internal.region.OwnMemory.HeapMemory;
import malloc4j.internal.region.RootRecord;

/// What of this library's memory tests have left behind in this process, beside what is there for good: the zones,
/// and the extents and huge blocks of the common heap.
///
/// | left | found by |
/// |---|---|
/// | a heap | [malloc4j.internal.region.OwnMemory#heaps] |
/// | a mapping, a secret, a closed heap's extent or huge block | what [MappingBudget] counts, and no heap has |
/// | a file, shared memory, a secret's pages, open or mapped | `/proc/self/maps` and `fd` |
/// | a lock | [MemoryLock#verify], `VmLck` |
/// | a name in `/dev/shm` | its pid |
final class Leftovers {
    private static final String COMMON_HEAP = "common";
    private static final int TRIES = 50; // the common heap returns extents by itself
    private static final Path NAMES = Path.of("/dev/shm");

    private Leftovers() {}

    /// What is left, in words; nothing when all was given back.
    static List<String> find() throws IOException, InterruptedException {
        List<String> left = new ArrayList<>();
        Ground.process().memory().heaps().stream()
                .filter(heap -> !heap.name().equals(COMMON_HEAP))
                .forEach(heap -> left.add("the heap '" + heap.name() + "' is open"));
        int uncounted = mappingsOfNobody();
        for (int tries = 0; uncounted != 0 && tries < TRIES; tries++) {
            Thread.sleep(10);
            uncounted = mappingsOfNobody();
        }
        if (uncounted != 0) {
            left.add(uncounted + " mappings are counted that no open heap has");
        }
        String temporary = System.getProperty("java.io.tmpdir") + "/junit";
        Stream<String> mapped = Maps.all().stream().map(Maps.Mapping::name);
        Stream.concat(mapped, Footprint.openFiles())
                .filter(name -> (name.startsWith("/memfd:") && !name.startsWith(RootRecord.MAPPING))
                        || name.startsWith("/dev/shm/")
                        || name.startsWith("/anon_hugepage")
                        || name.startsWith(temporary)
                        || name.contains("secretmem"))
                .forEach(name -> left.add(name + " is open or mapped"));
        int handles = MemoryLock.verify();
        long lockedBytes = Maps.statusBytes("VmLck");
        if (handles != 0 || lockedBytes != 0) {
            left.add(handles + " locks are held, " + lockedBytes + " bytes are locked");
        }
        String pid = Long.toString(ProcessHandle.current().pid());
        try (Stream<Path> names = Files.list(NAMES)) {
            names.map(Path::toString)
                    .filter(name -> name.contains("malloc4j") && name.contains(pid))
                    .forEach(name -> left.add(name + " has not been removed"));
        }
        return left;
    }

    private static int mappingsOfNobody() {
        int[] ranges = {0};
        for (HeapMemory heap : Ground.process().memory().heaps()) {
            heap.extents().accept((address, byteSize) -> ranges[0]++);
            heap.huge().accept((address, byteSize) -> ranges[0]++);
        }
        return Ground.process().mappings().used() - MappingBudget.MAPPINGS_EACH * ranges[0];
    }
}
