package malloc4j;

import malloc4j.internal.memory.StackProbe;
import malloc4j.internal.os.Errno;
import malloc4j.internal.route.Misuse;
import malloc4j.internal.route.Tenants;
import malloc4j.internal.slab.SizeClasses;
import malloc4j.internal.trace.Recorder;

/// What a heap's blocks are asked for while a recording runs: does each call and tells the [Recorder].
///
/// A refused call leaves no line. Each call makes sure first that it has the stack to be written down, and nothing that
/// is told throws: so what was done is written down, or the recording has ended.
final class RecordedCalls implements CallHook {
    private final BlockCalls calls;
    private final Recorder recorder;

    /// @param calls those below, which nobody records
    RecordedCalls(BlockCalls calls, Recorder recorder) {
        this.calls = calls;
        this.recorder = recorder;
    }

    @Override
    public long malloc(long byteSize) {
        StackProbe.requireForWhole();
        return noted(Recorder.MALLOC, calls.malloc(byteSize), byteSize, 1);
    }

    @Override
    public long zeroed(long byteSize, long byteAlignment) {
        StackProbe.requireForWhole();
        char event = byteAlignment <= SizeClasses.QUANTUM_BYTES ? Recorder.CALLOC : Recorder.MEMALIGN;
        return noted(event, calls.zeroed(byteSize, byteAlignment), byteSize, byteAlignment);
    }

    @Override
    public long aligned(long byteSize, long byteAlignment) {
        StackProbe.requireForWhole();
        return noted(Recorder.MEMALIGN, calls.alignedAlloc(byteAlignment, byteSize), byteSize, byteAlignment);
    }

    private long noted(char event, long result, long byteSize, long byteAlignment) {
        if (result > 0) {
            recorder.allocated(event, result, byteSize, byteAlignment);
        }
        return result;
    }

    @Override
    public long free(long address) {
        StackProbe.requireForWhole();
        long byteSize = calls.usableSize(address);
        boolean isNoted = byteSize > 0 && recorder.freed(address);
        long result = calls.free(address);
        return isNoted ? notedAgain(result, address, byteSize) : result;
    }

    /// Where the kernel has refused a free, the block lives on: by another ID.
    private long notedAgain(long result, long address, long byteSize) {
        if (Errno.isError(result)) {
            recorder.allocated(Recorder.MALLOC, address, byteSize, 1);
        }
        return result;
    }

    @Override
    public long realloc(long address, long byteSize) {
        StackProbe.requireForWhole();
        if (calls.usableSize(address) == 0) {
            return calls.realloc(address, byteSize);
        }
        int id = recorder.reallocating(address);
        long result = 0;
        try {
            result = calls.realloc(address, byteSize);
        } finally {
            if (result > 0) {
                recorder.reallocated(id, result, byteSize);
            } else {
                recorder.kept(id, address);
            }
        }
        return result;
    }

    @Override
    public long resizeInPlace(long address, long byteSize) {
        StackProbe.requireForWhole();
        long result = calls.resizeInPlace(address, byteSize);
        if (result > 0) {
            recorder.resized(address, byteSize);
        }
        return result;
    }

    @Override
    public long allocateOwned(long byteSize, long byteAlignment, Tenants.Kind owner) {
        StackProbe.requireForWhole();
        char event = byteAlignment <= SizeClasses.QUANTUM_BYTES ? Recorder.MALLOC : Recorder.MEMALIGN;
        return noted(event, calls.allocateOwned(byteSize, byteAlignment, owner), byteSize, byteAlignment);
    }

    @Override
    public long freeOwned(long address) {
        StackProbe.requireForWhole();
        boolean isNoted = recorder.freed(address);
        long result = calls.freeOwned(address);
        return isNoted ? notedAgain(result, address, SizeClasses.QUANTUM_BYTES) : result;
    }

    @Override
    public long usableSize(long address) {
        return calls.usableSize(address);
    }

    @Override
    public Misuse explain(long address) {
        return calls.explain(address);
    }
}
