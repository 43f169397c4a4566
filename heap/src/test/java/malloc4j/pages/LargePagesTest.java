package malloc4j.pages;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import malloc4j.faults.ChildJvm;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The tests of the heap, in a JVM whose kernel has pages of 16 or of 64 KiB: those of the levels that know pages, or
/// with `-Dtest.largePages=all` every one that does not itself speak of this machine's pages.
@Tag("proof")
class LargePagesTest {
    private static final List<String> QUICK = List.of(
            "malloc4j.internal.region.ZoneTest",
            "malloc4j.internal.region.ChunkMapTest",
            "malloc4j.internal.region.RefusedFixedMappingTest",
            "malloc4j.internal.span.SpansTest",
            "malloc4j.internal.slab.SlabTest",
            "malloc4j.internal.cache.ThreadCacheTest",
            "malloc4j.internal.cache.IdleCachesTest",
            "malloc4j.HeapTest",
            "malloc4j.misuse.MisuseMatrixTest");

    private static final List<String> ALL_PACKAGES = List.of(
            "malloc4j.internal.region",
            "malloc4j.internal.span",
            "malloc4j.internal.slab",
            "malloc4j.internal.cache",
            "malloc4j",
            "malloc4j.alloc",
            "malloc4j.faults",
            "malloc4j.misuse",
            "malloc4j.model",
            "malloc4j.purge",
            "malloc4j.sources",
            "malloc4j.threads");

    @ParameterizedTest
    @ValueSource(ints = {16_384, 65_536})
    void heapsWorkOnPagesOf(int pageBytes) throws IOException, InterruptedException {
        List<String> arguments = new ArrayList<>();
        arguments.add(Integer.toString(pageBytes));
        arguments.addAll("all".equals(System.getProperty("test.largePages")) ? all() : QUICK);
        ChildJvm child = ChildJvm.small("-Xmx512m", "-Dtest.pageBytes=" + pageBytes);
        String text = child.run(LargePagesChild.class, arguments.toArray(String[]::new));
        assertThat(text).contains("pages of " + pageBytes + " bytes");
        System.out.println(text.strip()
                .lines()
                .filter(line -> line.startsWith("pages of"))
                .findFirst()
                .orElse(""));
    }

    /// The classes of the packages, without those below them.
    private static List<String> all() throws IOException {
        List<String> names = new ArrayList<>();
        for (String name : ALL_PACKAGES) {
            Path folder = Path.of(System.getProperty("basedir", "."))
                    .resolve("src/test/java")
                    .resolve(name.replace('.', '/'));
            try (var files = Files.list(folder)) {
                files.map(file -> file.getFileName().toString())
                        .filter(file -> file.endsWith("Test.java"))
                        .map(file -> name + "." + file.substring(0, file.length() - ".java".length()))
                        .sorted()
                        .forEach(names::add);
            }
        }
        return names;
    }
}
