package malloc4j;

import java.util.List;
import java.util.function.Consumer;
import malloc4j.internal.memory.FaultingRanges;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.memory.StackProbe;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.Mutex;
import malloc4j.internal.region.PageGeometry;
import malloc4j.internal.route.Misuse;
import malloc4j.internal.route.Tenants;
import malloc4j.internal.sample.Quarantine;
import malloc4j.internal.sample.RedZones;
import malloc4j.internal.sample.Sample;
import malloc4j.internal.sample.Sampler;
import malloc4j.internal.slab.SizeClasses;
import malloc4j.observe.MisuseReport.Finding;

/// What a debug heap's blocks are asked for: each is a sample of the [Sampler], with the stack that has allocated it,
/// and lies between guards or [RedZones]; freed ones stay in [Quarantine] for a while.
///
/// ```
///   malloc:  slot with guards, if the mode wants them, the block is small and a slot is free
///            else a plain block, larger by its zones -> laid out, filled
///   free:    the sample is taken out; zones are looked at -> filled, into quarantine -> the oldest are freed
/// ```
///
/// A block is found by its address in the table of samples alone: whatever is not there is refused.
///
/// What is found by a [search][DebugWatch], or when a block leaves quarantine, [DebugFindings] has.
final class DebugCalls implements CallHook {
    private static final long LOOKED_BYTES_EACH_CALL = 1024;

    private final BlockCalls plain;
    private final Sampler sampler;
    private final Quarantine quarantine;
    private final DebugFindings findings;
    private final DebugMode mode;
    private final Mutex givingBack = new Mutex();
    private final Consumer<Sample> noting; // made once: a call must not need the Java heap for it
    private boolean isEnded;

    /// @param plain the calls below, which nobody sees
    DebugCalls(BlockCalls plain, Sampler sampler, Quarantine quarantine, DebugFindings findings, DebugMode mode) {
        this.plain = plain;
        this.sampler = sampler;
        this.quarantine = quarantine;
        this.findings = findings;
        this.mode = mode;
        this.noting = findings::note;
    }

    @Override
    public long malloc(long byteSize) {
        return aligned(byteSize, SizeClasses.QUANTUM_BYTES);
    }

    @Override
    public long aligned(long byteSize, long byteAlignment) {
        return allocate(byteSize, byteAlignment, false);
    }

    @Override
    public long zeroed(long byteSize, long byteAlignment) {
        return allocate(byteSize, byteAlignment, true);
    }

    private long allocate(long byteSize, long byteAlignment, boolean isZeroed) {
        StackProbe.requireForWhole();
        if (byteSize < 0 || byteSize > Heap.MAX_BYTE_SIZE || plain.isClosed()) {
            return plain.alignedAlloc(byteAlignment, byteSize); // which refuses it
        }
        look();
        Sample sample;
        try {
            sample = sampler.begin(Math.max(1, byteSize), 1);
        } catch (OutOfMemoryError noRoom) {
            return -Errno.ENOMEM;
        }
        boolean isPut = false;
        try {
            long address = place(sample, Math.max(1, byteSize), byteAlignment, isZeroed);
            isPut = address > 0;
            return address;
        } finally {
            if (!isPut) {
                sampler.cancel();
            }
        }
    }

    private long place(Sample sample, long byteSize, long byteAlignment, boolean isZeroed) {
        long address = takeGuarded(sample, byteSize, byteAlignment, isZeroed);
        if (address <= 0) {
            address = takeZoned(sample, byteSize, byteAlignment, isZeroed);
        }
        if (address > 0) {
            sampler.put(sample, address, byteSize);
            sampler.tell(sample);
        }
        return address;
    }

    /// Returns the address, or minus errno where the block is to have no slot, or there is none.
    private long takeGuarded(Sample sample, long byteSize, long byteAlignment, boolean isZeroed) {
        boolean wants = mode != DebugMode.REDZONE
                && byteSize <= SizeClasses.MAX_SMALL_BYTES
                && byteAlignment <= PageGeometry.PAGE_BYTES;
        if (!wants) {
            return -Errno.EAGAIN;
        }
        long address = sampler.hasGuardSlot() ? sampler.takeGuarded(sample, byteSize, byteAlignment) : -Errno.EAGAIN;
        if (address > 0 && !isZeroed) { // its pages are new
            RedZones.fillAllocated(address, byteSize);
        } else if (address == -Errno.EAGAIN) { // not where the heap's limit refuses
            findings.noteNoSlot();
        }
        return address;
    }

    private long takeZoned(Sample sample, long byteSize, long byteAlignment, boolean isZeroed) {
        long wholeBytes = RedZones.wholeBytes(byteSize, byteAlignment);
        long whole = isZeroed ? plain.zeroed(wholeBytes, byteAlignment) : plain.alignedAlloc(byteAlignment, wholeBytes);
        if (whole <= 0) {
            return whole;
        }
        boolean isLaid = false;
        try {
            long address = RedZones.lay(sample, whole, byteSize, byteAlignment);
            if (!isZeroed) {
                RedZones.fillAllocated(address, byteSize);
            }
            quarantine.noteAllocated(sample, plain.usableSize(whole), byteSize);
            isLaid = true;
            return address;
        } finally {
            if (!isLaid) { // its pages have vanished
                long unused = plain.free(whole);
            }
        }
    }

    @Override
    public long free(long address) {
        StackProbe.requireForWhole();
        Sample sample = plain.isClosed() ? null : sampler.remove(address);
        return sample == null ? 0 : freeRemoved(sample);
    }

    private long freeRemoved(Sample sample) {
        boolean isWhole = sample.isGuarded() ? sampler.freeGuarded(sample) : sampler.freeZoned(sample);
        sampler.end(sample);
        if (!sample.isGuarded()) {
            quarantine.add(sample);
            release(false);
        }
        look(); // at others: of this block's damage the caller tells
        return isWhole ? 1 : 0;
    }

    /// Frees what is too much for the quarantine, or all of it. Returns whether it was anything.
    private boolean release(boolean all) {
        boolean any = false;
        Sample gone = quarantine.take(all);
        while (gone != null) {
            if (Quarantine.isWritten(gone)) {
                findings.note(gone);
            }
            any |= plain.free(gone.wholeAddress()) > 0; // what munmap refuses stays mapped until the heap is closed
            gone = quarantine.take(all);
        }
        return any;
    }

    /// Gives back what is in quarantine, for memory is wanted. Returns whether it was anything. Calls nobody of the
    /// program's.
    boolean giveBack() {
        givingBack.lock();
        try {
            return !isEnded && release(true);
        } finally {
            givingBack.unlock();
        }
    }

    /// Has [#giveBack] give nothing back from now on, for the heap is about to be closed: heaps with the same parent
    /// ask for it meanwhile. When this returns, none does.
    void end() {
        givingBack.lock();
        isEnded = true;
        givingBack.unlock();
    }

    @Override
    public long realloc(long address, long byteSize) {
        StackProbe.requireForWhole();
        long usable = usableSize(address);
        if (usable == 0 || sampler.isDamaged(address)) {
            return 0;
        }
        long moved = aligned(byteSize, SizeClasses.QUANTUM_BYTES);
        if (moved <= 0) {
            return byteSize >= 0 && byteSize <= usable ? address : moved;
        }
        Sample sample = sampler.remove(address); // from here on no other thread frees it
        if (sample == null || !isCopied(sample, address, moved, byteSize)) {
            long unused = free(moved); // another thread has freed it meanwhile, or damaged it
            return 0;
        }
        return moved;
    }

    /// Copies a removed sample's block into a new one, and frees it. Returns false where it was damaged; where its
    /// pages have vanished, or the new one's, it lives on.
    private boolean isCopied(Sample sample, long address, long moved, long byteSize) {
        long copied = Math.min(sample.byteSize(), byteSize);
        boolean isRead = false;
        try {
            RawMemory.copy(address, moved, copied);
            FaultingRanges.await(moved, copied);
            FaultingRanges.await(address, copied);
            isRead = true;
        } finally {
            if (!isRead) {
                sampler.restore(sample, address, sample.byteSize());
                long unused = free(moved);
            }
        }
        return freeRemoved(sample) > 0;
    }

    /// Never: what a block no longer has is not looked after where it is.
    @Override
    public long resizeInPlace(long address, long byteSize) {
        return 0;
    }

    @Override
    public long usableSize(long address) {
        return plain.isClosed() ? 0 : sampler.byteSize(address);
    }

    @Override
    public Misuse explain(long address) {
        Sampler.Known known = sampler.refused(address);
        if (known != null) {
            return Misuse.of(known, address);
        }
        Misuse below = plain.explain(address);
        boolean isInUse = below.finding() == Finding.OWNED || below.finding() == Finding.OTHER_HEAP;
        Sample freed = isInUse ? null : quarantine.around(address); // what has left it may be in use again
        if (freed != null) {
            return Misuse.of(sampler.refused(freed, address), address);
        }
        return switch (below.finding()) {
            case FREE_BLOCK, INTERIOR, NO_BLOCK ->
                new Misuse(
                        Finding.NO_BLOCK,
                        "no block is here: freed longer ago than is known, or never given out",
                        null,
                        List.of());
            default -> below;
        };
    }

    @Override
    public long allocateOwned(long byteSize, long byteAlignment, Tenants.Kind owner) {
        return plain.allocateOwned(byteSize, byteAlignment, owner);
    }

    @Override
    public long freeOwned(long address) {
        return plain.freeOwned(address);
    }

    /// In mode `FULL`, looks at a few blocks.
    private void look() {
        if (mode == DebugMode.FULL && !plain.isClosed()) {
            boolean unused = searchLive(LOOKED_BYTES_EACH_CALL);
            unused = searchFreed(LOOKED_BYTES_EACH_CALL);
        }
    }

    /// Looks at some live blocks, from where the last search has stopped. Returns whether it came to the end.
    ///
    /// @param maxBytes how much it looks at, about
    boolean searchLive(long maxBytes) {
        return sampler.search(maxBytes, noting);
    }

    /// As [#searchLive], at blocks in quarantine.
    boolean searchFreed(long maxBytes) {
        return quarantine.search(maxBytes, noting);
    }

    /// Has both searches begin anew.
    void restartSearches() {
        sampler.restartSearch();
        quarantine.restartSearch();
    }
}
