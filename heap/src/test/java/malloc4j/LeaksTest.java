package malloc4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import malloc4j.faults.ChildJvm;
import malloc4j.observe.AllocationProfile;
import malloc4j.observe.AllocationSite;
import malloc4j.observe.LeakReport;
import org.junit.jupiter.api.Test;

/// What was allocated and not freed, and by whom.
class LeaksTest {
    private static long keep(Heap heap) {
        return heap.malloc(100);
    }

    @Test
    void whatIsLiveIsReportedByWhoHasAllocatedIt() {
        try (Heap heap =
                Heap.create(HeapOptions.builder().name("leaky").profileBytes(1).build())) {
            List<Long> kept = new ArrayList<>();
            for (int count = 0; count < 50; count++) {
                kept.add(keep(heap));
                heap.free(heap.malloc(100));
            }
            LeakReport report = heap.leaks();
            assertThat(report.leaks()).hasSize(1);
            LeakReport.Leak leak = report.leaks().getFirst();
            assertThat(leak.liveBlocks()).isEqualTo(50);
            assertThat(leak.liveBytes()).isEqualTo(50 * heap.usableSize(kept.getFirst()));
            assertThat(leak.frames().getFirst()).startsWith("malloc4j.LeaksTest.keep(LeaksTest.java:");
            assertThat(report.verdict())
                    .startsWith("heap 'leaky': about 5.")
                    .contains("not freed, by malloc4j.LeaksTest");
            kept.forEach(heap::free);
            assertThat(heap.leaks().leaks()).isEmpty();
            assertThat(heap.leaks().verdict()).isEqualTo("heap 'leaky': nothing that was sampled is live");
        }
    }

    @Test
    void onlyWhatKeepsGrowingIsFound() throws Exception {
        try (Heap heap = Heap.create(HeapOptions.builder().profileBytes(1_024).build())) {
            AtomicBoolean stopped = new AtomicBoolean();
            Thread thread = Thread.ofPlatform().start(() -> {
                List<Long> kept = new ArrayList<>();
                long[] cache = new long[50]; // each lives a tenth of the age that counts
                for (int turn = 0; !stopped.get(); turn++) {
                    int place = turn % cache.length;
                    if (cache[place] != 0) {
                        heap.free(cache[place]);
                    }
                    cache[place] = churn(heap);
                    kept.add(keep(heap));
                    sleep();
                }
                kept.forEach(heap::free);
                for (long block : cache) {
                    heap.free(block);
                }
            });
            LeakReport report = heap.findGrowth(Duration.ofSeconds(2));
            stopped.set(true);
            thread.join();
            assertThat(report.leaks()).as(report.toString()).hasSize(1);
            assertThat(report.leaks().getFirst().frames().getFirst()).startsWith("malloc4j.LeaksTest.keep(");
            assertThat(report.verdict()).contains("more than before, and not freed, by malloc4j.LeaksTest.keep(");
        }
    }

    private static long churn(Heap heap) {
        return heap.malloc(200);
    }

    private static void sleep() {
        try {
            Thread.sleep(1);
        } catch (InterruptedException stop) {
            throw new AssertionError(stop);
        }
    }

    @Test
    void nineSamplesThatAllStayAreALeakAndEightAreNot() {
        assertThat(growth(0, 9, 0).leaks()).hasSize(1);
        assertThat(growth(0, 8, 0).leaks()).isEmpty();
        assertThat(growth(100, 100, 20).leaks()).isEmpty(); // as many go as come
        assertThat(growth(100, 130, 20).leaks()).isEmpty(); // 110 came and 80 went: 30 of 13.8 deviations
        assertThat(growth(100, 130, 90).leaks()).hasSize(1); // 40 came and 10 went
        assertThat(growth(100, 20, 20).leaks()).isEmpty();
        assertThat(growth(0, 0, 0).verdict()).isEqualTo("heap 'h': no site keeps growing");
    }

    private static LeakReport growth(long before, long after, long survivors) {
        return LeakReport.growing(profile(before), profile(after), profile(survivors));
    }

    private static AllocationProfile profile(long samples) {
        List<StackTraceElement> stack = List.of(new StackTraceElement("C", "m", "C.java", 1));
        return new AllocationProfile(
                "h",
                1,
                1,
                List.of(new AllocationSite(
                        stack, samples, samples, samples, samples, samples, samples, 0, 0, 1, 1, 1)));
    }

    @Test
    void anEmptyWindowIsRefused() {
        try (Heap heap = Heap.create(HeapOptions.defaults())) {
            assertThatThrownBy(() -> heap.findGrowth(Duration.ZERO)).isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void aHeapSaysAtItsEndWhatWasNotFreed() throws Exception {
        String printed = ChildJvm.small("-Dmalloc4j.leaks=exit", "-Dmalloc4j.profileBytes=1")
                .run(LeakingChild.class);
        assertThat(printed)
                .contains(
                        "heap 'own' is closed with 3 live blocks, 336 B; by samples, heap 'own': about 336 B not freed, by"
                                + " malloc4j.LeakingChild.own(LeakingChild.java:")
                .contains("heap 'common' has at exit 2 live blocks, ")
                .contains("malloc4j.LeakingChild.common(LeakingChild.java:")
                .doesNotContain("'clean'");
    }

    @Test
    void anOwnerThatIsCollectedBeforeItIsClosedIsTold() throws InterruptedException {
        List<LeakTracker.Lost> lost = new CopyOnWriteArrayList<>();
        LeakTracker tracker = new LeakTracker(lost::add);
        Object closed = new Object();
        LeakTracker.Tracked claim = tracker.track(closed, "closed");
        loseOne(tracker);
        claim.close();
        claim.close();
        for (int turn = 0; turn < 500 && tracker.openCount() > 0; turn++) {
            System.gc();
            Thread.sleep(10);
        }
        assertThat(lost).hasSize(1);
        assertThat(lost.getFirst().what()).isEqualTo("lost");
        assertThat(lost.getFirst().toString())
                .startsWith("lost was collected by the garbage collector before it was closed; it was made\n"
                        + "    at malloc4j.LeaksTest.loseOne(LeaksTest.java:");
        assertThat(tracker.openCount()).isZero();
    }

    private static void loseOne(LeakTracker tracker) {
        LeakTracker.Tracked unused = tracker.track(new Object(), "lost");
    }
}
