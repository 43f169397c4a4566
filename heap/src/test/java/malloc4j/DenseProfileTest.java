package malloc4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import malloc4j.observe.AllocationProfile;
import malloc4j.observe.AllocationSite;
import malloc4j.observe.HeapStatistics;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/// A profile with less than 16 KiB between samples: each lies where any block does.
class DenseProfileTest {
    private final Heap heap = Heap.create(HeapOptions.builder().name("dense").build());

    @AfterEach
    void close() {
        heap.verify();
        heap.close();
    }

    private static long allocate(Heap heap, long byteSize) {
        return heap.malloc(byteSize);
    }

    private static AllocationSite onlySite(AllocationProfile profile) {
        assertThat(profile.sites()).hasSize(1);
        return profile.sites().getFirst();
    }

    @Test
    void everyBlockIsCountedWhereTheMeanIsOneByte() {
        heap.startProfile(1);
        List<Long> blocks = new ArrayList<>();
        for (int count = 0; count < 10_000; count++) {
            blocks.add(allocate(heap, count % 100));
        }
        HeapStatistics statistics = heap.statistics();
        assertThat(statistics.committedBytes()).isLessThan(10_000 * 200); // and not a page for each
        for (int count = 0; count < 4_000; count++) {
            heap.free(blocks.removeLast());
        }
        AllocationSite site = onlySite(heap.profile());
        assertThat(site.totalBlocks()).isEqualTo(10_000);
        assertThat(site.liveBlocks()).isEqualTo(6_000);
        assertThat(site.liveBytes()).isEqualTo(heap.statistics().liveBytes());
        blocks.forEach(heap::free);
        assertThat(onlySite(heap.profile()).liveBlocks()).isZero();
    }

    @Test
    void anEstimateFromSomeBlocksIsNearTheTruth() {
        heap.startProfile(4096);
        List<Long> blocks = new ArrayList<>();
        for (int count = 0; count < 100_000; count++) {
            blocks.add(allocate(heap, 112));
        }
        AllocationSite site = onlySite(heap.profile());
        assertThat((double) site.liveBytes()).isCloseTo(112e5, within(5.0 * site.liveDeviationBytes()));
        assertThat(site.liveSamples()).isLessThan(10_000);
        blocks.forEach(heap::free);
        assertThat(onlySite(heap.profile()).liveSamples()).isZero();
    }

    @Test
    void blocksOfEitherKindOfProfileAreFreedInTheOther() {
        var random = new SplittableRandom(5);
        List<Long> blocks = new ArrayList<>();
        for (int turn = 0; turn < 40; turn++) {
            switch (turn % 4) {
                case 0 -> heap.startProfile(1);
                case 1 -> heap.startProfile(64 << 10);
                case 2 -> heap.startProfile(2048);
                default -> heap.stopProfile();
            }
            for (int count = 0; count < 500; count++) {
                int choice = random.nextInt(3);
                int place = blocks.isEmpty() ? -1 : random.nextInt(blocks.size());
                long byteSize = random.nextInt(10) == 0 ? random.nextInt(200_000) : random.nextInt(1000);
                if (choice == 0 || place < 0) {
                    blocks.add(heap.calloc(1, byteSize));
                } else if (choice == 1) {
                    long block = blocks.set(place, blocks.getLast());
                    blocks.removeLast();
                    heap.free(block);
                } else {
                    blocks.set(place, heap.realloc(blocks.get(place), byteSize));
                }
            }
            heap.verify();
            assertThat(heap.statistics().liveBlocks()).isEqualTo(blocks.size());
        }
        blocks.forEach(heap::free);
        assertThat(heap.statistics().liveBytes()).isZero();
    }

    /// A sample in pages of its own may be begun while a dense profile is.
    @Test
    void profilesComeAndGoUnderLoad() throws InterruptedException {
        AtomicBoolean ended = new AtomicBoolean();
        List<Throwable> failures = Collections.synchronizedList(new ArrayList<>());
        List<Thread> threads = new ArrayList<>();
        for (int number = 0; number < 4; number++) {
            var random = new SplittableRandom(number);
            threads.add(Thread.ofPlatform()
                    .uncaughtExceptionHandler((thread, failure) -> failures.add(failure))
                    .start(() -> allocateAndFree(random, ended)));
        }
        long[] means = {1, 64 << 10, 4096, 64 << 10, 0};
        for (int turn = 0; turn < 200 && failures.isEmpty(); turn++) {
            long mean = means[turn % means.length];
            if (mean == 0) {
                heap.stopProfile();
            } else {
                heap.startProfile(mean);
            }
            Thread.sleep(turn % 10);
        }
        ended.set(true);
        for (Thread thread : threads) {
            thread.join();
        }
        assertThat(failures).isEmpty();
        assertThat(heap.statistics().liveBlocks()).isZero();
    }

    private void allocateAndFree(SplittableRandom random, AtomicBoolean ended) {
        long[] blocks = new long[64];
        while (!ended.get()) {
            int place = random.nextInt(blocks.length);
            long byteSize = random.nextInt(4) == 0 ? random.nextInt(300_000) : random.nextInt(600);
            if (random.nextBoolean()) {
                blocks[place] = heap.realloc(blocks[place], byteSize);
            } else {
                heap.free(blocks[place]);
                blocks[place] = heap.malloc(byteSize);
            }
        }
        for (long block : blocks) {
            heap.free(block);
        }
    }

    @Test
    void guardedBlocksAreInItToo() {
        try (Heap guarded =
                Heap.create(HeapOptions.builder().guardEvery(2).profileBytes(1).build())) {
            List<Long> blocks = new ArrayList<>();
            for (int count = 0; count < 1000; count++) {
                blocks.add(allocate(guarded, 64));
            }
            assertThat(guarded.sampler().guardCensus().liveBlocks()).isBetween(350L, 650L);
            assertThat(onlySite(guarded.profile()).liveBlocks()).isEqualTo(1000);
            for (int turn = 0; turn < 100; turn++) {
                blocks.set(turn, guarded.realloc(blocks.get(turn), 1000));
            }
            guarded.verify();
            blocks.forEach(guarded::free);
            assertThat(guarded.statistics().liveBlocks()).isZero();
            assertThat(guarded.profile().sites()).allMatch(site -> site.liveBlocks() == 0);
        }
    }
}
