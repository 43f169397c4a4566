package malloc4j.docs;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// Every type that others see says since which version it is there.
class SinceTest {
    private static final Pattern TYPE =
            Pattern.compile("(?m)((?:^///.*\\n)*)(?:^@.*\\n)*^public [a-z -]*(?:class|interface|record|enum) (\\w+)");
    private static final Pattern SINCE = Pattern.compile("(?m)^/// @since \\d+\\.\\d+\\.\\d+$");

    /// The sources of the heap and of the adapters, but for what is not exported.
    private static List<Path> sources() throws IOException {
        try (Stream<Path> files = Files.find(
                Documents.ROOT,
                20,
                (file, attributes) -> file.toString().endsWith(".java")
                        && file.toString().contains("/src/main/java/malloc4j/")
                        && !file.toString().contains("/internal/"))) {
            return files.filter(file -> {
                        String place = Documents.ROOT.relativize(file).toString();
                        return place.startsWith("heap/") || place.startsWith("adapters/");
                    })
                    .toList();
        }
    }

    @Test
    void publicTypesSaySinceWhen() throws IOException {
        List<String> silent = new ArrayList<>();
        int count = 0;
        for (Path source : sources()) {
            Matcher type = TYPE.matcher(Documents.read(source));
            if (type.find()) {
                count++;
                if (!SINCE.matcher(type.group(1)).find()) {
                    silent.add(type.group(2));
                }
            }
        }
        assertThat(count).isGreaterThan(50);
        assertThat(silent).as("write: /// @since VERSION").isEmpty();
    }
}
