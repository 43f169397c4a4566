package malloc4j.internal.sample;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.LongSupplier;
import malloc4j.internal.cache.Sampling;
import malloc4j.internal.os.Mutex;
import malloc4j.observe.AllocationProfile;
import malloc4j.observe.AllocationSite;
import malloc4j.observe.MisuseReport.Block;
import org.jspecify.annotations.Nullable;

/// Which blocks of a heap are samples, and what is known of them.
///
/// **The estimator.** The bytes from one sample to the next are exponentially distributed with mean `m`, counted for
/// each thread and size class apart. So a block of `b` bytes is a sample with the probability `p = 1 - exp(-b / m)`,
/// independently of every other, and stands for `w = 1 / p` blocks. A sum of `w` over samples has as its expected value
/// the number of blocks, a sum of `w * b` their bytes (Horvitz and Thompson; as Go's and tcmalloc's profiles do it).
/// Its variance is the sum of `(1 - p) / p * b * b` over all blocks, about `m` times the bytes where blocks are small:
/// a site with `n` samples is known to `1 / sqrt(n)`, one standard deviation.
///
/// `m` is what was asked for, or more while samples come so fast that they cost too much ([SamplingBudget]). Each
/// sample has the weight of the `m` that its distance was drawn with, so that changes nothing in the expected value.
///
/// **A sample's life**: [#begin] before the block is taken, then [#put] or [#cancel]; [#remove] before it is freed,
/// then [#end] or [#restore]. From `begin` on nothing is needed of the Java heap.
///
/// Concurrency: any thread at any time. The lock is held for no call of anything below.
public final class Sampler implements Sampling {
    private static final int MAX_FRAMES = 128;

    private final LongSupplier clock;
    private final Mutex lock = new Mutex();
    private final SplittableRandom random;
    private final SampleTable samples = new SampleTable();
    private Sites sites = new Sites(Sites.MAX_BYTES);
    private SamplingBudget budget;
    private long askedBytes; // mean, 0 for none
    private long startedNanos;
    private volatile long meanBytes;
    private volatile int liveCount;

    /// @param clock nanoseconds from some moment on
    public Sampler(LongSupplier clock, long seed) {
        this.clock = clock;
        this.random = new SplittableRandom(seed);
        this.budget = new SamplingBudget(clock.getAsLong());
    }

    /// Takes samples from now on, as each thread notices; or with another mean, if some are taken.
    ///
    /// @param bytes the mean between two, above 0
    public void start(long bytes) {
        lock.lock();
        try {
            if (askedBytes == 0) {
                sites = new Sites(Sites.MAX_BYTES);
                startedNanos = clock.getAsLong();
                budget = new SamplingBudget(startedNanos);
            }
            askedBytes = bytes;
            meanBytes = stretched();
        } finally {
            lock.unlock();
        }
    }

    /// Takes none from now on, and forgets what they have told.
    public void stop() {
        lock.lock();
        try {
            askedBytes = 0;
            meanBytes = 0;
            sites = new Sites(Sites.MAX_BYTES);
        } finally {
            lock.unlock();
        }
    }

    private long stretched() {
        return (long) (askedBytes * budget.stretch());
    }

    @Override
    public long meanBytes() {
        return meanBytes;
    }

    @Override
    public double nextBytes(long mean) {
        lock.lock();
        try {
            return -Math.log(1 - random.nextDouble()) * mean;
        } finally {
            lock.unlock();
        }
    }

    /// Nanoseconds, for [#noteCost].
    public long nanoTime() {
        return clock.getAsLong();
    }

    /// Notes that a sample took from `begin` until now.
    public void noteCost(long begin) {
        lock.lock();
        try {
            budget.note(begin, clock.getAsLong());
            meanBytes = stretched();
        } finally {
            lock.unlock();
        }
    }

    /// Begins a sample: by the current stack, with all that it needs of the Java heap.
    ///
    /// @param byteSize by which it was chosen
    /// @param mean the bytes between samples by which it was chosen
    public Sample begin(long byteSize, long mean) {
        StackTraceElement[] stack = LibraryFrames.callersOnly(new Throwable().getStackTrace(), MAX_FRAMES);
        String thread = Thread.currentThread().getName();
        long now = clock.getAsLong();
        lock.lock();
        try {
            Sample sample = new Sample(sites.of(stack), thread, now, 1 / -Math.expm1(-(double) byteSize / mean));
            samples.reserve();
            return sample;
        } finally {
            lock.unlock();
        }
    }

    /// Gives up a sample whose block could not be had.
    public void cancel() {
        lock.lock();
        try {
            samples.release();
        } finally {
            lock.unlock();
        }
    }

    /// The sample's block is live.
    public void put(Sample sample, long address, long byteSize) {
        lock.lock();
        try {
            sample.address = address;
            sample.byteSize = byteSize;
            sample.site.noteAllocated(sample.weight, byteSize);
            samples.put(sample);
            liveCount = samples.count();
        } finally {
            lock.unlock();
        }
    }

    /// How many bytes of the block may be used, a sample's, that begins at an address; 0 where none does.
    public long byteSize(long address) {
        if (liveCount == 0) {
            return 0;
        }
        lock.lock();
        try {
            Sample sample = samples.get(address);
            return sample == null ? 0 : sample.byteSize;
        } finally {
            lock.unlock();
        }
    }

    /// The block of a live sample that an address lies in, or null. Looks at all of them.
    public @Nullable Block blockAround(long address) {
        if (liveCount == 0) {
            return null;
        }
        lock.lock();
        try {
            Sample around = samples.around(address);
            return around == null ? null : new Block(around.address, around.byteSize, true);
        } finally {
            lock.unlock();
        }
    }

    /// Takes a sample out whose block is about to be freed or moved, and keeps its room. Returns null when there is
    /// none.
    public @Nullable Sample remove(long address) {
        lock.lock();
        try {
            Sample removed = samples.remove(address);
            liveCount = samples.count();
            return removed;
        } finally {
            lock.unlock();
        }
    }

    /// The removed sample's block is not freed after all, or was moved: it is live at that address, with that size.
    public void restore(Sample sample, long address, long byteSize) {
        lock.lock();
        try {
            sample.address = address;
            resize(sample, byteSize);
            samples.put(sample);
            liveCount = samples.count();
        } finally {
            lock.unlock();
        }
    }

    /// The live sample's block has another size now.
    public void putByteSize(Sample sample, long byteSize) {
        lock.lock();
        try {
            resize(sample, byteSize);
        } finally {
            lock.unlock();
        }
    }

    private static void resize(Sample sample, long byteSize) {
        sample.site.totalBytes += sample.weight * Math.max(0, byteSize - sample.byteSize);
        sample.byteSize = byteSize;
    }

    /// The removed sample's block is freed.
    public void end(Sample sample) {
        long now = clock.getAsLong();
        lock.lock();
        try {
            sample.site.noteFreed(sample.weight, now - sample.allocatedNanos);
            samples.release();
        } finally {
            lock.unlock();
        }
    }

    /// What the samples say now.
    public AllocationProfile profile(String heapName) {
        lock.lock();
        try {
            long now = clock.getAsLong();
            Map<Site, LiveSum> live = new HashMap<>();
            samples.forEach(sample ->
                    live.computeIfAbsent(sample.site, site -> new LiveSum()).add(sample, now));
            List<AllocationSite> all = new ArrayList<>();
            sites.forEach(site -> all.add(describe(site, live.getOrDefault(site, new LiveSum()))));
            return new AllocationProfile(heapName, askedBytes, askedBytes == 0 ? 0 : now - startedNanos, all);
        } finally {
            lock.unlock();
        }
    }

    private static AllocationSite describe(Site site, LiveSum live) {
        return new AllocationSite(
                List.of(site.stack),
                Math.round(site.totalBytes),
                Math.round(site.totalBlocks),
                Math.round(live.bytes),
                Math.round(live.blocks),
                site.totalSamples,
                live.samples,
                live.oldestNanos,
                live.blocks == 0 ? 0 : Math.round(live.nanos / live.blocks),
                site.freedBlocks == 0 ? 0 : Math.round(site.freedNanos / site.freedBlocks));
    }

    /// What the live samples of a site add up to.
    private static final class LiveSum {
        private double bytes;
        private double blocks;
        private double nanos;
        private long samples;
        private long oldestNanos;

        void add(Sample sample, long now) {
            long age = now - sample.allocatedNanos;
            bytes += sample.weight * sample.byteSize;
            blocks += sample.weight;
            nanos += sample.weight * age;
            samples++;
            oldestNanos = Math.max(oldestNanos, age);
        }
    }

    /// Checks the table of samples; throws [AssertionError] if it is not whole.
    public void verify() {
        lock.lock();
        try {
            samples.verify();
        } finally {
            lock.unlock();
        }
    }
}
