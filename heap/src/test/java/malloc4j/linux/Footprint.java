package malloc4j.linux;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import malloc4j.faults.Maps;

/// What this process has of shared memory: so that a test can say that nothing is left.
final class Footprint {
    private Footprint() {}

    /// The files in `/dev/shm` and the memory files that are open or mapped, once for each descriptor and mapping.
    static List<String> files() throws IOException {
        Stream<String> mapped = Maps.all().stream().map(Maps.Mapping::name);
        return Stream.concat(mapped, openFiles())
                .filter(name -> name.startsWith("/dev/shm/") || name.startsWith("/memfd:"))
                .filter(name -> !name.startsWith("/memfd:malloc4j-")) // heaps of other tests
                .sorted()
                .toList();
    }

    /// The files that are open, once for each descriptor.
    static Stream<String> openFiles() throws IOException {
        try (Stream<Path> links = Files.list(Path.of("/proc/self/fd"))) {
            return links.map(Footprint::target).toList().stream();
        }
    }

    private static String target(Path link) {
        try {
            return Files.readSymbolicLink(link).toString();
        } catch (IOException gone) {
            return "";
        }
    }
}
