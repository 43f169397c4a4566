package malloc4j.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import malloc4j.internal.proc.SystemFiles;
import malloc4j.observe.AreaKind;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A process whose first thread has ended while others run: its own directory tells no memory then.
class EndedFirstThreadTest {
    private static final String ENDS_ITS_FIRST_THREAD = """
            import ctypes, sys, threading, time
            def wait():
                while "State:\\tZ" not in open("/proc/self/status").read():
                    time.sleep(0.01)
                print("ready", flush=True)
                time.sleep(1000)
            threading.Thread(target=wait).start()
            ctypes.CDLL(None).pthread_exit(None)
            """;
    private static final String MAPS =
            "7000-9000 rw-p 00000000 00:00 0 \n400000-402000 r-xp 00000000 fe:00 7                  /bin/it\n";

    @TempDir
    private Path root;

    @Test
    void itsMemoryIsToldByAThreadThatRuns() throws Exception {
        Path python = Path.of("/usr/bin/python3");
        assumeTrue(Files.isExecutable(python), "there is no python3 here");
        try (IdleProcess process =
                IdleProcess.startReady(List.of(python.toString(), "-u", "-c", ENDS_ITS_FIRST_THREAD))) {
            AddressSpace space = AddressSpace.of(process.pid());

            space.verify();
            assertThat(space.pid()).isEqualTo(process.pid());
            assertThat(space.name()).startsWith("python3");
            assertThat(space.program()).startsWith("/usr/bin/python3");
            assertThat(space.notes()).allMatch(note -> note.contains("did not tell where")); // one may be running
            assertThat(space.bases().program()).isPresent();
            assertThat(space.sums())
                    .containsKeys(AreaKind.PROGRAM_TEXT, AreaKind.BREAK, AreaKind.LIBRARY_BSS, AreaKind.STACK);
            assertThat(space.total().residentBytes()).isPositive();
            assertThat(space.rollup()).isPresent();
        }
    }

    @Test
    void theFirstThreadThatRunsIsTaken() throws IOException {
        process("7", "Z");
        process("7/task/7", "Z");
        process("7/task/8", "X");
        process("7/task/9", "S");
        write("7/task/9/smaps", MAPS);
        write("7/smaps", "");

        AddressSpace space = AddressSpace.read(new SystemFiles(root), "/proc/7", false);

        assertThat(space.mappings()).hasSize(2);
        assertThat(space.name()).isEqualTo("a) Z (name");
    }

    @Test
    void aProcessWhoseThreadsHaveAllEndedIsEmpty() throws IOException {
        process("7", "Z");
        process("7/task/7", "Z");
        process("7/task/8", "Z");
        write("7/smaps", "");

        AddressSpace space = AddressSpace.read(new SystemFiles(root), "/proc/7", false);

        assertThat(space.mappings()).isEmpty();
        assertThat(space.notes()).isEmpty();
    }

    @Test
    void limitsAreReadOfAThreadThatRuns() throws IOException {
        process("self", "Z");
        process("self/task/7", "Z");
        process("self/task/9", "S");
        write("self/status", "Name:\tx\nState:\tZ (zombie)\n");
        write("self/task/9/status", "Name:\tx\nVmSize:\t  100 kB\n");
        write("self/maps", "");
        write("self/task/9/maps", MAPS);

        MemoryLimits limits = MemoryLimits.read(new SystemFiles(root));

        assertThat(limits.mappings().used().get()).isEqualTo(2);
        assertThat(limits.addressSpace().usedBytes().get()).isEqualTo(100 << 10);
    }

    private void process(String directory, String state) throws IOException {
        write(directory + "/stat", "7 (a) Z (name) " + state + " 1" + " 0".repeat(50) + "\n");
        write(directory + "/comm", "thread\n");
    }

    private void write(String name, String text) throws IOException {
        Path file = root.resolve("proc").resolve(name);
        Files.createDirectories(file.getParent());
        Files.writeString(file, text, StandardCharsets.UTF_8);
    }
}
