package malloc4j.cli.health;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import malloc4j.process.RecordedMachine;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Processes as they may be, and what is wrong with them.
class ProcessChecksTest {
    private static final long MIB = 1 << 20;

    @TempDir
    private Path root;

    @Test
    void manyArenasThatHoldMuchAreAWarning() {
        ProcessFacts process = process(20, 500 * MIB, 17, List.of("java"), List.of());

        Finding finding = find(process, "glibc arenas");
        assertThat(finding.severity()).isEqualTo(Severity.WARNING);
        assertThat(finding.text())
                .isEqualTo("20 heaps of glibc's arenas have 500 MiB in memory, of 1.3 GiB of addresses; there may be 32"
                        + " arenas, 8 a processor");
        assertThat(finding.fix()).contains("MALLOC_ARENA_MAX=2", "at most 475 MiB");
    }

    @Test
    void arenasThatAreLimitedAreFine() {
        for (String variable : List.of("MALLOC_ARENA_MAX=4", "GLIBC_TUNABLES=a=1:glibc.malloc.arena_max=4:b=2")) {
            Finding finding = find(process(20, 500 * MIB, 17, List.of("java"), List.of(variable)), "glibc arenas");

            assertThat(finding.severity()).as(variable).isEqualTo(Severity.FINE);
            assertThat(finding.text()).endsWith("there may be at most 4 arenas");
        }
        assertThat(find(process(0, 0, 17, List.of(), List.of()), "glibc arenas").text())
                .isEqualTo("only the main one");
        assertThat(find(process(9, MIB, 17, List.of(), List.of()), "glibc arenas")
                        .severity())
                .isEqualTo(Severity.NOTE);
    }

    @Test
    void nativeAccessMustBeGrantedWhereItIsAskedFor() {
        assertNativeAccess(Severity.FINE, 17, List.of("java"), List.of());
        assertNativeAccess(Severity.WARNING, 25, List.of("java"), List.of());
        assertNativeAccess(Severity.SEVERE, 25, List.of("java", "--illegal-native-access=deny"), List.of());
        assertNativeAccess(Severity.FINE, 25, List.of("java", "--enable-native-access=ALL-UNNAMED"), List.of());
        assertNativeAccess(
                Severity.FINE, 25, List.of("java"), List.of("JDK_JAVA_OPTIONS=--enable-native-access=malloc4j"));
    }

    private void assertNativeAccess(Severity severity, int java, List<String> arguments, List<String> environment) {
        assertThat(find(process(0, 0, java, arguments, environment), "native access")
                        .severity())
                .as("%d %s %s", java, arguments, environment)
                .isEqualTo(severity);
    }

    @Test
    void theVersionOfJavaIsTold() {
        assertThat(find(process(0, 0, 25, List.of(), List.of()), "java").severity())
                .isEqualTo(Severity.FINE);
        assertThat(find(process(0, 0, 17, List.of(), List.of()), "java").text())
                .isEqualTo("Java 17.0.1: malloc4j needs 25");
        assertThat(find(process(0, 0, 11, List.of(), List.of()), "java").text())
                .contains("cannot tell its areas apart");
    }

    @Test
    void aJavaHeapAsLargeAsTheGroupIsSevere() throws IOException {
        write("proc/self/cgroup", "0::/app\n");
        write("proc/self/mountinfo", "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
        write("sys/fs/cgroup/app/memory.max", Long.toString(400 * MIB));
        assertThat(find(process(0, 0, 25, List.of(), List.of()), "java heap").severity())
                .isEqualTo(Severity.SEVERE);

        write("sys/fs/cgroup/app/memory.max", Long.toString(450 * MIB));
        assertThat(find(process(0, 0, 25, List.of(), List.of()), "java heap").severity())
                .isEqualTo(Severity.WARNING);

        write("sys/fs/cgroup/app/memory.max", Long.toString(900 * MIB));
        assertThat(find(process(0, 0, 25, List.of(), List.of()), "java heap").severity())
                .isEqualTo(Severity.FINE);
    }

    private static ProcessFacts process(
            int arenaHeaps, long arenaBytes, int java, List<String> arguments, List<String> environment) {
        return new ProcessFacts(
                "java",
                arguments,
                environment,
                1_000 * MIB,
                arenaHeaps,
                arenaHeaps * 64L * MIB,
                arenaBytes,
                400 * MIB,
                true,
                java + ".0.1",
                true,
                4);
    }

    private Finding find(ProcessFacts process, String name) {
        return ProcessChecks.of(process, RecordedMachine.limits(root)).stream()
                .filter(finding -> finding.name().equals(name))
                .findFirst()
                .orElseThrow();
    }

    private void write(String name, String text) throws IOException {
        Path file = root.resolve(name);
        Files.createDirectories(file.getParent());
        Files.writeString(file, text);
    }
}
