package malloc4j.faults;

import static malloc4j.internal.os.Errno.EACCES;
import static malloc4j.internal.os.Errno.EAGAIN;
import static malloc4j.internal.os.Errno.EFAULT;
import static malloc4j.internal.os.Errno.EFBIG;
import static malloc4j.internal.os.Errno.EINTR;
import static malloc4j.internal.os.Errno.EINVAL;
import static malloc4j.internal.os.Errno.EIO;
import static malloc4j.internal.os.Errno.EMFILE;
import static malloc4j.internal.os.Errno.ENFILE;
import static malloc4j.internal.os.Errno.ENODEV;
import static malloc4j.internal.os.Errno.ENOENT;
import static malloc4j.internal.os.Errno.ENOLCK;
import static malloc4j.internal.os.Errno.ENOMEM;
import static malloc4j.internal.os.Errno.ENOSPC;
import static malloc4j.internal.os.Errno.ENOSYS;
import static malloc4j.internal.os.Errno.EOPNOTSUPP;
import static malloc4j.internal.os.Errno.EPERM;
import static malloc4j.internal.os.Errno.EROFS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.ToIntFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.MemorySource;
import malloc4j.OutOfNativeMemoryError;
import malloc4j.TestHeaps;
import malloc4j.internal.os.RecordingCalls;
import malloc4j.internal.os.SystemCalls;
import malloc4j.internal.os.TestKernel;
import malloc4j.internal.region.ChunkMap;
import malloc4j.internal.region.Ground;
import malloc4j.internal.region.MmapSource;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Every system call that a heap makes in its life is made to fail: each once, and each with all that follow, with
/// whatever errno its manual page allows.
///
/// Whichever it is, the operation works or reports it, no live block is harmed or lost, everything works again once the
/// kernel does, and closing leaves nothing behind.
///
/// Of the calls that have come the same way through the heap, the first and the last are made to fail: the first with
/// the likeliest errno in each mode, in two sources with every other one in one mode, the last in one mode. With
/// `-Dtest.long=true`, as `-Pproof` has it, every call with every errno in each mode and source.
@Tag("proof")
class NthFailureTest {
    private static final Pattern CLOSE = Pattern.compile("close\\((\\d+)\\)");

    private static final boolean LONG = Boolean.getBoolean("test.long");
    private static final int PLACES = LONG ? Patterns.PLACES : 16;

    private static final long PROBE_BYTES = 128L << 20;

    private static final long CLAIM_BYTES = 64L << 20;

    /// What a call may fail with, the likeliest first; any that is not here, with `ENOMEM`. `EPERM` and `ENOSYS` are
    /// what a filter of system calls (seccomp) gives back, as containers have them.
    private static final Map<String, List<Integer>> ERRNOS = Map.ofEntries(
            entry("mmap", ENOMEM, EAGAIN, EPERM, EACCES, ENODEV, EINVAL, ENFILE),
            entry("munmap", ENOMEM, EINVAL, EPERM),
            entry("mremap", ENOMEM, EAGAIN, EFAULT, EINVAL, EPERM, ENOSYS),
            entry("mprotect", ENOMEM, EACCES, EINVAL, EPERM),
            entry("madvise", ENOMEM, EAGAIN, EINVAL, EIO, EPERM, ENOSYS),
            entry("mincore", ENOMEM, EAGAIN, EFAULT, EPERM, ENOSYS),
            entry("mlock2", ENOMEM, EAGAIN, EPERM, ENOSYS),
            entry("munlock", ENOMEM, EAGAIN, EPERM),
            entry("memfdCreate", ENOMEM, EMFILE, ENFILE, EINVAL, EPERM, ENOSYS),
            entry("open", ENOMEM, EACCES, EINTR, EMFILE, ENFILE, ENOSPC, EROFS, EPERM, ENOENT),
            entry("ftruncate", ENOMEM, EINTR, EFBIG, EINVAL, EIO, EPERM),
            entry("fallocate", ENOMEM, ENOSPC, EOPNOTSUPP, EINTR, EFBIG, EIO, EPERM, ENOSYS),
            entry("close", ENOMEM, EINTR, EIO),
            entry("fcntl", ENOMEM, EAGAIN, EACCES, EINTR, EINVAL, ENOLCK, EPERM),
            entry("statx", ENOMEM, EACCES, EPERM, ENOSYS),
            entry("sbrk", ENOMEM, EAGAIN),
            entry("membarrier", ENOMEM, EINVAL, EPERM, ENOSYS),
            entry("perfEventOpen", ENOMEM, EACCES, EPERM, EINVAL, EMFILE, ENOENT, ENOSYS),
            entry("prlimit", ENOMEM, EPERM, EINVAL, ENOSYS),
            entry("sysconf", EINVAL));

    private static Map.Entry<String, List<Integer>> entry(String call, Integer... errnos) {
        return Map.entry(call, List.of(errnos));
    }

    /// How the failures go.
    private enum Mode {
        /// One call fails.
        ONCE,
        /// One fails and all that follow, until the blocks are freed.
        FROM_THEN_ON,
        /// One fails and all that follow, until close has been tried too.
        UNTIL_CLOSED
    }

    /// What must be as it was when a heap is gone.
    private record Footprint(
            List<Maps.Mapping> usable, int mappings, long lowestFree, long chargedBytes, List<String> descriptors) {}

    @TempDir
    @SuppressWarnings("NullAway.Init")
    private Path directory;

    private int reported;
    private final Heap hog = hog();
    private final Heap parent = Heap.create(HeapOptions.builder().name("parent").build());

    @ParameterizedTest
    @EnumSource(MemorySource.class)
    void everyFailureIsSurvivedAndReportedAndLeavesNothing(MemorySource source) throws IOException {
        runWithout(source, TestKernel.calls()); // the first brk heap of a process reserves records that stay
        CallSites ways = new CallSites();
        RecordingCalls calls = runWithout(source, ways.noting(TestKernel.calls()));
        assertThat(MappedRanges.left(calls)).isEmpty();
        List<RecordingCalls.Call> all = calls.transcript();
        List<String> sites = ways.sites();
        assertThat(sites).hasSameSizeAs(all);
        int runs = 0;
        int met = 0;
        for (int index = 0; index < all.size(); index++) {
            String site = sites.get(index);
            boolean isFirst = sites.indexOf(site) == index;
            if (LONG || isFirst || sites.lastIndexOf(site) == index) {
                List<Integer> errnos = ERRNOS.getOrDefault(all.get(index).name(), List.of(ENOMEM));
                boolean withEachErrno =
                        LONG || (isFirst && (source == MemorySource.MMAP || source == MemorySource.FILE));
                for (int turn = 0; turn < (withEachErrno ? errnos.size() : 1); turn++) {
                    boolean inEachMode = LONG || (isFirst && turn == 0);
                    for (Mode mode : inEachMode ? Mode.values() : new Mode[] {turned(index + turn)}) {
                        met += fails(source, index + 1, mode, turn) ? 1 : 0;
                        runs++;
                    }
                }
            }
        }
        System.out.printf(
                "n-th failure, %s: %d calls, %d ways, %d runs, %d operations reported a failure%n",
                source, all.size(), Set.copyOf(sites).size(), runs, reported);
        assertThat(met).as("runs that met their failure").isGreaterThan(runs * 8 / 10); // addresses decide how many
        assertThat(reported).as("operations that met a failure").isGreaterThan(all.size());
        // Whatever failed, the break itself is used to the end.
        assertThat(runWithout(source, TestKernel.calls()).count("sbrk") > 0).isEqualTo(source == MemorySource.BRK);
        parent.close();
        hog.close();
    }

    /// The modes by turns.
    private static Mode turned(int number) {
        return Mode.values()[number % Mode.values().length];
    }

    private boolean fails(MemorySource source, long k, Mode mode, int turn) {
        try {
            return runWith(source, k, mode, turn);
        } catch (AssertionError | RuntimeException | IOException failed) {
            return fail("call " + k + ", " + mode + ", errno " + turn + ": " + failed.getMessage(), failed);
        }
    }

    private RecordingCalls runWithout(MemorySource source, SystemCalls target) throws IOException {
        RecordingCalls calls = new RecordingCalls(target);
        takeWhatIsClaimed();
        Scenario scenario = Scenario.create(calls, options(source), 0, PLACES);
        if (scenario == null) {
            throw new AssertionError("the heap could not be created");
        }
        scenario.run();
        assertThat(scenario.close()).isTrue();
        assertThat(scenario.reported()).isZero();
        return calls;
    }

    /// Returns whether there was a k-th call.
    ///
    /// @param turn which of its errnos a call fails with
    private boolean runWith(MemorySource source, long k, Mode mode, int turn) throws IOException {
        takeWhatIsClaimed();
        Footprint before = footprint();
        RecordingCalls calls = new RecordingCalls(TestKernel.calls());
        ToIntFunction<String> errno = name -> {
            List<Integer> errnos = ERRNOS.getOrDefault(name, List.of(ENOMEM));
            return errnos.get(turn % errnos.size());
        };
        if (mode == Mode.ONCE) {
            calls.failOnce(k, errno);
        } else {
            calls.failFrom(k, errno);
        }
        Scenario scenario = Scenario.create(calls, options(source), k, PLACES);
        reported += scenario == null ? 1 : live(scenario, calls, mode);
        calls.stopFailing();
        closeWhatWasNotClosed(calls);
        assertThat(MappedRanges.left(calls)).as("mappings left behind").isEmpty();
        assertThat(footprint()).isEqualTo(before);
        ChunkMap.main().verify();
        return calls.injectedCount() > 0;
    }

    private static int live(Scenario scenario, RecordingCalls calls, Mode mode) {
        scenario.run();
        if (mode == Mode.FROM_THEN_ON) {
            if (calls.injectedCount() == 0) { // the first failure is close's own
                scenario.close();
            } else {
                calls.stopFailing();
                scenario.checkAll();
                scenario.recover();
            }
        }
        int reported = scenario.reported();
        if (!scenario.close()) {
            reported++;
            if (mode != Mode.ONCE) {
                calls.stopFailing();
            }
            assertThat(scenario.close()).as("closed at the second attempt").isTrue();
        }
        return reported;
    }

    /// Takes all that was claimed of the break before, so that the next heap makes a claim of its own.
    private void takeWhatIsClaimed() {
        for (long byteSize = CLAIM_BYTES; byteSize >= 2L << 20; byteSize /= 2) {
            try {
                while (true) {
                    hog.malloc(byteSize);
                }
            } catch (OutOfNativeMemoryError taken) {
                assertThat(taken.limit()).isEqualTo(OutOfNativeMemoryError.Limit.KERNEL);
            }
        }
    }

    /// A heap that can have break memory only where it has been claimed already.
    private static Heap hog() {
        RecordingCalls calls = new RecordingCalls(TestKernel.calls());
        calls.failFrom(text -> text.startsWith("sbrk(") && !text.equals("sbrk(0)"), 1, ENOMEM);
        calls.failFrom("mprotect", 1, ENOMEM);
        calls.failFrom("mmap", 1, ENOMEM);
        return TestHeaps.create(
                calls,
                HeapOptions.builder()
                        .name("hog")
                        .source(MemorySource.BRK)
                        .mmapThresholdBytes(2L << 30)
                        .purgeDelay(Duration.ofMillis(-1))
                        .build());
    }

    private HeapOptions options(MemorySource source) {
        HeapOptions.Builder builder = HeapOptions.builder()
                .name("nth")
                .purgeDelay(Duration.ofMillis(-1))
                .parent(parent)
                .brkClaimBytes(CLAIM_BYTES);
        if (source == MemorySource.FILE) {
            builder.file(directory.resolve("heap").toString());
        } else {
            builder.source(source);
        }
        return builder.mmapThresholdBytes(Scenario.HUGE_BYTES).build();
    }

    private Footprint footprint() throws IOException {
        long zone = ChunkMap.BASE;
        return new Footprint(
                Maps.usable(zone, zone + ChunkMap.main().byteSize()),
                Ground.process().mappings().used(),
                lowestFreeAddress(),
                TestHeaps.chargedBytes(parent),
                descriptors());
    }

    /// Where in the zone a range is found that is larger than all a scenario takes: somewhere else when a
    /// part was lost.
    private static long lowestFreeAddress() {
        MmapSource source = new MmapSource(Ground.process(), MmapSource.Pages.DEFAULT);
        long address = source.acquire(PROBE_BYTES);
        assertThat(address).as("an address, or minus errno").isPositive();
        assertThat(source.release(address, PROBE_BYTES)).isZero();
        return address;
    }

    /// The files that heaps have open.
    private List<String> descriptors() throws IOException {
        try (Stream<Path> links = Files.list(Path.of("/proc/self/fd"))) {
            return links.map(NthFailureTest::target)
                    .filter(name -> name.contains("malloc4j-nth") || name.startsWith(directory.toString()))
                    .toList();
        }
    }

    private static String target(Path link) {
        try {
            return Files.readSymbolicLink(link).toString();
        } catch (IOException gone) {
            return "";
        }
    }

    /// A close(2) that was made to fail was not performed, while the real one would have closed all the same.
    private static void closeWhatWasNotClosed(RecordingCalls calls) {
        for (RecordingCalls.Call call : calls.transcript()) {
            Matcher close = CLOSE.matcher(call.text());
            if (call.injected() && close.matches()) {
                TestKernel.calls().close(Integer.parseInt(close.group(1)));
            }
        }
    }
}
