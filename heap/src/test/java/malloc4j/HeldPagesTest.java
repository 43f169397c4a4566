package malloc4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import malloc4j.observe.HeldPages;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/// Why memory does not go back.
class HeldPagesTest {
    private static final long PAGE_BYTES = 4096;

    private final Heap heap = Heap.create(HeapOptions.builder().name("held").build());
    private final List<Long> kept = new ArrayList<>();

    @AfterEach
    void close() {
        heap.verify();
        heap.close();
    }

    private static long intern(Heap heap) {
        return heap.malloc(48);
    }

    private static long parse(Heap heap) {
        return heap.malloc(48);
    }

    /// Many blocks that go, and among them a few that stay, `every` so many one.
    private void burst(int count, int every) {
        List<Long> gone = new ArrayList<>();
        for (int number = 0; number < count; number++) {
            if (number % every == 0) {
                kept.add(intern(heap));
            } else {
                gone.add(parse(heap));
            }
        }
        Collections.shuffle(gone, new Random(1));
        gone.forEach(heap::free);
    }

    @Test
    void nothingIsHeldWhereNothingIsSparse() {
        heap.startProfile(1);
        for (int count = 0; count < 10_000; count++) {
            kept.add(intern(heap));
        }
        assertThat(heap.heldPages().slabs()).isEmpty();
        assertThat(heap.heldPages().verdict()).isEqualTo("heap 'held': no slab holds pages for few blocks");
        kept.forEach(heap::free);
        assertThat(heap.heldPages().heldBytes()).isZero();
    }

    @Test
    void theBlocksThatHoldPagesAreNamedWithTheirSites() {
        heap.startProfile(1);
        burst(65_536, 1024); // each in a page of its own, or nearly
        HeldPages held = heap.heldPages();
        assertThat(held.sites()).hasSize(1);
        HeldPages.Site site = held.sites().getFirst();
        assertThat(site.frames().getFirst()).startsWith("malloc4j.HeldPagesTest.intern(HeldPagesTest.java:");
        assertThat(site.blocks()).isEqualTo(64);
        assertThat(site.liveBytes()).isEqualTo(64 * 48);
        assertThat(site.heldBytes()).isEqualTo(held.heldBytes()).isBetween(64 * PAGE_BYTES, 66 * PAGE_BYTES);
        assertThat(held.unknownBytes()).isZero();
        assertThat(held.slabs()).allSatisfy(slab -> {
            assertThat(slab.blocks()).hasSize(slab.liveBlocks());
            assertThat(slab.blocks()).allSatisfy(block -> {
                assertThat(kept).contains(block.address());
                assertThat(block.ageNanos()).isPositive();
            });
        });
        assertThat(held.toString()).contains("64 blocks of malloc4j.HeldPagesTest.intern(HeldPagesTest.java:");

        assertThat(heap.trim(0)).isTrue();
        assertThat(heap.residentBytes()).isLessThan(held.heldBytes() + 2 * 65_536); // it told what stays
        kept.forEach(heap::free);
        assertThat(heap.heldPages().slabs()).isEmpty();
    }

    @Test
    void whatWasNotSampledIsUnknown() {
        burst(65_536, 1024);
        heap.startProfile(1);
        HeldPages held = heap.heldPages();
        assertThat(held.sites()).isEmpty();
        assertThat(held.liveBlocks()).isEqualTo(64);
        assertThat(held.unknownBytes()).isEqualTo(held.heldBytes()).isPositive();
        assertThat(held.verdict())
                .startsWith("heap 'held': 64 blocks of together 3 KiB hold ")
                .endsWith("take a profile with profileBytes=1 to see whose they are");
        kept.forEach(heap::free);
    }

    @Test
    void samplesStandForTheRest() {
        heap.startProfile(512);
        burst(500_000, 100);
        HeldPages held = heap.heldPages();
        assertThat(held.sites()).hasSize(1);
        HeldPages.Site site = held.sites().getFirst();
        assertThat((double) site.blocks()).isCloseTo(5000, within(1500.0));
        assertThat((double) site.heldBytes()).isCloseTo((double) held.heldBytes(), within(0.3 * held.heldBytes()));
        kept.forEach(heap::free);
    }

    @Test
    void aDebugHeapKnowsAll() {
        try (Heap debugged = Heap.create(HeapOptions.builder()
                .debug(DebugMode.REDZONE)
                .quarantineBytes(0)
                .build())) {
            List<Long> gone = new ArrayList<>();
            long last = 0;
            for (int count = 0; count < 5000; count++) {
                gone.add(parse(debugged));
                last = count == 2500 ? intern(debugged) : last;
            }
            gone.forEach(debugged::free);
            HeldPages held = debugged.heldPages();
            assertThat(held.sites()).anySatisfy(site -> {
                assertThat(site.frames().getFirst()).contains("HeldPagesTest.intern");
                assertThat(site.blocks()).isEqualTo(1);
                assertThat(site.heldBytes()).isBetween(PAGE_BYTES, 2 * PAGE_BYTES);
            });
            debugged.free(last);
        }
    }
}
