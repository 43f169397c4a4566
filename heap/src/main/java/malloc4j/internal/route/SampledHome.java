package malloc4j.internal.route;

import java.util.List;
import malloc4j.internal.cache.Sampling;
import malloc4j.internal.os.Errno;
import malloc4j.internal.region.ChunkMap;
import malloc4j.internal.sample.Sample;
import malloc4j.internal.sample.Sampler;
import malloc4j.internal.slab.SizeClasses;
import malloc4j.internal.span.LargeBlock;
import malloc4j.observe.MisuseReport.Block;
import malloc4j.observe.MisuseReport.Finding;

/// The home of blocks that are samples: spans of pages, also for small ones, and mappings of their own. None is in a
/// slab or a stock, where a warm free would ask nobody: it misses here at no cost to others.
///
/// A block in a span is [held][LargeBlock#hold]: every free refuses it but the one that has taken the sample out.
final class SampledHome extends Home {
    private static final int MAX_ATTEMPTS = 1 << 6;

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

    /// Whether the address lies in a sample's block.
    boolean isAround(long address) {
        return sampler.blockAround(address) != null;
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

    /// Takes a block that is due to be a sample; where that cannot be, or what the Java heap has no room for, as any
    /// other. Returns its address, or minus errno.
    ///
    /// @param home where the request belongs
    /// @param due as [Sampling#due] gives it
    long allocate(Home home, long byteSize, long byteAlignment, long due) {
        long result = due;
        for (int attempt = 0; Sampling.isDue(result); attempt++) {
            if (attempt == MAX_ATTEMPTS) {
                return -Errno.ENOMEM;
            }
            long sampled = allocateOnce(home, byteSize, byteAlignment, Sampling.meanBytes(result));
            result = sampled > 0 ? sampled : home.allocate(byteSize, byteAlignment);
        }
        return result;
    }

    private long allocateOnce(Home home, long byteSize, long byteAlignment, long meanBytes) {
        long begin = sampler.nanoTime();
        boolean isSmall = home == small;
        long chosenBytes = isSmall
                ? SizeClasses.blockBytes(SizeClasses.ofAligned(byteSize, byteAlignment))
                : Math.max(1, byteSize);
        Sample sample;
        try {
            sample = sampler.begin(home == large ? LargeHome.pageBytes(chosenBytes) : chosenBytes, meanBytes);
        } catch (OutOfMemoryError | StackOverflowError noRoom) {
            return -Errno.ENOMEM;
        }
        boolean isPut = false;
        try {
            long address = (isSmall ? large : home).allocateOwned(chosenBytes, byteAlignment);
            if (address > 0) {
                long record = ChunkMap.record(address);
                sampler.put(sample, address, isSmall ? chosenBytes : home.byteSize(record, address));
                isPut = true;
                if (record != 0) {
                    LargeBlock.hold(LargeBlock.entry(address));
                }
            }
            return address;
        } finally {
            if (!isPut) {
                sampler.cancel();
            }
            sampler.noteCost(begin);
        }
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
        Sample sample = sampler.remove(address);
        if (sample == null) {
            return 0;
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
            return byteSize <= usable ? address : 0;
        }
        long now = address;
        long result = -Errno.ENOMEM;
        try {
            release(record, address);
            result = under(record).resize(record, address, byteSize, mayMove);
            now = result > 0 ? result : address;
            usable = under(record).byteSize(record, now);
        } finally {
            hold(record, now);
            sampler.restore(sample, now, usable);
        }
        return result;
    }

    /// An address that lies inside a sample's block, or begins one that was freed meanwhile.
    @Override
    Misuse explain(long record, long address) {
        Block around = sampler.blockAround(address);
        return around == null || around.address() == address
                ? Misuse.of(Finding.FREE_BLOCK, "double free: another thread has freed the block at the same moment")
                : Misuse.inside(address, around, List.of());
    }
}
