package malloc4j.cli.health;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import malloc4j.process.RecordedMachine;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Machines that are written down, and what is wrong with them.
class MachineChecksTest {
    private static final KernelFacts GOOD =
            new KernelFacts("6.1.0-18-amd64", OptionalInt.of(2), OptionalInt.of(0), false, 0, "/tmp", true, 1L << 40);

    @TempDir
    private Path root;

    @Test
    void whatIsNotToldIsFine() {
        assertThat(findings(GOOD)).hasSize(14).allSatisfy(finding -> assertThat(finding.severity())
                .isEqualTo(Severity.FINE));
    }

    @Test
    void hugePagesThatAreAlwaysOnAreAWarning() throws IOException {
        write("sys/kernel/mm/transparent_hugepage/enabled", "[always] madvise never\n");

        assertFinding("transparent huge pages", Severity.WARNING, "always: ", "echo madvise > ");
    }

    @Test
    void forbiddenOvercommitIsSevereAtItsLimit() throws IOException {
        write("proc/sys/vm/overcommit_memory", "2\n");
        write("proc/meminfo", "CommitLimit: 1000000 kB\nCommitted_AS: 200000 kB\n");
        assertFinding("overcommit", Severity.NOTE, "never: 195.3 MiB of 976.6 MiB", "vm.overcommit_memory=0");

        write("proc/meminfo", "CommitLimit: 1000000 kB\nCommitted_AS: 990000 kB\n");
        assertFinding("overcommit", Severity.SEVERE, "soon requests are refused", "vm.overcommit_ratio");
    }

    @Test
    void aMachineWithoutMemoryIsSevere() throws IOException {
        write("proc/meminfo", "MemTotal: 1000000 kB\nMemAvailable: 20000 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n");

        assertFinding("memory", Severity.SEVERE, "the kernel will kill", "./malloc4j who PID");
    }

    @Test
    void mappingsNearTheLimitAreSevere() throws IOException {
        write("proc/sys/vm/max_map_count", "10\n");
        StringBuilder maps = new StringBuilder();
        for (int mapping = 1; mapping <= 10; mapping++) {
            maps.append("%x000-%x800 rw-p 00000000 00:00 0\n".formatted(mapping, mapping));
        }
        write("proc/self/maps", maps.toString());

        assertFinding("mappings", Severity.SEVERE, "10 of 10 ", "sysctl -w vm.max_map_count=262144");
    }

    @Test
    void tasksThatWaitForMemoryAreSevere() throws IOException {
        write("proc/pressure/memory", """
                some avg10=30.00 avg60=25.00 avg300=5.00 total=1
                full avg10=20.00 avg60=12.00 avg300=2.00 total=1
                """);

        assertFinding("pressure", Severity.SEVERE, "25.0 % of the last minute, all tasks 12.0 %", "./malloc4j limits");
    }

    @Test
    void aGroupNearItsLimitIsAWarning() throws IOException {
        write("proc/self/cgroup", "0::/app\n");
        write("proc/self/mountinfo", "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
        write("sys/fs/cgroup/app/memory.max", "1073741824\n");
        write("sys/fs/cgroup/app/memory.current", "1063741824\n");

        assertFinding("control group", Severity.WARNING, "9.5 MiB left of 1 GiB", "memory.max");

        write("sys/fs/cgroup/app/memory.high", "1000000\n");
        assertFinding("control group", Severity.WARNING, "above its memory.high", "MemoryHigh=");
    }

    @Test
    void smallLimitsOfTheProcessAreNotes() throws IOException {
        write("proc/self/limits", """
                Limit                     Soft Limit           Hard Limit           Units
                Max address space         1000000000           unlimited            bytes
                Max locked memory         65536                65536                bytes
                """);
        write("proc/self/status", "VmSize: 10000 kB\nVmLck: 0 kB\nVmData: 100 kB\nVmStk: 100 kB\n");

        assertFinding("address space", Severity.NOTE, "RLIMIT_AS is 953.7 MiB", "ulimit -v unlimited");
        assertFinding("locked memory", Severity.NOTE, "RLIMIT_MEMLOCK is 64 KiB", "ulimit -l");
    }

    @Test
    void whatBlindsToolsIsTold() {
        KernelFacts blind =
                new KernelFacts("4.9.0", OptionalInt.of(3), OptionalInt.of(1), true, 0, "/var/tmp", true, 1 << 20);

        assertFinding(blind, "kernel", Severity.WARNING, "older than 4.14", "5.14");
        assertFinding(blind, "guards", Severity.NOTE, "perf_event_paranoid is 3", "perf_event_paranoid=2");
        assertFinding(blind, "tracing", Severity.NOTE, "ptrace_scope is 1", "ptrace_scope=0");
        assertFinding(blind, "temporary folder", Severity.WARNING, "/var/tmp has only 1 MiB", "guardFile");

        KernelFacts root =
                new KernelFacts("5.10.0", OptionalInt.of(3), OptionalInt.of(1), false, -1, "/tmp", false, 1L << 40);
        assertFinding(root, "kernel", Severity.NOTE, "older than 5.14", "5.14");
        assertFinding(root, "guards", Severity.FINE, "exactly", "nothing");
        assertFinding(root, "tracing", Severity.FINE, "", "nothing");
        assertFinding(root, "temporary folder", Severity.WARNING, "cannot be written to", "java.io.tmpdir");
    }

    private void assertFinding(String name, Severity severity, String text, String fix) {
        assertFinding(GOOD, name, severity, text, fix);
    }

    private void assertFinding(KernelFacts kernel, String name, Severity severity, String text, String fix) {
        Finding found = findings(kernel).stream()
                .filter(finding -> finding.name().equals(name))
                .findFirst()
                .orElseThrow();
        assertThat(found.severity()).as(found.toString()).isEqualTo(severity);
        assertThat(found.text()).contains(text);
        assertThat(found.fix()).contains(fix);
    }

    private List<Finding> findings(KernelFacts kernel) {
        return MachineChecks.of(RecordedMachine.limits(root), kernel);
    }

    private void write(String name, String text) throws IOException {
        Path file = root.resolve(name);
        Files.createDirectories(file.getParent());
        Files.writeString(file, text);
    }
}
