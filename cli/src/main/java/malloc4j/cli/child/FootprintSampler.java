package malloc4j.cli.child;

import io.avaje.jsonb.Jsonb;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import malloc4j.Heap;
import malloc4j.cli.picture.CellMap;
import org.jspecify.annotations.Nullable;

/// Looks at what the allocator of this child JVM has resident, again and again in one round: where the round stands
/// still for it ([#sample]), or beside it, on a thread that was there before the base was taken ([#sampleBeside]).
/// A look takes some milliseconds, so nothing of such a round is timed.
public final class FootprintSampler {
    private static final long[] AFTER_FREE_MILLIS = {0, 500, 1_000, 2_000};
    private static final int MAX_CELLS = 1024;
    private static final int MAX_LOOKS = 400; // then every other one is forgotten
    private static final long FIRST_INTERVAL_MILLIS = 10;
    private static final double WORTH_A_MAP = 1.02; // a peak that is hardly higher has the map of the one before

    private final boolean isHeap;
    private final CountDownLatch begun = new CountDownLatch(1);
    private final Thread beside;
    private @Nullable MemoryProbe probe;
    private List<Long> at = new ArrayList<>();
    private List<Long> residentBytes = new ArrayList<>();
    private long highestBytes;
    private @Nullable CellMap cells;
    private volatile boolean isOver;
    private volatile @Nullable Throwable failure;

    /// To be made before the base is taken.
    ///
    /// @param isHeap whether the allocator is malloc4j's common heap, of which there is a map
    public FootprintSampler(boolean isHeap) {
        this.isHeap = isHeap;
        this.beside = Thread.ofPlatform().daemon().name("footprint").start(this::lookOnAndOn);
    }

    /// Looks at `base`'s growth from here on.
    public void begin(MemoryProbe base) {
        probe = base;
    }

    /// Looks once.
    ///
    /// @param position of the round
    /// @param isPeak whether this is where a map is wanted
    public void sample(long position, boolean isPeak) {
        try {
            at.add(position);
            residentBytes.add(base().growthBytes());
            if (isPeak && isHeap) {
                cells = CellMap.of(Heap.common().snapshot(), MAX_CELLS);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// Runs a round and looks beside it, at milliseconds since it began.
    public void sampleBeside(Runnable round) throws InterruptedException {
        begun.countDown();
        try {
            round.run();
        } finally {
            isOver = true;
            beside.join();
        }
        Throwable thrown = failure;
        if (thrown != null) {
            throw new ChildFailure(ChildFailure.describe(thrown));
        }
    }

    /// To be called when everything was freed: looks on for two seconds.
    ///
    /// @return the [Footprint.Samples] as a line of JSON
    public String finish() throws IOException, InterruptedException {
        long begin = System.nanoTime();
        List<Footprint.Freed> freed = new ArrayList<>();
        for (long millis : AFTER_FREE_MILLIS) {
            long elapsed = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begin);
            Thread.sleep(Math.max(0, millis - elapsed));
            freed.add(new Footprint.Freed(millis, base().growthBytes()));
        }
        return Jsonb.instance().toJson(new Footprint.Samples(at, residentBytes, freed, cells));
    }

    private MemoryProbe base() {
        MemoryProbe taken = probe;
        if (taken == null) {
            throw new IllegalStateException("looked before the base was taken");
        }
        return taken;
    }

    private void lookOnAndOn() {
        try {
            begun.await();
            long begin = System.nanoTime();
            long interval = FIRST_INTERVAL_MILLIS;
            while (!isOver) {
                sample(TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begin), false);
                keepMapOfPeak();
                if (at.size() == MAX_LOOKS) {
                    at = everyOther(at);
                    residentBytes = everyOther(residentBytes);
                    interval *= 2;
                }
                Thread.sleep(interval);
            }
            sample(TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begin), false);
        } catch (InterruptedException | RuntimeException | Error e) {
            failure = e;
        }
    }

    private void keepMapOfPeak() {
        long bytes = residentBytes.getLast();
        if (isHeap && bytes > highestBytes * WORTH_A_MAP) {
            highestBytes = bytes;
            cells = CellMap.of(Heap.common().snapshot(), MAX_CELLS);
        }
    }

    private static List<Long> everyOther(List<Long> values) {
        List<Long> kept = new ArrayList<>();
        for (int i = 0; i < values.size(); i += 2) {
            kept.add(values.get(i));
        }
        return kept;
    }
}
