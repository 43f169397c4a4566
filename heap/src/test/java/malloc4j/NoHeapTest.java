package malloc4j;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/// Where there can be no heap every call says why, the first and each later one.
class NoHeapTest {
    private static final int CALLS = 16;
    private static final int COMMON_CALLS = 14; // the others make heaps of their own

    @Test
    void withoutNativeAccessEachCallNamesTheFlag() throws Exception {
        assertThat(printed("--illegal-native-access=deny"))
                .hasSize(CALLS)
                .containsOnly("java.lang.IllegalCallerException: malloc4j needs native access: start java with"
                        + " --enable-native-access=ALL-UNNAMED");
    }

    @Test
    void onAPlatformThatIsNotSupportedEachCallNamesIt() throws Exception {
        for (String property : List.of("-Dos.arch=riscv64", "-Dos.name=Plan 9")) {
            assertThat(printed("--enable-native-access=ALL-UNNAMED", property))
                    .hasSize(CALLS)
                    .allSatisfy(line -> assertThat(line)
                            .startsWith("java.lang.UnsupportedOperationException: malloc4j runs on ")
                            .contains(property.substring(property.indexOf('=') + 1)));
        }
    }

    @Test
    void withAWrongOptionEachCallNamesIt() throws Exception {
        List<String> lines = printed("--enable-native-access=ALL-UNNAMED", "-Dmalloc4j.source=nowhere");
        assertThat(lines).hasSize(CALLS).filteredOn("no error"::equals).hasSize(CALLS - COMMON_CALLS);
        assertThat(lines)
                .filteredOn(line -> line.startsWith("java.lang.IllegalArgumentException: -Dmalloc4j.source=nowhere"))
                .hasSize(COMMON_CALLS);
    }

    @Test
    void withoutItsFileEachCallSaysSo() throws Exception {
        List<String> lines = printed("--enable-native-access=ALL-UNNAMED", "-Dmalloc4j.file=/none/heap");
        assertThat(lines)
                .hasSize(CALLS)
                .filteredOn(line -> line.startsWith("malloc4j.linux.SystemCallException: open(path=/none/heap"))
                .hasSize(COMMON_CALLS);
    }

    private static List<String> printed(String... options) throws Exception {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of(options));
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), NoHeapChild.class.getName()));
        Process child = new ProcessBuilder(command).redirectErrorStream(true).start();
        String text = new String(child.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(child.waitFor(60, TimeUnit.SECONDS)).isTrue();
        return text.lines().toList();
    }
}
