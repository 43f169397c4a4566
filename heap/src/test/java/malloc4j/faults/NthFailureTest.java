package malloc4j.faults;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.MemorySource;
import malloc4j.OutOfNativeMemoryError;
import malloc4j.TestHeaps;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.RecordingCalls;
import malloc4j.internal.os.TestKernel;
import malloc4j.internal.region.ChunkMap;
import malloc4j.internal.region.Ground;
import malloc4j.internal.region.MmapSource;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Every system call that a heap makes in its life is made to fail: each once, and each with all that follow.
///
/// Whichever it is, the operation works or reports it, no live block is harmed or lost, everything works again once the
/// kernel does, and closing leaves nothing behind.
class NthFailureTest {
    private static final Pattern CLOSE = Pattern.compile("close\\((\\d+)\\)");

    private static final long PROBE_BYTES = 128L << 20;

    private static final long CLAIM_BYTES = 64L << 20;

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
        runWithout(source); // the first brk heap of a process reserves records that stay
        RecordingCalls calls = runWithout(source);
        assertThat(MappedRanges.left(calls)).isEmpty();
        long n = calls.count();
        long k = 1;
        while (fails(source, k, Mode.ONCE)) {
            fails(source, k, Mode.FROM_THEN_ON);
            fails(source, k, Mode.UNTIL_CLOSED);
            k++;
        }
        System.out.printf("n-th failure, %s: %d calls, %d operations reported a failure%n", source, k - 1, reported);
        assertThat(k).as("calls made to fail").isGreaterThan(n * 8 / 10); // how many there are depends on addresses
        assertThat(reported).as("operations that met a failure").isGreaterThan((int) n);
        // Whatever failed, the break itself is used to the end.
        assertThat(runWithout(source).count("sbrk") > 0).isEqualTo(source == MemorySource.BRK);
        parent.close();
        hog.close();
    }

    private boolean fails(MemorySource source, long k, Mode mode) {
        try {
            return runWith(source, k, mode);
        } catch (AssertionError | RuntimeException | IOException failed) {
            return fail("call " + k + ", " + mode + ": " + failed.getMessage(), failed);
        }
    }

    private RecordingCalls runWithout(MemorySource source) throws IOException {
        RecordingCalls calls = new RecordingCalls(TestKernel.calls());
        takeWhatIsClaimed();
        Scenario scenario = Scenario.create(calls, options(source));
        if (scenario == null) {
            throw new AssertionError("the heap could not be created");
        }
        scenario.run();
        assertThat(scenario.close()).isTrue();
        assertThat(scenario.reported()).isZero();
        return calls;
    }

    /// Returns whether there was a k-th call.
    private boolean runWith(MemorySource source, long k, Mode mode) throws IOException {
        takeWhatIsClaimed();
        Footprint before = footprint();
        RecordingCalls calls = new RecordingCalls(TestKernel.calls());
        if (mode == Mode.ONCE) {
            calls.failOnce(k, Errno.ENOMEM);
        } else {
            calls.failFrom(k, Errno.ENOMEM);
        }
        Scenario scenario = Scenario.create(calls, options(source));
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
        calls.failFrom(text -> text.startsWith("sbrk(") && !text.equals("sbrk(0)"), 1, Errno.ENOMEM);
        calls.failFrom("mprotect", 1, Errno.ENOMEM);
        calls.failFrom("mmap", 1, Errno.ENOMEM);
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
