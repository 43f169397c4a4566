package malloc4j.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Path;
import malloc4j.faults.ChildJvm;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The kernel is handed the bytes of a path that the JDK would hand it, whatever the language of the user.
class PathBytesTest {
    @TempDir
    private Path directory;

    @ParameterizedTest
    @ValueSource(strings = {"C.UTF-8", "C", "POSIX"})
    void filesOfEveryNameAreMapped(String locale) throws Exception {
        String make = "cd \"$0\" && mkdir in out && cd in && for name in 'plain' 'a b%20' '\u00e4\u4e2d'"
                + " \"$(printf 'latin\\344')\" \"$(printf '\\377\\376x')\" \"$(printf 'half\\303')\"; do"
                + " echo \"$name\" > \"$name\" || exit 1; done";
        assumeTrue(
                new ProcessBuilder("bash", "-c", make, directory.toString())
                                .start()
                                .waitFor()
                        == 0,
                "this file system has no such names");

        String said = ChildJvm.small()
                .with("LC_ALL", locale)
                .run(
                        PathBytesChild.class,
                        directory.resolve("in").toString(),
                        directory.resolve("out/heap").toString());

        assertThat(said).isEqualTo("6 mapped, the heap's file is there: true\n");
    }
}
