package malloc4j.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import malloc4j.faults.ChildJvm;
import malloc4j.observe.Area;
import malloc4j.observe.AreaKind;
import malloc4j.observe.MemoryUse;
import malloc4j.observe.MemoryUse.Figure;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/// The layouts of other processes: native ones, and JVMs of two versions with each collector. What is told of a JVM
/// is compared with what the JVM itself tells to `jcmd`.
class OtherProcessTest {
    private static final List<String> COLLECTORS =
            List.of("UseSerialGC", "UseParallelGC", "UseG1GC", "UseZGC", "UseShenandoahGC");
    private static final Pattern RANGE = Pattern.compile("0x([0-9a-f]+)[,-] ?(?:0x[0-9a-f]+[,-] ?)?0x([0-9a-f]+)");

    @TempDir
    static Path directory;

    @ParameterizedTest
    @ValueSource(strings = {"cat", "sleep 1000"})
    void nativeProcesses(String command) throws Exception {
        try (IdleProcess process = IdleProcess.start(command.split(" ", -1))) {
            String program = command.split(" ", -1)[0];
            AddressSpace space = settled(process.pid(), program);

            space.verify();
            assertAddsUp(space);
            assertThat(space.name()).isEqualTo(program);
            assertThat(space.sums())
                    .as(Areas.of(space))
                    .containsKeys(
                            AreaKind.PROGRAM_TEXT,
                            AreaKind.PROGRAM_CONSTANTS,
                            AreaKind.PROGRAM_DATA,
                            AreaKind.BREAK,
                            AreaKind.LIBRARY_TEXT,
                            AreaKind.STACK,
                            AreaKind.VDSO);
            assertThat(space.notes()).isEmpty();
            AddressSpace.Bases bases = space.bases();
            assertThat(at(space, bases.program().getAsLong()).owner()).isEqualTo(program);
            assertThat(at(space, bases.breakStart().getAsLong()).kind()).isEqualTo(AreaKind.BREAK);
            assertThat(at(space, bases.vdso().getAsLong()).kind()).isEqualTo(AreaKind.VDSO);
            assertThat(at(space, bases.stackTop().getAsLong() - 1).kind()).isEqualTo(AreaKind.STACK);
            assertThat(at(space, bases.interpreter().getAsLong()).owner()).startsWith("ld-");
            assertThat(space.at(bases.mmapTop().getAsLong())).isEmpty();
        }
    }

    /// A process right after its start still has its parent's program, and then touches more and more memory until it
    /// waits: it is looked at until nothing changes.
    private static AddressSpace settled(long pid, String program) throws InterruptedException {
        AddressSpace before = AddressSpace.of(pid);
        for (int attempt = 0; attempt < 100; attempt++) {
            Thread.sleep(20);
            AddressSpace space = AddressSpace.of(pid);
            if (space.name().equals(program)
                    && space.notes().isEmpty()
                    && space.total().equals(before.total())) {
                return space;
            }
            before = space;
        }
        return before;
    }

    static Stream<String[]> jvms() throws IOException {
        List<String[]> cases = new ArrayList<>();
        for (String home : List.of("this", "17")) {
            COLLECTORS.forEach(collector -> cases.add(new String[] {home, "-XX:+" + collector}));
            cases.add(new String[] {home, "-Xshare:off"});
            cases.add(new String[] {home, "-XX:-SegmentedCodeCache"});
        }
        return cases.stream();
    }

    @ParameterizedTest
    @MethodSource("jvms")
    void javaVirtualMachines(String version, String option) throws Exception {
        Path home = version.equals("this") ? IdleProcess.thisJdk() : jdk17();
        try (IdleProcess process = start(home, option)) {
            AddressSpace space = AddressSpace.of(process.pid());

            space.verify();
            assertAddsUp(space);
            assertThat(space.notes()).noneMatch(note -> note.contains("JVM"));
            assertThat(space.sums(AreaKind.STACK)).containsKey("other-thread");
            compareWithTheJvm(space, process.pid());
        }
    }

    /// Memory that the C library maps beside metaspace, which the kernel makes one mapping with it.
    @ParameterizedTest
    @ValueSource(strings = {"this", "17"})
    void directBuffersAreNoMetaspace(String version) throws Exception {
        Path home = version.equals("this") ? IdleProcess.thisJdk() : jdk17();
        try (IdleProcess process = IdleProcess.java(home, directory, "-Ddirect=200", "-XX:+UseSerialGC")) {
            AddressSpace space = AddressSpace.of(process.pid());

            space.verify();
            assertThat(space.sum(AreaKind.METASPACE).use().residentBytes())
                    .as(Areas.of(space))
                    .isPositive()
                    .isLessThan(16 << 20);
            assertThat(space.sum(AreaKind.C_LARGE_BLOCK).use().residentBytes()
                            + space.sums(AreaKind.ANONYMOUS)
                                    .getOrDefault("metaspace or C heap", AddressSpace.Sum.NONE)
                                    .use()
                                    .residentBytes())
                    .as(Areas.of(space))
                    .isGreaterThan(190 << 20);
            compareWithTheJvm(space, process.pid());
        }
    }

    private static IdleProcess start(Path home, String option) throws IOException {
        try {
            return IdleProcess.java(home, directory, option, "-XX:+UnlockDiagnosticVMOptions");
        } catch (IOException refused) {
            assumeTrue(!String.valueOf(refused.getMessage()).contains("not supported"), option + " is not in this JVM");
            throw refused;
        }
    }

    private static Path jdk17() throws IOException {
        Optional<Path> home = IdleProcess.jdk17();
        assumeTrue(home.isPresent(), "there is no Java 17 here");
        return home.get();
    }

    private static void compareWithTheJvm(AddressSpace space, long pid) throws Exception {
        String jcmd = IdleProcess.thisJdk().resolve("bin/jcmd").toString();
        Process asked = new ProcessBuilder(jcmd, Long.toString(pid), "VM.info")
                .redirectErrorStream(true)
                .start();
        String told = new String(asked.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(asked.waitFor()).as(told).isZero();

        int compared = 0;
        for (String line : told.lines().toList()) {
            if (line.startsWith(" bounds [")) {
                compared += assertOwner(space, line, AreaKind.CODE_CACHE);
            } else if (line.startsWith("Compressed class space mapped at: ")) {
                compared += assertOwner(space, line, AreaKind.CLASS_SPACE);
                long bytes = Long.parseLong(line.replaceAll(".*reserved size: ", ""));
                assertThat(space.sum(AreaKind.CLASS_SPACE).byteSize())
                        .as(Areas.of(space))
                        .isEqualTo(bytes);
            } else if (line.startsWith("CDS archive(s) mapped at: [0x") && !line.contains("[0x0000000000000000")) {
                compared += assertOwner(space, line.replaceAll("\\), size.*", ""), AreaKind.CDS_ARCHIVE);
            } else if (line.startsWith("Card table byte_map: [")) {
                compared += assertOwner(space, line.replaceAll("].*", ""), AreaKind.GC_TABLES);
            } else if (line.startsWith("Heap address: ")) {
                long start = Long.parseLong(line.replaceAll("Heap address: 0x0*([0-9a-f]+),.*", "$1"), 16);
                assertThat(at(space, start).kind()).isEqualTo(AreaKind.JAVA_HEAP);
                assertThat(space.sum(AreaKind.JAVA_HEAP).byteSize()).isEqualTo(256 << 20);
                compared++;
            } else if (line.matches(" Metaspace +used .*reserved \\d+K")) {
                long kib = Long.parseLong(line.replaceAll(".*reserved (\\d+)K", "$1"));
                long sum = space.sum(AreaKind.METASPACE).byteSize()
                        + space.sum(AreaKind.CLASS_SPACE).byteSize();
                assertThat(sum).as(Areas.of(space)).isEqualTo(kib << 10);
                compared++;
            }
        }
        assertThat(compared).as(told).isGreaterThan(4);
    }

    /// The first and the last byte of the range in `line` are of this kind.
    private static int assertOwner(AddressSpace space, String line, AreaKind kind) {
        MatchResult range = RANGE.matcher(line).results().findFirst().orElseThrow(() -> new AssertionError(line));
        long start = Long.parseLong(range.group(1), 16);
        long end = Long.parseLong(range.group(2), 16);
        for (long address : new long[] {start, end - 1}) {
            AreaKind found = at(space, address).kind();
            assertThat(found == AreaKind.STACK_GUARD ? AreaKind.STACK : found)
                    .as("%x of %s in%n%s", address, line, Areas.of(space))
                    .isEqualTo(kind);
        }
        return 1;
    }

    private static Area at(AddressSpace space, long address) {
        return space.at(address)
                .orElseThrow(
                        () -> new AssertionError(Long.toHexString(address) + " is not mapped in\n" + Areas.of(space)));
    }

    /// A process that waits does next to nothing between the two readings, but a JVM never quite waits.
    private static void assertAddsUp(AddressSpace space) {
        MemoryUse rollup = space.rollup().orElseThrow();
        for (Figure figure : Figure.values()) {
            assertThat(space.total().bytes(figure))
                    .as(figure.smapsName())
                    .isCloseTo(
                            rollup.bytes(figure),
                            Offset.offset(space.pageBytes() * space.mappings().size()));
        }
    }

    /// As many as the kernel's default allows, but for some the JVM may still need.
    @Test
    void aProcessWith60000Mappings() throws Exception {
        List<String> command = List.of(
                IdleProcess.thisJdk().resolve("bin/java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-XX:+UseSerialGC",
                "-Xmx64m",
                "-cp",
                System.getProperty("java.class.path"),
                ManyMappingsChild.class.getName(),
                "60000");
        try (IdleProcess process = IdleProcess.startReady(command)) {
            long start = System.nanoTime();
            AddressSpace space = AddressSpace.of(process.pid());
            long read = System.nanoTime();
            space.verify();
            long end = System.nanoTime();
            System.out.printf(
                    "%,d mappings: read in %d ms, checked in %d ms%n",
                    space.mappings().size(), (read - start) / 1_000_000, (end - read) / 1_000_000);

            assertThat(space.mappings()).hasSizeGreaterThan(60_000);
            assertAddsUp(space);
        }
    }

    @Test
    void aProcessThatMayNotBeReadIsRefused() throws Exception {
        Process probe = new ProcessBuilder(
                        "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "ls", codeBase())
                .redirectErrorStream(true)
                .start();
        probe.getInputStream().readAllBytes();
        assumeTrue(probe.waitFor() == 0, "this test is not run by root, or its classes are not readable by others");

        String said = ChildJvm.small()
                .startedBy("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
                .with("JAVA_TOOL_OPTIONS", "-XX:-UsePerfData")
                .run(RefusedChild.class, Long.toString(ProcessHandle.current().pid()));

        assertThat(said)
                .contains("read(/proc/" + ProcessHandle.current().pid() + "/smaps) failed: EACCES (permission denied);"
                        + " run as the user of that process, or as root (CAP_SYS_PTRACE)");
    }

    private static String codeBase() {
        return Path.of(System.getProperty("java.class.path").split(":", -1)[0]).toString();
    }

    @Test
    void aProcessThatHasEndedAndIsNotWaitedForIsEmpty() throws Exception {
        Process zombie = new ProcessBuilder("sh", "-c", "sleep 0.1 & echo $!; exec sleep 1000").start();
        try {
            String pid = zombie.inputReader().readLine();
            AddressSpace space = AddressSpace.of(Long.parseLong(pid));
            for (int attempt = 0; attempt < 200 && !space.mappings().isEmpty(); attempt++) {
                Thread.sleep(10);
                space = AddressSpace.of(Long.parseLong(pid));
            }
            space.verify();
            assertThat(space.mappings()).isEmpty();
            assertThat(space.total()).isEqualTo(MemoryUse.NONE);
            assertThat(space.areas()).isEmpty();
            assertThat(space.toString()).contains("0 mappings");
        } finally {
            zombie.destroyForcibly();
        }
    }

    @Test
    void processesThatEndWhileTheyAreReadAreToldAsThat() throws Exception {
        int ended = 0;
        for (int round = 0; round < 40; round++) {
            Process process = new ProcessBuilder("sleep", "0.00" + round % 10).start();
            try {
                while (true) {
                    AddressSpace space = AddressSpace.of(process.pid());
                    space.verify();
                }
            } catch (UnreadableProcessException gone) {
                assertThat(gone.errnoName()).as(gone.getMessage()).isIn("ENOENT", "ESRCH");
                ended++;
            }
            assertThat(process.waitFor()).isZero();
        }
        assertThat(ended).isEqualTo(40);
    }
}
