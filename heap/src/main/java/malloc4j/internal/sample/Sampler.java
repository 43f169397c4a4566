package malloc4j.internal.sample;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import malloc4j.internal.cache.Sampling;
import malloc4j.internal.os.Mutex;
import malloc4j.internal.region.Budget;
import malloc4j.internal.region.Ground;
import malloc4j.internal.region.HeapRecord;
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
/// **A dense profile** ([#chooses]) draws for each block by the same probabilities, and leaves samples in place: they
/// are forgotten when nobody sees every call any more.
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
    private boolean seesEveryCall;
    private int lookedPlace; // where the last search has stopped
    private volatile long meanBlocks;
    private volatile int liveCount;
    private long allocatedExcess; // bytes of pages that small samples take beyond what they have for use
    private long freedExcess;
    private volatile HeapRecord record = HeapRecord.NONE;

    /// @param budget is charged the pages of guarded blocks
    /// @param guardsAll whether every block wants a slot with guards: in a debug heap
    public Sampler(Ground ground, Budget budget, long seed, boolean guardsAll, ProbeCalls probe) {
        this.clock = ground::nanoTime;
        this.probe = probe;
        this.random = new SplittableRandom(seed);
        this.budget = new SamplingBudget(clock.getAsLong());
        this.guards = new GuardSlots(ground, budget, GuardSlots.slotCount(ground, guardsAll), guardsAll, seed + 1);
    }

    /// Has what is to be seen from outside told here from now on.
    public void tell(HeapRecord where) {
        record = where;
        guards.tell(where);
    }

    /// Where that is told: nowhere before [#tell].
    public HeapRecord record() {
        return record;
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

    private void forgetInPlace() {
        for (int place = 0; place < samples.placeCount(); place++) {
            Sample sample = samples.at(place);
            if (sample != null && sample.isInPlace) {
                Sample unused = samples.remove(sample.address);
                samples.release();
            }
        }
        liveCount = samples.count();
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

    /// Says whether somebody sees every call and takes samples himself: then no countdown chooses any.
    public void setSeesEveryCall(boolean sees) {
        lock.lock();
        try {
            seesEveryCall = sees;
            stretch();
            if (!sees) {
                forgetInPlace();
            }
        } finally {
            lock.unlock();
        }
    }

    /// Mean bytes between two samples, as they were asked for; 0 while none are taken.
    public long askedBytes() {
        lock.lock();
        try {
            return askedBytes;
        } finally {
            lock.unlock();
        }
    }

    private void stretch() {
        long drawnBytes = seesEveryCall ? 0 : askedBytes;
        meanBytes = drawnBytes <= 1 ? drawnBytes : (long) (drawnBytes * budget.stretch());
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
        double weight = mean <= 1 ? mean : 1 / -Math.expm1(-(double) byteSize / mean);
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

    /// Begins a sample of a block that stays where it is, if it is chosen to be one; else returns null. For who sees
    /// every call.
    public @Nullable Sample chooses(long byteSize) {
        long mean = askedBytes();
        long chosenBytes = Math.max(1, byteSize);
        if (mean == 0 || (mean > 1 && nextBytes(mean) >= chosenBytes)) {
            return null;
        }
        Sample sample = begin(chosenBytes, mean);
        sample.isInPlace = true;
        sample.setRequested(byteSize);
        return sample;
    }

    /// As [#remove], of a sample that [#chooses] has begun; null for any other.
    public @Nullable Sample removeInPlace(long address) {
        lock.lock();
        try {
            Sample sample = samples.get(address);
            return sample == null || !sample.isInPlace ? null : removeUnderLock(address);
        } finally {
            lock.unlock();
        }
    }

    private static String threadName() {
        Thread thread = Thread.currentThread();
        String name = thread.getName();
        return name.isEmpty() ? "thread " + thread.threadId() : name;
    }

    /// Whether there may be a slot with guards for a block, and some are to have one.
    public boolean isGuarding() {
        return meanBlocks != 0 && guards.hasFree();
    }

    /// Maps the guards, for who takes slots of his own accord.
    public void openGuards() {
        guards.open();
    }

    /// Whether there may be a slot with guards.
    public boolean hasGuardSlot() {
        return guards.hasFree();
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
        noteFreed(sample);
        sample.damagedAddress = guards.release(sample);
        sample.isUntold = sample.damagedAddress != 0;
        return !sample.isUntold;
    }

    /// As [#freeGuarded], of a block between red zones: it is filled, and stays where it is.
    public boolean freeZoned(Sample sample) {
        noteFreed(sample);
        try {
            sample.damagedAddress = RedZones.firstDamage(sample);
            RedZones.fillFreed(sample.address, sample.byteSize);
        } catch (InternalError vanished) {
            // with the heap's file, and with what was to be looked at
        }
        sample.isUntold = sample.damagedAddress != 0;
        return !sample.isUntold;
    }

    /// Notes that the current thread frees the block of a sample that was removed.
    private void noteFreed(Sample sample) {
        Call call = UNKNOWN_CALL;
        try {
            StackTraceElement[] stack = currentStack();
            lock.lock();
            try {
                call = new Call(threadName(), 0, sites.of(stack).stack);
            } finally {
                lock.unlock();
            }
        } catch (OutOfMemoryError | StackOverflowError noRoom) {
            // it is freed all the same
        }
        sample.freedNanos = clock.getAsLong();
        sample.freed = call;
    }

    /// Looks at what lies beside a live block between guards or red zones. Returns whether it was written to, of which
    /// [#around] tells more.
    public boolean isDamaged(long address) {
        lock.lock();
        try {
            Sample sample = samples.get(address);
            if (sample != null) {
                sample.damagedAddress = RedZones.firstDamage(sample);
            }
            return sample != null && sample.damagedAddress != 0;
        } finally {
            lock.unlock();
        }
    }

    /// Looks at what lies beside some live blocks, from where the last search has stopped, and tells of each that was
    /// written to beside, once. Returns whether it came to the end, from where the next one begins anew.
    ///
    /// @param maxBytes how much it looks at, about
    public boolean search(long maxBytes, Consumer<Sample> damaged) {
        lock.lock();
        try {
            int place = lookedPlace;
            for (long left = maxBytes; place < samples.placeCount() && left > 0; place++) {
                Sample sample = samples.at(place);
                if (sample != null && sample.damagedAddress == 0 && sample.pages != 0) {
                    sample.damagedAddress = RedZones.firstDamage(sample);
                    if (sample.damagedAddress != 0) {
                        damaged.accept(sample);
                    }
                    left -= sample.pageBytes - sample.byteSize;
                }
                left -= Long.BYTES;
            }
            boolean isEnd = place == samples.placeCount();
            lookedPlace = isEnd ? 0 : place;
            return isEnd;
        } finally {
            lock.unlock();
        }
    }

    /// Has the next [#search] begin anew.
    public void restartSearch() {
        lock.lock();
        lookedPlace = 0;
        lock.unlock();
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
            forgetStale(address);
            putUnderLock(sample, address, byteSize);
        } finally {
            lock.unlock();
        }
    }

    private void putUnderLock(Sample sample, long address, long byteSize) {
        sample.address = address;
        sample.byteSize = byteSize;
        if (sample.weight != 0) {
            sample.site.noteAllocated(sample.weight, byteSize);
        }
        samples.put(sample);
        liveCount = samples.count();
        allocatedExcess += sample.excessBytes();
        record.putSampling(allocatedExcess - freedExcess);
    }

    /// As [#put], of a sample that [#chooses] has begun. Returns false where nobody sees every call any more, or where
    /// the block is another sample already, guarded or in pages of its own: that has its weight then, unless it has
    /// one.
    public boolean putInPlace(Sample sample, long address, long byteSize) {
        lock.lock();
        try {
            Sample other = samples.get(address);
            if (!seesEveryCall) {
                sample.weight = 0; // it is none
                return false;
            }
            if (other == null || other.isInPlace) {
                forgetStale(address);
                putUnderLock(sample, address, byteSize);
                return true;
            }
            if (other.weight == 0) {
                other.weight = sample.weight;
                other.site.noteAllocated(other.weight, byteSize);
            }
            sample.address = address; // to be told
            sample.byteSize = byteSize;
            return false;
        } finally {
            lock.unlock();
        }
    }

    /// As [#restore], of a sample that [#chooses] has begun, and whose block has moved, or not. Where the block is
    /// another sample now, guarded or in pages of its own, that one counts for both.
    public void restoreInPlace(Sample sample, long address, long byteSize) {
        lock.lock();
        try {
            Sample other = samples.get(address);
            if (!seesEveryCall) {
                samples.release(); // nobody would tell when it is freed
            } else if (other == null || other.isInPlace) {
                forgetStale(address);
                restoreUnderLock(sample, address, byteSize);
            } else {
                if (other.weight == 0) { // a new allocation, by who has resized it
                    other.weight = sample.weight;
                    other.site.noteAllocated(other.weight, byteSize);
                }
                samples.release();
            }
        } finally {
            lock.unlock();
        }
    }

    /// A sample may be left at an address whose block was freed unseen, while the profile was being switched.
    private void forgetStale(long address) {
        if (samples.get(address) != null) {
            Sample unused = samples.remove(address);
            samples.release();
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

    /// By how much live blocks are larger than what was asked for, estimated as [AllocationProfile] estimates; -1 where
    /// there are no samples.
    public long roundingBytes() {
        lock.lock();
        try {
            if (askedBytes == 0 || liveCount == 0) {
                return -1;
            }
            double[] sum = new double[1];
            samples.forEach(sample -> sum[0] += sample.weight * sample.roundingBytes());
            return (long) sum[0];
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

    /// How many bytes of the block may be used, a sample's, that begins at an address; 0 where none does, or one where
    /// any block lies.
    public long byteSize(long address) {
        if (liveCount == 0) {
            return 0;
        }
        lock.lock();
        try {
            Sample sample = samples.get(address);
            return sample == null || sample.isInPlace ? 0 : sample.byteSize;
        } finally {
            lock.unlock();
        }
    }

    /// What is known of the block that an address lies in, a sample's, or that a guarded slot has or had there; null
    /// when nothing is. Looks at all of them.
    public @Nullable Known around(long address) {
        Sample around = sampleAround(address);
        return around == null ? null : known(around, address);
    }

    /// As [#around], for a call that is refused.
    public @Nullable Known refused(long address) {
        Sample around = sampleAround(address);
        return around == null ? null : refused(around, address);
    }

    private @Nullable Sample sampleAround(long address) {
        if (guards.contains(address)) {
            return guards.nearest(address);
        }
        if (liveCount == 0) {
            return null;
        }
        lock.lock();
        try {
            return samples.around(address);
        } finally {
            lock.unlock();
        }
    }

    /// What is known of a sample's block.
    ///
    /// @param address by which it was asked for
    public Known known(Sample sample, long address) {
        long now = clock.getAsLong();
        Call freed = sample.freed;
        Call freedBy = freed == null ? null : new Call(freed.thread(), now - sample.freedNanos, freed.stack());
        Call allocatedBy = new Call(sample.thread, now - sample.allocatedNanos, sample.site.stack);
        Block block = new Block(sample.address, sample.byteSize, freed == null, allocatedBy, freedBy);
        return new Known(block, sample.offset(address), sample.damagedAddress);
    }

    /// As [#known], for a call that is refused. That a freed block is damaged is told by the call that has freed it;
    /// what comes after that is a double free.
    public Known refused(Sample sample, long address) {
        Known known = known(sample, address);
        boolean isTold = sample.freed != null && !sample.isUntold;
        if (address == sample.address) {
            sample.isUntold = false;
        }
        return isTold ? new Known(known.block(), known.offset(), 0) : known;
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

    /// Where the guarded slots are, null where there are none.
    public GuardFile.@Nullable Region guardRegion() {
        return guards.region();
    }

    /// Keeps a file of the guarded blocks from now on, removed with the slots.
    public void keep(GuardFile file) {
        guards.keep(file);
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
            return removeUnderLock(address);
        } finally {
            lock.unlock();
        }
    }

    private @Nullable Sample removeUnderLock(long address) {
        Sample removed = samples.remove(address);
        liveCount = samples.count();
        return removed;
    }

    /// The removed sample's block is not freed after all, or was moved: it is live at that address, with that size.
    public void restore(Sample sample, long address, long byteSize) {
        lock.lock();
        try {
            restoreUnderLock(sample, address, byteSize);
        } finally {
            lock.unlock();
        }
    }

    private void restoreUnderLock(Sample sample, long address, long byteSize) {
        sample.address = address;
        resize(sample, byteSize);
        samples.put(sample);
        liveCount = samples.count();
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
            record.putSampling(allocatedExcess - freedExcess);
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

    /// A live sample that lies in a block like any other.
    ///
    /// @param address as the program knows it
    /// @param blockAddress of the block that it lies in: another one where it has red zones
    /// @param weight how many blocks it stands for
    public record InBlock(
            long address,
            long byteSize,
            long blockAddress,
            double weight,
            long ageNanos,
            List<StackTraceElement> stack) {}

    /// Shows every live sample that lies in a block like any other. Under the lock, which the visitor must not need.
    public void forEachInBlocks(Consumer<InBlock> visitor) {
        lock.lock();
        try {
            long now = clock.getAsLong();
            samples.forEach(sample -> {
                if (sample.isInPlace || sample.isZoned()) {
                    visitor.accept(new InBlock(
                            sample.address,
                            sample.byteSize,
                            sample.isInPlace ? sample.address : sample.whole,
                            sample.weight,
                            now - sample.allocatedNanos,
                            sample.site.stack));
                }
            });
        } finally {
            lock.unlock();
        }
    }

    private static AllocationSite describe(Site site, LiveSum live) {
        return new AllocationSite(
                site.stack,
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
