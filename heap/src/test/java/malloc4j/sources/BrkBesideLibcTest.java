package malloc4j.sources;

import static org.assertj.core.api.Assertions.assertThat;

import malloc4j.faults.ChildJvm;
import org.junit.jupiter.api.Test;

/// Nothing overlaps while the C library's malloc grows and trims the program break under heaps that live there.
///
/// `-Dbrk.seconds=60` makes it last longer.
class BrkBesideLibcTest {
    @Test
    void everyBlockOfBothSidesKeepsItsContents() throws Exception {
        ChildJvm child = ChildJvm.small("-Xmx256m").with("MALLOC_ARENA_MAX", "1");
        String printed = child.run(BrkBesideLibcChild.class, System.getProperty("brk.seconds", "10"));
        System.out.print(printed);
        assertThat(printed).contains("MiB checked");
    }
}
