package malloc4j.internal.sample;

import java.util.function.Consumer;
import malloc4j.internal.os.Mutex;
import malloc4j.internal.region.HeapRecord;
import org.jspecify.annotations.Nullable;

/// Freed blocks of a debug heap that are kept for a while, filled with a pattern, so that a touch of them harms nobody
/// and a write is seen; and after that what was known of them, for reports.
///
/// ```
///   add -> | latest | ... | oldest | -> take: over so many bytes, or blocks      -> history: a ring of the last ones
/// ```
///
/// It keeps the books of zoned blocks for statistics too: by how many bytes they are larger than what is for use.
///
/// Invariants, checked by [#verify]: `blocks` samples from `oldest` on by [Sample#next], the last of them `latest`;
/// `bytes` is the sum of their [Sample#heldBytes], and not above the budget unless there is one block only.
///
/// Concurrency: any thread. Nothing here needs the Java heap.
public final class Quarantine {
    private static final int MAX_BLOCKS = 1 << 17; // each takes some 150 bytes of the Java heap
    private static final int HISTORY = 1 << 10;

    private final Mutex lock = new Mutex();
    private final @Nullable Sample[] history = new @Nullable Sample[HISTORY];
    private long gone;
    private @Nullable Sample oldest;
    private @Nullable Sample latest;
    private @Nullable Sample looked; // where the last search has stopped
    private long blocks;
    private long bytes;
    private long allocatedExcess;
    private long freedExcess;
    private final long maxBytes;
    private final HeapRecord record;

    /// @param maxBytes how much it keeps, zones included
    /// @param record where what it keeps is told to those outside
    public Quarantine(long maxBytes, HeapRecord record) {
        this.maxBytes = maxBytes;
        this.record = record;
    }

    /// What a heap counts as live and is not.
    ///
    /// @param blocks that were freed and are kept
    /// @param bytes of those, zones included
    /// @param allocatedExcess by how much all zoned blocks were larger than what is for use
    /// @param freedExcess the same of those that were freed
    public record Census(long blocks, long bytes, long allocatedExcess, long freedExcess) {
        /// Where there is no quarantine.
        public static Census none() {
            return new Census(0, 0, 0, 0);
        }
    }

    /// What a heap counts as live and is not.
    public Census census() {
        lock.lock();
        try {
            return new Census(blocks, bytes, allocatedExcess, freedExcess);
        } finally {
            lock.unlock();
        }
    }

    private void tell() {
        record.putKept(bytes + allocatedExcess - freedExcess);
    }

    /// Notes a new zoned block.
    ///
    /// @param heldBytes how large the block is that it lies in
    public void noteAllocated(Sample sample, long heldBytes, long byteSize) {
        sample.heldBytes = heldBytes;
        lock.lock();
        allocatedExcess += heldBytes - byteSize;
        tell();
        lock.unlock();
    }

    /// Keeps the block of a sample that was freed.
    public void add(Sample sample) {
        lock.lock();
        try {
            Sample before = latest;
            if (before == null) {
                oldest = sample;
            } else {
                before.next = sample;
            }
            latest = sample;
            blocks++;
            bytes += sample.heldBytes;
            freedExcess += sample.heldBytes - sample.byteSize;
            tell();
        } finally {
            lock.unlock();
        }
    }

    /// Takes the oldest block out if there are more than may be, or if all are to go. It is the caller's then, who
    /// frees it. Returns null when there is none.
    public @Nullable Sample take(boolean all) {
        lock.lock();
        try {
            Sample taken = oldest;
            boolean isAbove = blocks > 1 && (bytes > maxBytes || blocks > MAX_BLOCKS);
            if (taken == null || !(all || isAbove)) {
                return null;
            }
            oldest = taken.next;
            if (oldest == null) {
                latest = null;
            }
            if (looked == taken) {
                looked = oldest;
            }
            taken.next = null;
            blocks--;
            bytes -= taken.heldBytes;
            tell();
            history[(int) (gone++ % HISTORY)] = taken;
            return taken;
        } finally {
            lock.unlock();
        }
    }

    /// The block around an address, or beside whose zones it lies; of those that have left, the one that left last.
    public @Nullable Sample around(long address) {
        lock.lock();
        try {
            Sample found = null;
            for (Sample each = oldest; each != null; each = each.next) {
                found = each.covers(address) ? each : found;
            }
            for (long number = gone - 1; found == null && number >= Math.max(0, gone - HISTORY); number--) {
                Sample each = history[(int) (number % HISTORY)];
                found = each != null && each.covers(address) ? each : null;
            }
            return found;
        } finally {
            lock.unlock();
        }
    }

    /// Whether a block that has left, or is about to, was written to since it was freed, and nobody has been told.
    public static boolean isWritten(Sample sample) {
        if (sample.damagedAddress != 0) {
            return false;
        }
        sample.damagedAddress = RedZones.firstWritten(sample);
        return sample.damagedAddress != 0;
    }

    /// Looks at some blocks, from where the last search has stopped, and tells of each that was written to since it was
    /// freed. Returns whether it came to the end, from where the next one begins anew.
    ///
    /// @param maxBytes how much it looks at, about
    public boolean search(long maxBytes, Consumer<Sample> written) {
        lock.lock();
        try {
            Sample each = looked == null ? oldest : looked;
            long left = maxBytes;
            while (each != null && left > 0) {
                if (isWritten(each)) {
                    written.accept(each);
                }
                left -= RedZones.lookedBytes(each);
                each = each.next;
            }
            looked = each;
            return each == null;
        } finally {
            lock.unlock();
        }
    }

    /// Has the next [#search] begin anew.
    public void restartSearch() {
        lock.lock();
        looked = null;
        lock.unlock();
    }

    /// Checks the invariants of the class header; throws [AssertionError] on the first that does not hold.
    public void verify() {
        lock.lock();
        try {
            long count = 0;
            long sum = 0;
            Sample last = null;
            for (Sample each = oldest; each != null; each = each.next) {
                count++;
                sum += each.heldBytes;
                last = each;
            }
            if (count != blocks || sum != bytes || last != latest || (count > 1 && sum > maxBytes)) {
                throw new AssertionError("quarantine of " + blocks + " blocks, " + bytes + " bytes of " + maxBytes
                        + ": it has " + count + ", " + sum);
            }
        } finally {
            lock.unlock();
        }
    }
}
