package malloc4j.cli.picture;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import malloc4j.process.MemoryLimits;
import malloc4j.process.RecordedMachine;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What limits memory, of this machine and of machines that are written down, as people see it.
class LimitsPictureTest {
    @TempDir
    private Path root;

    @Test
    void theLimitsOfThisProcessHaveEveryPart() {
        assertThat(LimitsPicture.table(MemoryLimits.read(), Texts.WIDE))
                .contains("PROCESS\n", "CONTROL GROUP\n", "MACHINE\n", "PAGES\n", "NEXT\n")
                .contains("of malloc4j at most");
    }

    @Test
    void aGroupOfVersion2TellsWhereItIsSlowedDownAndWaits() throws IOException {
        write("proc/self/cgroup", "0::/app.scope\n");
        write("proc/self/mountinfo", "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
        write("sys/fs/cgroup/app.scope/memory.max", "max\n");
        write("sys/fs/cgroup/app.scope/memory.high", "3221225472\n");
        write("sys/fs/cgroup/app.scope/memory.current", "1073741824\n");
        write("sys/fs/cgroup/app.scope/memory.swap.max", "0\n");
        write("sys/fs/cgroup/app.scope/memory.pressure", """
                some avg10=1.50 avg60=12.25 avg300=0.05 total=123456
                full avg10=0.00 avg60=2.00 avg300=0.00 total=1234
                """);

        assertThat(table())
                .containsPattern("app.scope +none +1 GiB  version 2; slowed down from 3 GiB; swap at most -\n")
                .containsPattern("waiting for memory +12.3 %  of the last minute some task, 2.0 % all tasks\n");
    }

    @Test
    void aGroupOfVersion1TellsItsLimitOfMemoryAndSwapTogether() throws IOException {
        write("proc/self/cgroup", "4:memory:/\n");
        write("proc/self/mountinfo", "30 23 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n");
        write("sys/fs/cgroup/memory/memory.limit_in_bytes", "536870912\n");
        write("sys/fs/cgroup/memory/memory.usage_in_bytes", "268435456\n");
        write("sys/fs/cgroup/memory/memory.memsw.limit_in_bytes", "1073741824\n");

        assertThat(table()).containsPattern("/ +512 MiB +256 MiB  version 1; with swap at most 1 GiB\n");
    }

    @Test
    void theCommitLimitAndThePoolOfHugePagesAreShown() throws IOException {
        write("proc/meminfo", "MemTotal: 8010408 kB\nCommitLimit: 6100000 kB\nCommitted_AS: 5100000 kB\n");
        write("proc/sys/vm/overcommit_memory", "2\n");
        write("sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "128\n");
        write("sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "100\n");

        assertThat(table())
                .containsPattern("commit limit +5.8 GiB +4.9 GiB  enforced: overcommit is forbidden\n")
                .containsPattern("pool of 2 MiB +128 +28  pages\n");
    }

    @Test
    void whatIsNotKnownHasAQuestionMarkAndTheReason() {
        assertThat(table()).containsPattern("address space +\\? +\\?  RLIMIT_AS; this kernel has no /proc/self/limits");
    }

    private String table() {
        return LimitsPicture.table(RecordedMachine.limits(root), Texts.WIDE);
    }

    private void write(String path, String text) throws IOException {
        Path file = root.resolve(path);
        Files.createDirectories(file.getParent());
        Files.writeString(file, text);
    }
}
