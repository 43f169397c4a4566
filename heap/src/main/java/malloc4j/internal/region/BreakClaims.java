package malloc4j.internal.region;

import java.util.ArrayList;
import java.util.List;
import malloc4j.internal.memory.Bits;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.MemoryCalls;
import malloc4j.internal.os.Mutex;
import org.jspecify.annotations.Nullable;

/// What this process has taken from the program break, which the C library's malloc moves too.
///
/// `sbrk` has no lock: two threads that move the break at once may both be given the same addresses, and the later
/// `brk` system call may cut off what the earlier was given. So the break is moved in few large steps, called
/// claims, and each is proven before use:
///
/// ```
///   break before                                                        break after
///   | what another thread may |                                                   |
///   | have been given as well |                                                   |
///   |<--- moat, 64 MiB, -----> |<--- usable: whole granules ---------------------->|
///         never used
/// ```
///
/// 1. `sbrk(moat + usable)`.
/// 2. Wait until no thread is inside the C library's own `sbrk`: it calls it under the lock of its main arena,
///    which [MemoryCalls#awaitCLibraryBreak] takes and releases. Whoever comes later sees the new break.
/// 3. If the break is now below the claim's end, another thread's step has cut it off: the claim is given up. If
///    not, an overlap can only lie at the bottom, and is smaller than the largest step the C library takes at once:
///    its mmap threshold, 32 MiB at most, and `M_TOP_PAD`. The moat is wider.
/// 4. A page in the usable part that is resident already belongs to somebody else: the claim is given up.
///
/// The break is never moved down again. What is released stays claimed, for the next heap that asks for break
/// memory; its pages go back to the kernel. Before each use the break is read once more, and if somebody has moved
/// it below a claim's end, the program break is not used any further in this process; nor is it after
/// [#MAX_LOST_CLAIMS] claims in a row that were given up, whose addresses stay lost. Then, as where the kernel
/// refuses (another mapping above the break, `RLIMIT_DATA`) or the C library does (musl), `acquire` fails and the
/// caller turns to `mmap`.
///
/// Not covered: a third party that calls `brk` or `sbrk` by itself while a claim is made.
///
/// Concurrency: the lock is held over each step.
public final class BreakClaims {
    /// Wider than the largest step that the C library takes at once.
    public static final long MOAT_BYTES = 64L << 20;

    static final int MAX_LOST_CLAIMS = 8;

    /// One claim's usable part, `[start, end)`.
    private record Claim(long start, long end) {}

    private final Ground ground;
    private final Mutex lock = new Mutex();
    private final List<Claim> claims = new ArrayList<>();
    private @Nullable Zone zone;
    private long recordsBase;
    private int lostClaims;
    private boolean lost;

    BreakClaims(Ground ground) {
        this.ground = ground;
    }

    /// Takes a range, of a new claim where no older one has it. Returns its address, or minus errno.
    ///
    /// @param claimBytes the least to claim at once
    long acquire(MemoryCalls calls, long byteSize, long claimBytes) {
        lock.lock();
        try {
            if (lost) {
                return -Errno.ENOMEM;
            }
            if (zone != null) {
                long address = zone.allocateRange(calls, byteSize);
                if (address != -Errno.ENOSPC) {
                    return Errno.isError(address) ? address : confirm(calls, zone, address, byteSize);
                }
            }
            long result = claim(calls, Math.max(byteSize, Math.min(claimBytes, maxClaimBytes())));
            if (result < 0 || zone == null) {
                return result;
            }
            return zone.allocateRange(calls, byteSize);
        } finally {
            lock.unlock();
        }
    }

    /// Moves the break up by `byteSize` bytes, as C's `sbrk` does, with its dangers, for a caller who keeps what he
    /// is given for ever. Returns the break before, or minus errno; `EAGAIN` if another thread's step has cut the
    /// new memory off or a whole page of it is resident already, so that it is lost.
    public long step(MemoryCalls calls, long byteSize) {
        lock.lock();
        try {
            long before = calls.sbrk(byteSize);
            if (Errno.isError(before)) {
                return before;
            }
            long start = Bits.alignUp(before, PageGeometry.PAGE_BYTES);
            long wholePages = Math.max(0, Bits.alignDown(before + byteSize - start, PageGeometry.PAGE_BYTES));
            return isOursAlone(calls, before + byteSize, start, wholePages) ? before : -Errno.EAGAIN;
        } finally {
            lock.unlock();
        }
    }

    /// As [#step], but as safe as a claim: gives whole pages above a moat. Returns the address of the first.
    public long stepOverMoat(MemoryCalls calls, long byteSize) {
        long wholePages = Bits.alignUp(byteSize, PageGeometry.PAGE_BYTES);
        long step = MOAT_BYTES + wholePages + PageGeometry.PAGE_BYTES;
        lock.lock();
        try {
            long before = calls.sbrk(step);
            if (Errno.isError(before)) {
                return before;
            }
            long start = Bits.alignUp(before + MOAT_BYTES, PageGeometry.PAGE_BYTES);
            return isOursAlone(calls, before + step, start, wholePages) ? start : -Errno.EAGAIN;
        } finally {
            lock.unlock();
        }
    }

    /// Gives a range back to its claim, and its memory to the kernel. Returns 0, or minus errno.
    long release(MemoryCalls calls, long address, long byteSize) {
        lock.lock();
        try {
            long result = Discard.pages(calls, address, byteSize);
            if (result < 0 || zone == null) {
                return result;
            }
            long cleared = zone.clearRecords(calls, address, byteSize);
            if (cleared == 0) {
                zone.freeRange(address, byteSize);
            }
            return cleared;
        } finally {
            lock.unlock();
        }
    }

    /// Calls `visitor` with the address and size of the usable part of each claim; below each lies its moat of
    /// [#MOAT_BYTES].
    public void forEachClaim(RangeVisitor visitor) {
        for (Claim claim : snapshot()) {
            visitor.visit(claim.start(), claim.end() - claim.start());
        }
    }

    private List<Claim> snapshot() {
        lock.lock();
        try {
            return List.copyOf(claims);
        } finally {
            lock.unlock();
        }
    }

    /// Whether `address` lies in a claim.
    boolean contains(long address) {
        lock.lock();
        try {
            for (Claim claim : claims) {
                if (address >= claim.start() && address < claim.end()) {
                    return true;
                }
            }
            return false;
        } finally {
            lock.unlock();
        }
    }

    /// Reads the break before a range is used for the first time or again.
    private long confirm(MemoryCalls calls, Zone zone, long address, long byteSize) {
        long end = 0;
        for (Claim claim : claims) {
            end = Math.max(end, claim.end());
        }
        long now = calls.sbrk(0);
        if (Errno.isError(now)) { // that tells nothing about where the break is
            zone.freeRange(address, byteSize);
            return now;
        }
        if (now < end) {
            lost = true;
            return -Errno.ENOMEM;
        }
        return address;
    }

    private long claim(MemoryCalls calls, long usableBytes) {
        long result = reserveRecords(calls); // before the break moves, which cannot be undone
        if (result < 0) {
            return result;
        }
        while (lostClaims < MAX_LOST_CLAIMS) {
            result = tryClaim(calls, Bits.alignUp(usableBytes, Zone.GRANULE_BYTES));
            if (result != -Errno.EAGAIN) {
                lostClaims = result == 0 ? 0 : lostClaims;
                return result;
            }
            lostClaims++;
        }
        return -Errno.ENOMEM;
    }

    private long reserveRecords(MemoryCalls calls) {
        if (recordsBase == 0) {
            long reserved = ChunkMap.reserveRecords(calls, zoneBytes());
            if (Errno.isError(reserved)) {
                return reserved;
            }
            recordsBase = reserved;
        }
        return 0;
    }

    /// The largest usable part that a claim has without need, where address space is limited.
    private long maxClaimBytes() {
        return ground.addressShare().breakClaimBytes() - MOAT_BYTES - Zone.GRANULE_BYTES;
    }

    /// Of addresses, from the first claim on.
    private long zoneBytes() {
        return ground.addressShare().breakZoneBytes();
    }

    /// Makes one claim. Returns 0, minus `EAGAIN` when it was given up, or minus errno.
    private long tryClaim(MemoryCalls calls, long usableBytes) {
        long step = MOAT_BYTES + usableBytes + Zone.GRANULE_BYTES;
        long before = calls.sbrk(step);
        if (Errno.isError(before)) {
            return -Errno.ENOMEM; // whatever it says: EAGAIN would count as a claim that is lost
        }
        long start = Bits.alignUp(before + MOAT_BYTES, Zone.GRANULE_BYTES);
        long end = start + usableBytes;
        if (!isOursAlone(calls, before + step, start, usableBytes)) {
            return -Errno.EAGAIN;
        }
        if (zone == null) {
            Zone made = new Zone(start, zoneBytes(), recordsBase, 0, ground.memory());
            ChunkMap.register(made, ground.memory());
            zone = made; // after what may throw: a zone that is not registered would give out what no free finds
        }
        if (end > zone.base() + zone.byteSize() || start < zone.base()) {
            lostClaims = MAX_LOST_CLAIMS; // the next one would be as far away, and as lost
            return -Errno.ENOMEM;
        }
        claims.add(new Claim(start, end));
        zone.addRange(start, usableBytes);
        return 0;
    }

    /// Whether, when the C library's own steps are over, the break is still where ours has put it, or higher,
    /// and nobody has touched `byteSize` bytes of whole pages below it.
    private static boolean isOursAlone(MemoryCalls calls, long breakAfter, long address, long byteSize) {
        calls.awaitCLibraryBreak();
        return calls.sbrk(0) >= breakAfter && Residency.residentBytes(calls, address, byteSize) == 0;
    }
}
