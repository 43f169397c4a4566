package malloc4j.internal.slab;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLongArray;
import malloc4j.internal.region.ChunkMap;
import malloc4j.internal.region.Ground;
import malloc4j.internal.region.MmapSource;
import malloc4j.internal.region.Zone;
import malloc4j.internal.slab.Slab.RemoteFree;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// One owner and several others on one slab.
class SlabRaceTest {
    private static final int TAG = 7;
    private static final int FREERS = 3;
    private static final int FREES = 30_000;

    private final MmapSource source = new MmapSource(Ground.process(), MmapSource.Pages.DEFAULT);
    private long base;
    private long slab;

    @BeforeEach
    void acquireChunk() {
        base = source.acquire(Zone.GRANULE_BYTES);
        slab = ChunkMap.record(base);
        Slab.format(slab, base, SizeClasses.of(1024), TAG, 1);
    }

    @AfterEach
    void releaseChunk() {
        Slab.retire(slab);
        assertThat(source.release(base, Zone.GRANULE_BYTES)).isZero();
    }

    @Test
    void aFreeThatTheOwnerCollectsAtOnceIsNeverRefused() throws InterruptedException {
        AtomicLongArray handed = new AtomicLongArray(FREERS * 64);
        AtomicInteger refused = new AtomicInteger();
        AtomicInteger stop = new AtomicInteger();
        List<Thread> freers = new ArrayList<>();
        for (int freer = 0; freer < FREERS; freer++) {
            int mine = freer * 64;
            freers.add(Thread.ofPlatform().start(() -> {
                while (stop.get() == 0) {
                    long index = handed.get(mine) - 1;
                    if (index >= 0) {
                        handed.set(mine, 0);
                        if (Slab.freeRemote(slab, (int) index) == RemoteFree.REFUSED) {
                            refused.incrementAndGet();
                        }
                    }
                }
            }));
        }
        int slot = 0;
        for (int count = 0; count < FREES; slot = (slot + 64) % (FREERS * 64)) {
            if (handed.get(slot) == 0) {
                long pair = Slab.pair(slab, 0);
                long bits = Slab.freeWord(pair);
                if (bits != 0) {
                    int index = Long.numberOfTrailingZeros(bits);
                    Slab.ownerPutFreeWord(pair, bits & (bits - 1));
                    handed.set(slot, index + 1);
                    count++;
                }
            }
            Slab.ownerCollect(slab);
        }
        while (!allTaken(handed)) {
            Thread.onSpinWait();
        }
        stop.set(1);
        for (Thread freer : freers) {
            freer.join();
        }
        assertThat(refused).as("frees of live blocks that were refused").hasValue(0);
        Slab.ownerCollect(slab);
        Slab.verify(slab);
        assertThat(Slab.liveCount(slab)).as("blocks that were lost").isZero();
    }

    private static boolean allTaken(AtomicLongArray handed) {
        for (int freer = 0; freer < FREERS; freer++) {
            if (handed.get(freer * 64) != 0) {
                return false;
            }
        }
        return true;
    }
}
