package malloc4j.internal.sample;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.LongSupplier;
import malloc4j.internal.cache.Sampling;
import malloc4j.internal.os.Mutex;
import malloc4j.internal.region.Budget;
import malloc4j.internal.region.Ground;
import malloc4j.internal.region.ProbeCalls;
import malloc4j.observe.AllocationProfile;
import malloc4j.observe.AllocationSite;
import malloc4j.observe.MisuseReport.Block;
import malloc4j.observe.MisuseReport.Call;
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
/// `m` is what was asked for, or more, unless that was 1, while samples come so fast that they cost too much
/// ([SamplingBudget]). Each sample has the weight of the `m` that its distance was drawn with, so that changes nothing
/// in the expected value.
///
/// **A sample's life**: [#begin] before the block is taken, then [#put] or [#cancel]; [#remove] before it is freed,
/// then [#end] or [#restore]. From `begin` on nothing is needed of the Java heap.
///
/// Concurrency: any thread at any time. The lock is held for no call of anything below.
public final class Sampler implements Sampling {
    private static final int MAX_FRAMES = 128;
    private static final Call UNKNOWN_CALL = new Call("unknown thread", 0, List.of()); // where the Java heap is full

    private final LongSupplier clock;
    private final ProbeCalls probe;
    private final GuardSlots guards;
    private final Mutex lock = new Mutex();
    private final SplittableRandom random;
    private final SampleTable samples = new SampleTable();
    private Sites sites = new Sites(Sites.MAX_BYTES);
    private SamplingBudget budget;
    private long askedBytes; // mean, 0 for none
    private long startedNanos;
    private volatile long meanBytes;
    private long askedBlocks; // mean from one guarded block to the next, 0 for none
    private volatile long meanBlocks;
    private volatile int liveCount;
    private long allocatedExcess; // bytes of pages that small samples take beyond what they have for use
    private long freedExcess;

    /// @param budget is charged the pages of guarded blocks
    public Sampler(Ground ground, Budget budget, long seed, ProbeCalls probe) {
        this.clock = ground::nanoTime;
        this.probe = probe;
        this.random = new SplittableRandom(seed);
        this.budget = new SamplingBudget(clock.getAsLong());
        this.guards = new GuardSlots(ground, budget, GuardSlots.slotCount(ground), seed + 1);
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
            stretch();
        } finally {
            lock.unlock();
        }
    }

    /// Takes none from now on, and forgets what they have told.
    public void stop() {
        lock.lock();
        try {
            askedBytes = 0;
            stretch();
            sites = new Sites(Sites.MAX_BYTES);
        } finally {
            lock.unlock();
        }
    }

    /// Guards one block of so many from now on, 0 for none.
    public void guard(long blocks) {
        if (blocks > 0) {
            guards.open();
        }
        lock.lock();
        try {
            askedBlocks = blocks;
            stretch();
        } finally {
            lock.unlock();
        }
    }

    private void stretch() {
        meanBytes = askedBytes <= 1 ? askedBytes : (long) (askedBytes * budget.stretch());
        meanBlocks = askedBlocks <= 1 ? askedBlocks : (long) (askedBlocks * budget.stretch());
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

    @Override
    public long meanBlocks() {
        return meanBlocks;
    }

    @Override
    public double nextBlocks(long mean) {
        if (mean == 1) {
            return 0;
        }
        lock.lock();
        try {
            return Math.floor(Math.log(1 - random.nextDouble()) / Math.log1p(-1.0 / mean));
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
            stretch();
        } finally {
            lock.unlock();
        }
    }

    /// Begins a sample: by the current stack, with all that it needs of the Java heap.
    ///
    /// @param byteSize by which it was chosen
    /// @param mean the bytes between samples by which it was chosen; 0 for a block that is only guarded
    public Sample begin(long byteSize, long mean) {
        StackTraceElement[] stack = currentStack();
        String thread = threadName();
        long now = clock.getAsLong();
        double weight = mean == 0 ? 0 : 1 / -Math.expm1(-(double) byteSize / mean);
        lock.lock();
        try {
            Sample sample = new Sample(sites.of(stack), thread, now, weight);
            samples.reserve();
            return sample;
        } finally {
            lock.unlock();
        }
    }

    private static StackTraceElement[] currentStack() {
        return LibraryFrames.callersOnly(new Throwable().getStackTrace(), MAX_FRAMES);
    }

    private static String threadName() {
        Thread thread = Thread.currentThread();
        String name = thread.getName();
        return name.isEmpty() ? "thread " + thread.threadId() : name;
    }

    /// Whether there may be a slot with guards for a block.
    public boolean isGuarding() {
        return meanBlocks != 0 && guards.hasFree();
    }

    /// Takes a slot with guards for a sample's block. Returns its address, or minus errno.
    ///
    /// @param byteSize 1 to [malloc4j.internal.slab.SizeClasses#MAX_SMALL_BYTES]
    /// @param byteAlignment a power of two, at most a page
    public long takeGuarded(Sample sample, long byteSize, long byteAlignment) {
        return guards.take(byteSize, byteAlignment, sample);
    }

    /// Frees the block of a sample that was removed, and has a slot with guards. Returns false when bytes beside the
    /// block were written to, of which [#around] tells more.
    public boolean freeGuarded(Sample sample) {
        Call call = UNKNOWN_CALL;
        try {
            call = new Call(threadName(), 0, List.of(currentStack()));
        } catch (OutOfMemoryError | StackOverflowError noRoom) {
            // it is freed all the same
        }
        sample.freedNanos = clock.getAsLong();
        sample.freed = call;
        sample.damagedAddress = guards.release(sample);
        return sample.damagedAddress == 0;
    }

    /// Looks at what lies beside a guarded live block. Returns whether it was written to, of which [#around] tells
    /// more.
    public boolean isDamaged(long address) {
        lock.lock();
        try {
            Sample sample = samples.get(address);
            if (sample != null && sample.isGuarded()) {
                sample.damagedAddress = GuardSlots.firstDamage(sample);
            }
            return sample != null && sample.damagedAddress != 0;
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
            if (sample.weight != 0) {
                sample.site.noteAllocated(sample.weight, byteSize);
            }
            samples.put(sample);
            liveCount = samples.count();
            allocatedExcess += sample.excessBytes();
        } finally {
            lock.unlock();
        }
    }

    /// Tells the heap's probe of a sample that was [put][#put], unless it is only guarded; throws nothing.
    public void tell(Sample sample) {
        if (probe.isTold() && sample.weight != 0) {
            probe.sampled(sample.address, sample.byteSize, sample.weight, sample.site.stack);
        }
    }

    /// By how many bytes the pages of small samples are larger than what their blocks have for use: all that were
    /// allocated.
    public long allocatedExcessBytes() {
        lock.lock();
        try {
            return allocatedExcess;
        } finally {
            lock.unlock();
        }
    }

    /// As [#allocatedExcessBytes], of those that were freed.
    public long freedExcessBytes() {
        lock.lock();
        try {
            return freedExcess;
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

    /// What is known of the block that an address lies in, a sample's, or that a guarded slot has or had there; null
    /// when nothing is. Looks at all of them.
    public @Nullable Known around(long address) {
        if (guards.contains(address)) {
            Sample nearest = guards.nearest(address);
            return nearest == null ? null : known(nearest, address);
        }
        if (liveCount == 0) {
            return null;
        }
        lock.lock();
        try {
            Sample around = samples.around(address);
            return around == null ? null : known(around, address);
        } finally {
            lock.unlock();
        }
    }

    private Known known(Sample sample, long address) {
        long now = clock.getAsLong();
        Call freed = sample.freed;
        Call freedBy = freed == null ? null : new Call(freed.thread(), now - sample.freedNanos, freed.stack());
        Call allocatedBy = new Call(sample.thread, now - sample.allocatedNanos, List.of(sample.site.stack));
        Block block = new Block(sample.address, sample.byteSize, freed == null, allocatedBy, freedBy);
        return new Known(block, sample.offset(address), sample.damagedAddress);
    }

    /// Whether an address lies in a slot with guards, or beside one.
    public boolean isGuarded(long address) {
        return guards.contains(address);
    }

    /// What is known of the latest touch of a guard, null where nothing is.
    ///
    /// @param nanos what was before that does not count
    public @Nullable Touch latestTouch(long nanos) {
        PageFaults.Fault fault = guards.latestFault(nanos);
        Known known = fault == null ? null : around(fault.address());
        return fault == null || known == null ? null : new Touch(fault.address(), fault.nanos(), known);
    }

    /// A touch of a guard.
    ///
    /// @param nanos when, by the clock of [System#nanoTime]
    /// @param known of the nearest block
    public record Touch(long address, long nanos, Known known) {}

    /// What is known of every block that a slot with guards has or had last.
    public List<Known> guarded() {
        List<Known> all = new ArrayList<>();
        guards.forEach(sample -> all.add(known(sample, sample.address)));
        return all;
    }

    /// What is, and was, between guards.
    public GuardSlots.Census guardCensus() {
        return guards.census();
    }

    /// Why the kernel tells no addresses of faults, minus errno; 0 where it does.
    public long faultsRefusal() {
        return guards.faultsRefusal();
    }

    /// Why there are no guards though some were asked for, minus errno; 0 where there are.
    public long guardRefusal() {
        return guards.refusal();
    }

    /// What is known of a block.
    ///
    /// @param offset of the address that was asked for: 0 inside the block, negative before it, from 1 on behind it
    /// @param damagedAddress the first byte beside it that was written to, 0 for none
    public record Known(Block block, long offset, long damagedAddress) {}

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

    private static void resize(Sample sample, long byteSize) {
        sample.site.totalBytes += sample.weight * Math.max(0, byteSize - sample.byteSize);
        sample.byteSize = byteSize;
    }

    /// The removed sample's block is freed.
    public void end(Sample sample) {
        long now = clock.getAsLong();
        lock.lock();
        try {
            if (sample.weight != 0) {
                sample.site.noteFreed(sample.weight, now - sample.allocatedNanos);
            }
            samples.release();
            freedExcess += sample.excessBytes();
        } finally {
            lock.unlock();
        }
    }

    /// What the samples say now; of what is live, of blocks of at least that age alone.
    public AllocationProfile profile(String heapName, long youngestNanos) {
        lock.lock();
        try {
            long now = clock.getAsLong();
            Map<Site, LiveSum> live = new HashMap<>();
            samples.forEach(sample -> {
                if (sample.weight != 0 && now - sample.allocatedNanos >= youngestNanos) {
                    live.computeIfAbsent(sample.site, site -> new LiveSum()).add(sample, now);
                }
            });
            List<AllocationSite> all = new ArrayList<>();
            sites.forEach(site -> {
                if (site.totalSamples != 0) {
                    all.add(describe(site, live.getOrDefault(site, new LiveSum())));
                }
            });
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
                Math.round(Math.sqrt(site.totalVariance)),
                Math.round(Math.sqrt(live.variance)),
                live.oldestNanos,
                live.blocks == 0 ? 0 : Math.round(live.nanos / live.blocks),
                site.freedBlocks == 0 ? 0 : Math.round(site.freedNanos / site.freedBlocks));
    }

    /// What the live samples of a site add up to.
    private static final class LiveSum {
        private double bytes;
        private double blocks;
        private double variance;
        private double nanos;
        private long samples;
        private long oldestNanos;

        void add(Sample sample, long now) {
            long age = now - sample.allocatedNanos;
            bytes += sample.weight * sample.byteSize;
            blocks += sample.weight;
            variance += Site.variance(sample.weight, (double) sample.byteSize);
            nanos += sample.weight * age;
            samples++;
            oldestNanos = Math.max(oldestNanos, age);
        }
    }

    /// Gives the slots with guards back, when nobody uses a block any more. Returns 0, or minus errno, and then it can
    /// be tried again.
    public long close() {
        return guards.close();
    }

    /// Checks the table of samples; throws [AssertionError] if it is not whole.
    public void verify() {
        lock.lock();
        try {
            samples.verify();
            guards.verify();
        } finally {
            lock.unlock();
        }
    }
}
