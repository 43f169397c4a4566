package malloc4j.internal.slab;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import malloc4j.internal.region.Zone;
import org.junit.jupiter.api.Test;

/// Keeps `docs/size-classes.md` equal to [SizeClasses].
///
/// `mvn -pl heap test -Dtest=SizeClassesDocTest -Ddocs.regenerate=true` writes the file anew.
class SizeClassesDocTest {
    private static final Path FILE = Path.of(System.getProperty("basedir", ".")).resolve("../docs/size-classes.md");

    @Test
    void theDocumentIsTheGeneratedOne() throws IOException {
        String generated = generate();
        if (Boolean.getBoolean("docs.regenerate")) {
            Files.createDirectories(FILE.getParent());
            Files.writeString(FILE, generated);
        }
        assertThat(Files.readString(FILE))
                .as("docs/size-classes.md is out of date: run this test with -Ddocs.regenerate=true")
                .isEqualTo(generated);
    }

    private static String generate() {
        StringBuilder text = new StringBuilder("""
                # Size classes

                A request of up to 32 KiB gets a block of the smallest class that holds it. A slab is 64 KiB, cut into equal
                blocks; what is left at its end is its tail.

                - *tail*: bytes of a slab that no block has.
                - *worst*: how much of a slab is wasted when every block holds the smallest request of its class (1 byte for the
                  first), tail included.
                - *alignment*: what every block of the class is a multiple of.

                <!-- Generated from SizeClasses.java by SizeClassesDocTest; do not edit.
                     mvn -pl heap test -Dtest=SizeClassesDocTest -Ddocs.regenerate=true -->

                | class | requests | block bytes | blocks a slab | tail bytes | worst % | alignment |
                |--:|--:|--:|--:|--:|--:|--:|
                """);
        int smallest = 0;
        for (int sizeClass = 0; sizeClass < SizeClasses.COUNT; sizeClass++) {
            int blockBytes = SizeClasses.blockBytes(sizeClass);
            int capacity = SizeClasses.capacity(sizeClass);
            text.append(String.format(
                    Locale.ROOT,
                    "| %d | %,d to %,d | %,d | %,d | %,d | %.1f | %,d |\n",
                    sizeClass,
                    smallest,
                    blockBytes,
                    blockBytes,
                    capacity,
                    Zone.CHUNK_BYTES - capacity * blockBytes,
                    100 - 100.0 * capacity * Math.max(1, smallest) / Zone.CHUNK_BYTES,
                    Integer.lowestOneBit(blockBytes)));
            smallest = blockBytes + 1;
        }
        return text.toString();
    }
}
