package malloc4j.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;

import io.avaje.jsonb.Jsonb;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import javax.tools.ToolProvider;
import malloc4j.cli.CommandRun;
import malloc4j.cli.bench.BenchReport.Result;
import malloc4j.cli.child.MachineFacts;
import malloc4j.cli.workload.WorkloadName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The whole command, with its child JVMs, and rounds too short to measure anything.
class BenchCommandTest {
    @TempDir
    Path folder;

    @Test
    void everyWorkloadFindsItsContentsAsWritten() {
        CommandRun run = CommandRun.of(
                "bench", "--with", "malloc4j", "--verify", "--rounds", "1", "--seconds", "0.02", "--json");

        assertThat(run.err()).isEmpty();
        assertThat(run.exitCode()).isZero();
        BenchReport report = report(run);
        assertThat(report.failures()).isEmpty();
        for (WorkloadName workload : WorkloadName.values()) {
            assertThat(report.results())
                    .filteredOn(Result::workload, workload.toString())
                    .as("%s", workload)
                    .allSatisfy(result -> assertThat(result.verified()).isTrue())
                    .allSatisfy(result -> assertThat(result.operations()).isPositive())
                    .allSatisfy(result -> assertThat(result.peakResidentBytes()).isNull())
                    .extracting(Result::allocator)
                    .containsExactly("malloc4j");
        }
        assertThat(report.settings().verify()).isTrue();
    }

    /// All blocks lie at one place. Nobody can tell where only one lives at a time.
    @Test
    void everyWorkloadFindsOutThatBlocksOverlap() throws Exception {
        CommandRun run = CommandRun.of(
                "bench",
                "--with=none",
                "--baseline=" + brokenMalloc(0),
                "--threads=2",
                "--verify",
                "--rounds=1",
                "--seconds=0.02",
                "--json");

        assertThat(run.exitCode()).isEqualTo(1);
        List<String> withOneBlock = List.of("pair", "cycle-3mib");
        BenchReport report = report(run);
        assertThat(report.results())
                .filteredOn(Result::allocator, "baseline")
                .extracting(Result::workload)
                .containsExactlyElementsOf(withOneBlock);
        assertThat(report.failures())
                .allSatisfy(failure -> assertThat(failure.allocator()).isEqualTo("baseline"))
                .allSatisfy(failure -> assertThat(failure.reason()).startsWith("block of ID "))
                .extracting(BenchReport.Failure::workload)
                .containsExactlyElementsOf(Arrays.stream(WorkloadName.values())
                        .map(WorkloadName::toString)
                        .filter(name -> !withOneBlock.contains(name))
                        .toList());
    }

    @Test
    void aSingleBlockIsCheckedForItsAlignment() throws Exception {
        CommandRun run = CommandRun.of(
                "bench",
                "pair",
                "cycle-3mib",
                "--with=none",
                "--baseline=" + brokenMalloc(4),
                "--verify",
                "--rounds=1",
                "--seconds=0.02",
                "--json");

        assertThat(report(run).failures())
                .allSatisfy(failure -> assertThat(failure.reason()).contains(" is not aligned to "))
                .extracting(BenchReport.Failure::workload)
                .containsExactly("pair", "cycle-3mib");
    }

    /// A jar whose `malloc4j.Malloc` puts every block so many bytes beyond one place.
    private Path brokenMalloc(int offset) throws IOException {
        Path source = folder.resolve("Malloc.java");
        Files.writeString(source, """
                package malloc4j;

                public final class Malloc {
                    private static final long PLACE =
                            java.lang.foreign.Arena.global().allocate(32 << 20, 4096).address() + %d;

                    public static long malloc(long byteSize) {
                        return PLACE;
                    }

                    public static long calloc(long count, long byteSize) {
                        return PLACE;
                    }

                    public static long alignedAlloc(long byteAlignment, long byteSize) {
                        return PLACE;
                    }

                    public static void free(long address) {}
                }
                """.formatted(offset));
        int status = ToolProvider.getSystemJavaCompiler()
                .run(null, null, null, "-proc:none", "-d", folder.toString(), source.toString());
        assertThat(status).isZero();
        Path jar = folder.resolve("broken.jar");
        try (var out = new JarOutputStream(Files.newOutputStream(jar), new Manifest())) {
            out.putNextEntry(new JarEntry("malloc4j/Malloc.class"));
            Files.copy(folder.resolve("malloc4j/Malloc.class"), out);
        }
        return jar;
    }

    @Test
    void measuresEveryFigureOfTheDocument() throws Exception {
        Path jar = Files.createFile(folder.resolve("empty.jar"));
        new JarOutputStream(Files.newOutputStream(jar), new Manifest()).close();

        CommandRun run = CommandRun.of(
                "bench",
                "xmalloc-test",
                "--with=malloc4j,glibc,none",
                "--baseline=" + jar,
                "--threads=1",
                "--rounds=2",
                "--seconds=0.1",
                "--heap=purgeDelayMillis=100",
                "--json");

        assertThat(run.err()).isEmpty();
        BenchReport report = report(run);
        assertThat(report.results()).extracting(Result::allocator).containsExactly("malloc4j", "glibc", "baseline");
        assertThat(report.results()).allSatisfy(result -> {
            assertThat(result.workload()).isEqualTo("xmalloc-test");
            assertThat(result.threads()).isEqualTo(2); // a producer and a consumer
            assertThat(result.rounds()).isEqualTo(2);
            assertThat(result.operations()).isPositive();
            assertThat(result.operationsPerSecond()).isPositive();
            assertThat(result.nanosPerOperation()).isPositive();
            assertThat(result.cpuNanosPerOperation()).isPositive();
            assertThat(result.roundNanosPerOperation()).hasSize(2);
            assertThat(result.toBest().min()).isPositive();
            assertThat(result.peakResidentBytes()).isPositive();
            assertThat(result.endResidentBytes()).isBetween(0L, result.peakResidentBytes());
            assertThat(result.verified()).isNull();
            for (BenchReport.Latency latency : Arrays.asList(result.mallocNanos(), result.freeNanos())) {
                assertThat(latency).isNotNull();
                assertThat(latency.samples()).isPositive();
                assertThat(new long[] {
                            latency.p50(), latency.p90(), latency.p99(), latency.p999(), latency.p9999(), latency.max()
                        })
                        .isSorted()
                        .doesNotContain(0);
            }
        });
        assertThat(report.results())
                .anySatisfy(result -> assertThat(result.toBest().median()).isEqualTo(1));
        assertThat(report.skipped())
                .containsExactly(new BenchReport.Skipped(
                        "xmalloc-test", "none", "memory for all its blocks at once would be too much"));
    }

    @Test
    void tellsThatOtherProcessesTookTheProcessors() {
        var burners = new Burners(2 * Runtime.getRuntime().availableProcessors());
        CommandRun run;
        try (burners) {
            run = CommandRun.of("bench", "pair", "--with", "none", "--rounds", "2", "--seconds", "0.3");
        }

        assertThat(run.exitCode()).isZero();
        assertThat(run.out())
                .startsWith(
                        "pair (1 thread): malloc and free at once, 1 to 1,024 bytes, nothing else live\n\nallocator ")
                .containsPattern("\nnone +none +[\\d.]+ !")
                .containsPattern("\n! disturbed: in [12] of 2 rounds other processes took up to \\d+ % of a processor")
                .contains("\n2 rounds of 0.300 s; an operation is one malloc or one free; medians; * is the best\n");
    }

    @Test
    void anAllocatorThatFailsIsNamedAndTheOthersGoOn() {
        CommandRun run = CommandRun.of(
                "bench",
                "cycle-3mib",
                "--with=malloc4j,glibc",
                "--heap=hardLimitBytes=1M",
                "--verify",
                "--rounds=1",
                "--seconds=0.02");

        assertThat(run.exitCode()).isEqualTo(1);
        assertThat(run.out()).contains("\nglibc ").doesNotContain("\nmalloc4j ");
        assertThat(run.err())
                .isEqualTo("malloc4j: cycle-3mib: malloc4j failed: "
                        + "no memory: the allocator returned 0 for 3145728 bytes\n");
    }

    @Test
    void everyReasonWhyThereIsNothingToMeasureIsToldApart() {
        var report = new BenchReport(
                MachineFacts.read(),
                new BenchReport.Settings(1, 1, 1, false),
                List.of(),
                List.of(new BenchReport.Skipped("mleak", "none", "too much")),
                List.of(new BenchReport.Absent("jemalloc", "no file")),
                List.of(),
                null);

        assertThat(BenchCommand.whyNothing(report))
                .isEqualTo("jemalloc is not installed (no file), none does not suit mleak (too much)");
    }

    @Test
    void listsAWorkloadALine() {
        CommandRun run = CommandRun.of("bench", "--list");

        assertThat(run.exitCode()).isZero();
        assertThat(run.out().lines())
                .hasSize(WorkloadName.values().length)
                .contains("mleak          ten fresh threads at a time, one malloc and one free each");
    }

    @Test
    void wrongUsageIsExitCode2AndOneLine() {
        assertWrongUsage(
                "WORKLOAD: 'larsson' is none of pair, live-set,"
                        + " alloc-test, larson, mstress, rptest, xmalloc-test, cache-scratch, sh6bench, sh8bench,"
                        + " glibc-simple, glibc-thread, mleak, malloc-large, cycle-3mib",
                "larsson");
        assertWrongUsage("--threads must be from 1 to 64, not 65", "--threads", "65");
        assertWrongUsage("--rounds must be from 1 to 10000, not 0", "--rounds", "0");
        assertWrongUsage("--seconds must be above 0 and at most 3600, not 0.0", "--seconds", "0");
        assertWrongUsage("--seconds must be above 0 and at most 3600, not NaN", "--seconds", "NaN");
        assertWrongUsage("--baseline no.jar: not a readable file", "--baseline", "no.jar");
        assertWrongUsage("Unknown option: '--fast'", "--fast");
        assertWrongUsage(
                "Value for option option '--heap' (KEY=VALUE) should be in KEY=VALUE format but was x", "--heap", "x");
    }

    @Test
    void anOptionThatNoHeapHasIsRefusedByEveryCommandThatTakesThem() {
        for (String command : new String[] {"pair", "scale", "return"}) {
            CommandRun run = CommandRun.of("bench", command, "--heap", "hardLimit=1");
            assertThat(run.exitCode()).isEqualTo(2);
            assertThat(run.err())
                    .startsWith("malloc4j: --heap: option hardLimit=1 is no option of a heap,"
                            + " the nearest is hardLimitBytes of ");
        }
        assertWrongUsage(
                "--heap: option source=ram is none of mmap, brk, huge, hugetlb, shared-memory, file",
                "--heap=source=ram");
        assertWrongUsage(
                "--heap: option hardLimitBytes=-1024 is not from 0 to 9223372036854775807",
                "--heap=hardLimitBytes=-1K");
    }

    private static void assertWrongUsage(String message, String... arguments) {
        String[] all = new String[arguments.length + 1];
        all[0] = "bench";
        System.arraycopy(arguments, 0, all, 1, arguments.length);
        assertThat(CommandRun.of(all)).isEqualTo(new CommandRun(2, "", "malloc4j: " + message + "\n"));
    }

    private static BenchReport report(CommandRun run) {
        return Jsonb.instance().type(BenchReport.class).fromJson(run.out());
    }

    /// Threads of this process, which to a child is another one, that take all the time they get.
    private static final class Burners implements AutoCloseable {
        private volatile boolean stopped;

        Burners(int count) {
            for (int i = 0; i < count; i++) {
                Thread.ofPlatform().daemon().start(() -> {
                    while (!stopped) {
                        Thread.onSpinWait();
                    }
                });
            }
        }

        @Override
        public void close() {
            stopped = true;
        }
    }
}
