package malloc4j.cli.explain;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.avaje.jsonb.Jsonb;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import malloc4j.cli.CommandRun;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// JVMs that die of native code, and what is said of the logs and cores that they leave.
@Timeout(120)
class ExplainCommandTest {
    private static final String USE = "Use after free: byte %d of a block of 100 bytes was touched, freed ";

    @TempDir
    @SuppressWarnings("NullAway.Init")
    private Path folder;

    /// Runs a program that dies.
    private void crash(String how, String... options) throws IOException, InterruptedException {
        crashIn("exec \"$@\"", how, options);
    }

    private void crashIn(String shell, String how, String... options) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of("sh", "-c", shell, "sh"));
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of(
                "-Xmx64m", "-XX:+UseSerialGC", "--enable-native-access=ALL-UNNAMED", "-Dmalloc4j.guardEvery=1"));
        command.addAll(List.of(options));
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), CrashingChild.class.getName(), how));
        Process process = new ProcessBuilder(command)
                .directory(folder.toFile())
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("out").toFile())
                .start();
        assertThat(process.waitFor()).isNotZero();
    }

    private Path log() throws IOException {
        try (var files = Files.list(folder)) {
            return files.filter(file -> file.getFileName().toString().startsWith("hs_err"))
                    .findFirst()
                    .orElseThrow(() -> new AssertionError("no hs_err log in " + folder));
        }
    }

    private static CommandRun explain(Path file, String... options) {
        String[] arguments = Arrays.copyOf(new String[] {"explain", file.toString()}, 2 + options.length);
        System.arraycopy(options, 0, arguments, 2, options.length);
        return CommandRun.of(arguments);
    }

    private static void requireLine(CommandRun run, int exitCode, String part) {
        assertThat(run.err()).startsWith("malloc4j: ").contains(part).hasLineCount(1);
        assertThat(run.out()).isEmpty();
        assertThat(run.exitCode()).isEqualTo(exitCode);
    }

    @ParameterizedTest
    @CsvSource({"memset-after-free,5", "strlen-after-free,0", "memcpy-after-free,0"})
    void saysWhoHasFreedWhatNativeCodeHasTouched(String how, int first) throws Exception {
        crash(how, "-Djava.io.tmpdir=" + folder);
        CommandRun run = explain(log());
        assertThat(run.err()).isEmpty();
        assertThat(run.exitCode()).isZero();
        assertThat(run.out())
                .startsWith(first == 5 ? USE.formatted(5) : "Use after free: byte ")
                .contains("of a block of 100 bytes was touched, freed ", " ms before by thread 'main' at malloc4j.cli")
                .contains("\n  allocated ", "\n    at malloc4j.cli.explain.CrashingChild.allocate(CrashingChild.java:")
                .contains("\n  freed ", "\n    at malloc4j.cli.explain.CrashingChild.release(CrashingChild.java:")
                .contains("\n    at malloc4j.cli.explain.CrashingChild.main(");
    }

    @Test
    void printsOneJsonDocument() throws Exception {
        crash("memset-after-free", "-Dmalloc4j.guardFile=" + folder.resolve("my guards-%p"));
        CommandRun run = explain(log(), "--json");
        ExplainReport report = Jsonb.instance().type(ExplainReport.class).fromJson(run.out());
        assertThat(report.verdict()).startsWith("use after free: byte 5 of a block of 100 bytes");
        ExplainReport.Block block = requireNonNull(report.block());
        assertThat(block.state()).isEqualTo("freed");
        assertThat(block.byteSize()).isEqualTo(100);
        assertThat(Long.decode(requireNonNull(report.address()))).isEqualTo(Long.decode(block.address()) + 5);
        assertThat(block.allocatedAt().getFirst()).startsWith("malloc4j.cli.explain.CrashingChild.allocate(");
        assertThat(block.freedAt().getFirst()).startsWith("malloc4j.cli.explain.CrashingChild.release(");
        assertThat(block.freedAgeNanos()).isBetween(0L, 100_000_000_000L);
        assertThat(report.guardFile()).endsWith("my guards-" + report.pid());
        Map<?, ?> raw = (Map<?, ?>) Jsonb.instance().type(Object.class).fromJson(run.out());
        assertThat(raw.keySet().stream().map(Object::toString)).contains("address", "verdict", "block");
    }

    @ParameterizedTest
    @CsvSource({"memset-past-the-end,Overflow: ,past the end of", "memset-before,Underflow: ,before"})
    void saysByHowMuchALiveBlockWasPassed(String how, String what, String where) throws Exception {
        crash(how, "-Dmalloc4j.guardFile=guards");
        CommandRun run = explain(log());
        assertThat(run.exitCode()).isZero();
        assertThat(run.out())
                .startsWith(what)
                .containsPattern("\\d+ bytes? " + where + " a block of 100 bytes was touched, which is live, allocated")
                .contains("CrashingChild.allocate(")
                .doesNotContain("\n  freed ");
    }

    @Test
    void saysWhereElseAnAddressLies() throws Exception {
        crash("null");
        CommandRun run = explain(log());
        assertThat(run.exitCode()).isZero();
        assertThat(run.out())
                .startsWith("Not a guard of malloc4j: process ")
                .contains("died of SIGSEGV at 0x8, in no mapping that is told.");
    }

    @Test
    void theFileCanBeNamedAndMustBeOfTheProcess() throws Exception {
        crash("memset-after-free", "-Dmalloc4j.guardFile=guards");
        Path log = log();
        Path guards = folder.resolve("guards");
        Path moved = Files.move(guards, folder.resolve("moved"));
        requireLine(explain(log), 3, "lies among guards of malloc4j, but the file of what they guarded is not there");
        assertThat(explain(log, "--guards", moved.toString()).out()).startsWith(USE.formatted(5));
        byte[] bytes = Files.readAllBytes(moved);

        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putLong(16, 1);
        Files.write(moved, bytes);
        requireLine(explain(log, "--guards", moved.toString()), 1, "is of process 1, and ");
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putInt(8, 99);
        Files.write(moved, bytes);
        requireLine(explain(log, "--guards", moved.toString()), 1, "is of another version of malloc4j");
        Files.write(moved, Arrays.copyOf(bytes, 50));
        requireLine(explain(log, "--guards", moved.toString()), 1, "is no file of guarded blocks");
        requireLine(explain(log, "--guards", folder.toString()), 2, "is a directory");
        requireLine(explain(log, "--guards", folder.resolve("nosuch").toString()), 2, "there is no such file");
    }

    @Test
    void aTornRecordIsSaidToBeOne() throws Exception {
        crash("memset-after-free", "-Dmalloc4j.guardFile=guards");
        Path guards = folder.resolve("guards");
        byte[] bytes = Files.readAllBytes(guards);
        ByteBuffer file = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        for (int at = 4096; at < bytes.length; at += 2048) {
            file.putInt(at, file.getInt(at) | 1);
        }
        Files.write(guards, bytes);
        assertThat(explain(log()).out()).startsWith("A guard of heap 'common' was touched at 0x");
        Files.write(guards, Arrays.copyOf(bytes, 4096));
        assertThat(explain(log()).out()).startsWith("A guard of heap 'common' was touched at 0x");
    }

    @Test
    void theCoreOfAJvmIsExplainedByTheLogBesideIt() throws Exception {
        assumeTrue(Files.readString(Path.of("/proc/sys/kernel/core_pattern")).equals("core\n"), "cores go elsewhere");
        crashIn("ulimit -c unlimited && exec \"$@\"", "memset-after-free", "-Dmalloc4j.guardFile=guards");
        Path core;
        try (var files = Files.list(folder)) {
            core = files.filter(file -> file.getFileName().toString().startsWith("core"))
                    .findFirst()
                    .orElse(folder);
        }
        assumeTrue(!core.equals(folder), "no core is written");
        assertThat(explain(core).out()).startsWith(USE.formatted(5));
        Files.delete(log());
        assertThat(explain(core).out())
                .startsWith("Not a guard of malloc4j: process ")
                .contains("died of SIGABRT, for which no address is told");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "no log",
                "# A fatal error has been detected by the Java Runtime Environment:\n",
                "\u007fELF",
                "\u007fELF\u0001\u0001\u0001",
                "\u007fELF\u0002\u0002\u0001",
                "m4jguard"
            })
    void whatIsNoLogAndNoCoreIsAProblem(String content) throws IOException {
        Path file = Files.writeString(folder.resolve("file"), content, StandardCharsets.ISO_8859_1);
        requireLine(explain(file), 1, file.toString());
    }

    @Test
    void wrongNamesAreWrongUsage() throws Exception {
        requireLine(explain(folder), 2, "is a directory");
        requireLine(explain(folder.resolve("nosuch")), 2, "there is no such file");
        requireLine(explain(Path.of("/dev/null")), 2, "is no regular file");
        requireLine(CommandRun.of("explain", "123", "--guards", "x"), 2, "--guards is for a file, and 123 is a size");
        requireLine(CommandRun.of("explain", "./123"), 2, "there is no such file");
        requireLine(CommandRun.of("explain", "a\0b"), 2, "is no path");
        requireLine(CommandRun.of("explain"), 2, "FILE");
        Path pipe = folder.resolve("pipe");
        assertThat(new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor())
                .isZero();
        requireLine(explain(pipe), 2, "is no regular file");
    }

    @Test
    void aLogThatIsCutAnywhereGivesOneSentenceOrOneLine() throws Exception {
        crash("memset-after-free", "-Dmalloc4j.guardFile=guards");
        byte[] whole = Files.readAllBytes(log());
        Path cut = folder.resolve("cut.log");
        for (int part = 0; part <= 40; part++) {
            Files.write(cut, Arrays.copyOf(whole, whole.length / 40 * part));
            CommandRun run = explain(cut);
            assertThat(run.exitCode()).isBetween(0, 3);
            assertThat(run.out().isEmpty() ? run.err() : run.out()).isNotEmpty().doesNotContain("Exception");
        }
    }
}
