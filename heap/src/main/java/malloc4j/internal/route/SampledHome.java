package malloc4j.internal.route;

import malloc4j.internal.cache.Sampling;
import malloc4j.internal.os.Errno;
import malloc4j.internal.region.ChunkMap;
import malloc4j.internal.region.PageGeometry;
import malloc4j.internal.sample.Sample;
import malloc4j.internal.sample.Sampler;
import malloc4j.internal.slab.SizeClasses;
import malloc4j.internal.span.LargeBlock;
import malloc4j.observe.MisuseReport.Finding;

/// The home of blocks that are samples: spans of pages, also for small ones, and mappings of their own. None is in a
/// slab or a stock, where a warm free would ask nobody: it misses here at no cost to others.
///
/// A block in a span is [held][LargeBlock#hold]: every free refuses it but the one that has taken the sample out.
///
/// Blocks that are to be guarded lie in none of these, but in slots of [malloc4j.internal.sample.GuardSlots].
final class SampledHome extends Home {
    private final Sampler sampler;
    private final SlabHome small;
    private final LargeHome large;
    private final HugeHome huge;

    SampledHome(Sampler sampler, SlabHome small, LargeHome large, HugeHome huge) {
        this.sampler = sampler;
        this.small = small;
        this.large = large;
        this.huge = huge;
    }

    /// Whether a sample's block begins at the address.
    boolean has(long address) {
        return sampler.byteSize(address) != 0;
    }

    /// Whether something is known of the address.
    boolean isAround(long address) {
        return sampler.isGuarded(address) || sampler.around(address) != null;
    }

    /// Nobody asks for a sample.
    @Override
    boolean serves(long byteSize, long byteAlignment) {
        return false;
    }

    @Override
    long allocate(long byteSize, long byteAlignment) {
        return -Errno.EINVAL;
    }

    /// Takes a block that is due to be a sample, or guarded. Returns its address, or minus errno, also where the Java
    /// heap has no room for what is to be known of it.
    ///
    /// @param home where the request belongs
    /// @param due as [Sampling#due] gives it
    long allocate(Home home, long byteSize, long byteAlignment, long due) {
        long begin = sampler.nanoTime();
        long meanBytes = sampler.meanBytes() == 0 ? 0 : Sampling.meanBytes(due); // 0: it has ended meanwhile
        boolean isGuarded = home == small && byteAlignment <= PageGeometry.PAGE_BYTES && sampler.isGuarding();
        if (meanBytes == 0 && !isGuarded) {
            return -Errno.EAGAIN;
        }
        Sample sample;
        try {
            sample = sampler.begin(chosenBytes(home, byteSize, byteAlignment), meanBytes);
        } catch (OutOfMemoryError | StackOverflowError noRoom) {
            return -Errno.ENOMEM;
        }
        boolean isPut = false;
        try {
            sample.setRequested(byteSize);
            long usable = Math.max(1, byteSize);
            long address = isGuarded ? sampler.takeGuarded(sample, usable, byteAlignment) : -Errno.EAGAIN;
            if (address < 0 && meanBytes != 0) {
                usable = chosenBytes(home, byteSize, byteAlignment);
                address = (home == small ? large : home).allocateOwned(usable, byteAlignment);
                if (address > 0 && home == small) {
                    sample.setInPages();
                } else if (address > 0) {
                    usable = home.byteSize(ChunkMap.record(address), address);
                }
            }
            if (address > 0) {
                sampler.put(sample, address, usable);
                isPut = true;
                hold(ChunkMap.record(address), address);
                sampler.tell(sample);
            }
            return address;
        } finally {
            if (!isPut) {
                sampler.cancel();
            }
            sampler.noteCost(begin);
        }
    }

    /// By how many bytes a request counts when samples are chosen.
    private long chosenBytes(Home home, long byteSize, long byteAlignment) {
        if (home == small) {
            return SizeClasses.blockBytes(SizeClasses.ofAligned(byteSize, byteAlignment));
        }
        return home == large ? LargeHome.pageBytes(byteSize) : Math.max(1, byteSize);
    }

    private Home under(long record) {
        return record == 0 ? huge : large;
    }

    @Override
    boolean isZeroed(long address) {
        return under(ChunkMap.record(address)).isZeroed(address);
    }

    @Override
    long byteSize(long record, long address) {
        return sampler.byteSize(address);
    }

    @Override
    long free(long record, long address) {
        long begin = sampler.nanoTime();
        try {
            return freeSample(record, address);
        } finally {
            sampler.noteCost(begin);
        }
    }

    private long freeSample(long record, long address) {
        Sample sample = sampler.remove(address);
        if (sample == null) {
            return 0;
        }
        if (sample.isGuarded()) {
            boolean isWhole = sampler.freeGuarded(sample);
            sampler.end(sample);
            return isWhole ? 1 : 0;
        }
        long result = -Errno.ENOMEM;
        try {
            release(record, address);
            result = under(record).free(record, address);
        } finally {
            if (Errno.isError(result)) {
                hold(record, address);
                sampler.restore(sample, address, sample.byteSize());
            } else {
                sampler.end(sample);
            }
        }
        return result;
    }

    private static void hold(long record, long address) {
        if (record != 0) {
            LargeBlock.hold(LargeBlock.entry(address));
        }
    }

    private static void release(long record, long address) {
        if (record != 0) {
            LargeBlock.unhold(LargeBlock.entry(address));
        }
    }

    /// As where a block of that size would be that is no sample.
    @Override
    boolean keeps(long usable, long byteSize) {
        Home home = usable <= SizeClasses.MAX_SMALL_BYTES ? small : large.serves(usable, 1) ? large : huge;
        return home.keeps(usable, byteSize);
    }

    @Override
    long resize(long record, long address, long byteSize, boolean mayMove) {
        Sample sample = sampler.remove(address);
        if (sample == null) {
            return 0;
        }
        long usable = sample.byteSize();
        if (usable <= SizeClasses.MAX_SMALL_BYTES) {
            sampler.restore(sample, address, usable);
            return byteSize <= usable && !sample.isGuarded() ? address : 0; // a guarded one moves: its end is exact
        }
        long now = address;
        long result = -Errno.ENOMEM;
        try {
            release(record, address);
            result = under(record).resize(record, address, byteSize, mayMove);
            if (result > 0) {
                now = result;
                sample.setRequested(byteSize);
            }
            usable = under(record).byteSize(record, now);
        } finally {
            hold(record, now);
            sampler.restore(sample, now, usable);
        }
        return result;
    }

    /// An address in a sample's block, or in or beside a slot with guards.
    @Override
    Misuse explain(long record, long address) {
        Sampler.Known known = sampler.refused(address);
        if (known == null) {
            return Misuse.of(Finding.NO_BLOCK, "no block is here: it lies among guarded slots");
        }
        return Misuse.of(known, address);
    }
}
