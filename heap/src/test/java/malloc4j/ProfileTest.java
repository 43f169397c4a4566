package malloc4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import malloc4j.observe.AllocationProfile;
import malloc4j.observe.AllocationSite;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Who has allocated what, estimated from samples.
class ProfileTest {
    private final Heap heap = Heap.create(
            HeapOptions.builder().name("profiled").profileBytes(256 << 10).build());

    @AfterEach
    void close() {
        if (!heap.isClosed()) {
            heap.verify();
            heap.close();
        }
    }

    private long siteA(int byteSize) {
        return heap.malloc(byteSize);
    }

    private long siteB(int byteSize) {
        return heap.malloc(byteSize);
    }

    private static AllocationSite site(AllocationProfile profile, String method) {
        return profile.sites().stream()
                .filter(site -> site.frames().getFirst().startsWith("malloc4j.ProfileTest." + method + "("))
                .findFirst()
                .orElseThrow(() -> new AssertionError(method + " is not in " + profile));
    }

    @ParameterizedTest
    @ValueSource(ints = {16, 100, 1_000, 5_000, 30_000, 70_000, 1 << 20})
    void totalsAndLiveBytesAreNearTheTruthForEachSize(int byteSize) {
        long usable = 0;
        int count = (64 << 20) / byteSize;
        List<Long> kept = new ArrayList<>();
        for (int block = 0; block < count; block++) {
            long shortLived = siteA(byteSize);
            usable = heap.usableSize(shortLived);
            heap.free(shortLived);
            if (block % 4 == 0) {
                kept.add(siteB(byteSize));
            }
        }
        heap.verify();
        AllocationProfile profile = heap.profile();
        assertThat(profile.heapName()).isEqualTo("profiled");
        assertThat(profile.sampleBytes()).isEqualTo(256 << 10);
        AllocationSite shortLived = site(profile, "siteA");
        AllocationSite longLived = site(profile, "siteB");
        assertNear(shortLived, (double) usable * count);
        assertThat(shortLived.liveBytes()).isZero();
        assertNear(longLived, (double) usable * kept.size());
        assertThat(longLived.liveBytes()).isEqualTo(longLived.totalBytes());
        assertThat(longLived.oldestAgeNanos()).isPositive();
        assertThat(longLived.meanAgeNanos()).isPositive().isLessThanOrEqualTo(longLived.oldestAgeNanos());
        assertThat(shortLived.meanLifetimeNanos()).isPositive();
        kept.forEach(heap::free);
        heap.verify();
        assertThat(heap.profile().liveBytes()).isZero();
        assertThat(heap.statistics().liveBlocks()).isZero();
    }

    /// Eight standard deviations, which are estimates themselves.
    private static void assertNear(AllocationSite site, double truth) {
        assertThat(site.totalSamples()).isGreaterThan(8);
        assertThat((double) site.totalBytes())
                .isBetween(truth - 8.0 * site.totalDeviationBytes(), truth + 8.0 * site.totalDeviationBytes());
    }

    @Test
    void aSampleIsABlockAsAnyOther() {
        Heap heap = Heap.create(HeapOptions.builder().profileBytes(1).build()); // nearly every block
        long small = heap.malloc(24);
        long zeroed = heap.calloc(10, 10);
        long aligned = heap.alignedAlloc(4096, 100);
        long large = heap.malloc(100_000);
        long huge = heap.malloc(64 << 20);
        for (int warm = 0; warm < 1_000; warm++) {
            heap.free(heap.malloc(24));
        }
        assertThat(heap.profile().totalBlocks()).isGreaterThan(500);
        assertThat(heap.usableSize(heap.malloc(24))).isEqualTo(32);
        assertThat(aligned % 4096).isZero();
        heap.segment(small).fill((byte) 1);
        small = heap.realloc(small, 32);
        small = heap.realloc(small, 1_000);
        assertThat(heap.segment(small).get(ValueLayout.JAVA_BYTE, 23)).isEqualTo((byte) 1);
        large = heap.realloc(large, 300_000);
        large = heap.realloc(large, 50_000);
        huge = heap.realloc(huge, 128 << 20);
        huge = heap.realloc(huge, 64 << 20);
        heap.verify();
        for (long block : new long[] {small, zeroed, aligned, large, huge}) {
            long inside = block + 16;
            assertThatThrownBy(() -> heap.free(inside)).isInstanceOf(BlockMisuseException.class);
            heap.free(block);
            assertThatThrownBy(() -> heap.free(block)).isInstanceOf(BlockMisuseException.class);
        }
        heap.verify();
        heap.close();
    }

    @Test
    void aSampleIsFreedByAnyThread() throws InterruptedException {
        heap.startProfile(1);
        List<Long> blocks = new ArrayList<>();
        for (int block = 0; block < 2_000; block++) {
            blocks.add(heap.malloc(64));
        }
        AtomicReference<Throwable> failed = new AtomicReference<>();
        Thread other = new Thread(() -> blocks.forEach(heap::free));
        other.setUncaughtExceptionHandler((thread, thrown) -> failed.set(thrown));
        other.start();
        other.join();
        assertThat(failed.get()).isNull();
        assertThat(heap.profile().liveBlocks()).isZero();
    }

    @Test
    void whoStopsForgetsAndBlocksLiveOn() {
        long block = 0;
        while (heap.profile().liveBlocks() == 0) {
            block = heap.malloc(10_000);
        }
        heap.stopProfile();
        AllocationProfile none = heap.profile();
        assertThat(none.sites()).isEmpty();
        assertThat(none.sampleBytes()).isZero();
        heap.free(block);
        heap.startProfile(1 << 20);
        assertThat(heap.profile().sites()).isEmpty();
        for (int count = 0; count < 20_000; count++) {
            siteA(10_000);
        }
        assertNear(site(heap.profile(), "siteA"), 20_000 * 10_240.0);
    }

    @Test
    void aDifferenceHasWhatCameAboutSince() {
        heap.startProfile(1);
        for (int count = 0; count < 3_000; count++) {
            siteA(5_000);
        }
        AllocationProfile before = heap.profile();
        for (int count = 0; count < 3_000; count++) {
            siteB(5_000);
        }
        AllocationProfile since = heap.profile().since(before);
        assertThat(since.sites()).hasSize(1);
        assertThat(site(since, "siteB").liveBlocks()).isPositive();
        assertThat(since.totalBytes()).isEqualTo(heap.profile().totalBytes() - before.totalBytes());
    }

    @Test
    void aThreadWithAStockNoticesThatAProfileBegins() {
        try (Heap later = Heap.create(HeapOptions.defaults())) {
            for (int count = 0; count < 1_000; count++) {
                later.free(later.malloc(100_000));
            }
            assertThat(later.profile().sites()).isEmpty();
            later.startProfile(1 << 20);
            for (int count = 0; count < 1_000; count++) {
                later.free(later.malloc(100_000));
            }
            AllocationProfile profile = later.profile();
            assertThat(profile.sites()).hasSize(1);
            assertNear(profile.sites().getFirst(), 1_000 * 102_400.0);
            later.stopProfile();
            for (int count = 0; count < 1_000; count++) {
                later.free(later.malloc(100_000));
            }
            assertThat(later.profile().sites()).isEmpty();
        }
    }

    @Test
    void anIntervalOfNoBytesIsRefused() {
        assertThatThrownBy(() -> heap.startProfile(0))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("startProfile(sampleBytes=0): must be from 1 to 1099511627776");
        assertThatThrownBy(() -> heap.startProfile(-1)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void aClosedHeapHasNone() {
        heap.close();
        assertThatThrownBy(heap::profile).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> heap.startProfile(1)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(heap::stopProfile).isInstanceOf(IllegalStateException.class);
    }
}
