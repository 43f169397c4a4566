package malloc4j;

import malloc4j.internal.memory.StackProbe;
import malloc4j.internal.os.Errno;
import malloc4j.internal.route.Misuse;
import malloc4j.internal.route.Tenants;
import malloc4j.internal.sample.Sample;
import malloc4j.internal.sample.Sampler;
import malloc4j.internal.slab.SizeClasses;
import org.jspecify.annotations.Nullable;

/// What a heap's blocks are asked for while a dense profile is taken: samples lie where any block does, and each free
/// asks whether it is of one.
///
/// Of blocks that were there before it knows nothing, and frees them as any.
final class ProfiledCalls implements CallHook {
    private final BlockCalls plain;
    private final Sampler sampler;

    /// @param plain the calls below, which nobody sees
    ProfiledCalls(BlockCalls plain, Sampler sampler) {
        this.plain = plain;
        this.sampler = sampler;
    }

    @Override
    public long malloc(long byteSize) {
        return aligned(byteSize, SizeClasses.QUANTUM_BYTES);
    }

    @Override
    public long aligned(long byteSize, long byteAlignment) {
        StackProbe.requireForWhole();
        Sample sample = begin(byteSize);
        return noted(sample, () -> plain.alignedAlloc(byteAlignment, byteSize));
    }

    @Override
    public long zeroed(long byteSize, long byteAlignment) {
        StackProbe.requireForWhole();
        Sample sample = begin(byteSize);
        return noted(sample, () -> plain.zeroed(byteSize, byteAlignment));
    }

    /// A sample if the block is to be one, and the Java heap has room for it; else null.
    private @Nullable Sample begin(long byteSize) {
        try {
            return sampler.chooses(byteSize);
        } catch (OutOfMemoryError noRoom) {
            return null;
        }
    }

    /// What allocates.
    private interface Allocation {
        long address();
    }

    private long noted(@Nullable Sample sample, Allocation allocation) {
        if (sample == null) {
            return allocation.address();
        }
        boolean isPut = false;
        try {
            long address = allocation.address();
            if (address > 0) {
                isPut = sampler.putInPlace(sample, address, plain.usableSize(address));
                sampler.tell(sample);
            }
            return address;
        } finally {
            if (!isPut) {
                sampler.cancel();
            }
        }
    }

    @Override
    public long free(long address) {
        StackProbe.requireForWhole();
        Sample sample = sampler.removeInPlace(address);
        if (sample == null) {
            return plain.free(address);
        }
        long result = -Errno.ENOMEM;
        try {
            result = plain.free(address);
        } finally {
            if (Errno.isError(result)) {
                sampler.restoreInPlace(sample, address, sample.byteSize());
            } else {
                sampler.end(sample);
            }
        }
        return result;
    }

    @Override
    public long realloc(long address, long byteSize) {
        StackProbe.requireForWhole();
        return resized(address, byteSize, () -> plain.realloc(address, byteSize));
    }

    @Override
    public long resizeInPlace(long address, long byteSize) {
        StackProbe.requireForWhole();
        return resized(address, byteSize, () -> plain.resizeInPlace(address, byteSize));
    }

    private long resized(long address, long byteSize, Allocation resizing) {
        Sample sample = sampler.removeInPlace(address);
        if (sample == null) {
            return resizing.address();
        }
        long now = address;
        try {
            long result = resizing.address();
            if (result > 0) {
                now = result;
                sample.setRequested(byteSize);
            }
            return result;
        } finally {
            long usable = plain.usableSize(now);
            if (usable == 0) { // another thread has freed it meanwhile
                sampler.end(sample);
            } else {
                sampler.restoreInPlace(sample, now, usable);
            }
        }
    }

    @Override
    public long usableSize(long address) {
        return plain.usableSize(address);
    }

    @Override
    public Misuse explain(long address) {
        return plain.explain(address);
    }

    @Override
    public long allocateOwned(long byteSize, long byteAlignment, Tenants.Kind owner) {
        return plain.allocateOwned(byteSize, byteAlignment, owner);
    }

    @Override
    public long freeOwned(long address) {
        return plain.freeOwned(address);
    }
}
