package malloc4j.cli.workload;

import malloc4j.cli.child.BlockPattern;
import malloc4j.cli.child.ChildFailure;
import malloc4j.peers.Memory;
import org.HdrHistogram.Histogram;

/// What one thread of a workload works with: the allocator, the table of addresses, random numbers, and the times
/// of sampled operations. Not for two threads at once.
///
/// Sampling, when it is on, times one operation in `sampleInterval` on average, at random distances so that no
/// rhythm of the workload is met; a timed one includes one reading of the clock, 20 to 40 ns on most machines.
///
/// When verifying, a block gets its pattern at once, and the writing methods write nothing.
final class Hand {
    /// Of the histograms: values are within 0.1 %.
    static final int DIGITS = 3;

    /// The address of each block, by ID.
    final long[] addresses;

    /// The size of each block, by ID, when verifying.
    private final long[] byteSizes;

    private final int sampleInterval;
    private final Histogram mallocNanos = new Histogram(DIGITS);
    private final Histogram freeNanos = new Histogram(DIGITS);
    private int untilSample = 1;
    private long random;

    @SuppressWarnings("unused") // what was read is stored, so that the reading is not optimised away
    private long sink;

    Hand(int index, long[] addresses, long[] byteSizes, int sampleInterval) {
        this.addresses = addresses;
        this.byteSizes = byteSizes;
        this.sampleInterval = sampleInterval;
        this.random = (index + 1) * 0x9E3779B97F4A7C15L; // never 0; far apart for each hand
    }

    // ------------------------------------------------------------------------------------------------- the allocator

    /// Allocates a block and notes its address.
    long malloc(int id, long byteSize) {
        long address = Sampling.isOn() && --untilSample == 0
                ? sampledMalloc(id, byteSize)
                : Subject.ALLOCATOR.malloc(id, byteSize);
        return note(id, byteSize, address, BlockPattern.naturalAlignment(byteSize));
    }

    /// Allocates a block that reads zero and notes its address.
    long calloc(int id, long byteSize) {
        long address = Sampling.isOn() && --untilSample == 0
                ? sampledCalloc(id, byteSize)
                : Subject.ALLOCATOR.calloc(id, byteSize);
        if (Plan.VERIFY) {
            requireMemory(address, byteSize);
            BlockPattern.checkZero(id, address, byteSize);
        }
        return note(id, byteSize, address, BlockPattern.naturalAlignment(byteSize));
    }

    /// Allocates an aligned block and notes its address.
    long memalign(int id, long byteAlignment, long byteSize) {
        long address = Sampling.isOn() && --untilSample == 0
                ? sampledMemalign(id, byteAlignment, byteSize)
                : Subject.ALLOCATOR.memalign(id, byteAlignment, byteSize);
        return note(id, byteSize, address, byteAlignment);
    }

    /// Frees a block and forgets its address.
    void free(int id) {
        long address = addresses[id];
        if (Plan.VERIFY) {
            BlockPattern.check(id, address, byteSizes[id], "when freed");
        }
        addresses[id] = 0;
        if (Sampling.isOn() && --untilSample == 0) {
            sampledFree(id, address);
        } else {
            Subject.ALLOCATOR.free(id, address);
        }
    }

    /// Frees a block if this ID has one.
    ///
    /// @return 1 if it had
    int freeIfLive(int id) {
        if (addresses[id] == 0) {
            return 0;
        }
        free(id);
        return 1;
    }

    private long note(int id, long byteSize, long address, long byteAlignment) {
        requireMemory(address, byteSize);
        if (Plan.VERIFY) {
            BlockPattern.checkAlignment(id, address, byteAlignment);
            BlockPattern.fill(id, address, 0, byteSize);
            byteSizes[id] = byteSize;
        }
        addresses[id] = address;
        return address;
    }

    private static void requireMemory(long address, long byteSize) {
        if (address == 0) {
            throw new ChildFailure("no memory: the allocator returned 0 for " + byteSize + " bytes");
        }
    }

    // ------------------------------------------------------------------------------------------------------- the user

    /// Writes every byte of a block.
    void fill(long address, long byteSize) {
        if (!Plan.VERIFY) {
            Memory.fill(address, byteSize, (byte) 1);
        }
    }

    /// Writes the first word of a block (the first byte of one below 8 bytes).
    void touchFirst(long address, long byteSize) {
        if (!Plan.VERIFY) {
            if (byteSize >= Long.BYTES) {
                Memory.putLong(address, byteSize);
            } else {
                Memory.putByte(address, (byte) byteSize);
            }
        }
    }

    /// Writes the first and the last byte of a block.
    void touchEnds(long address, long byteSize) {
        if (!Plan.VERIFY) {
            Memory.putByte(address, (byte) 1);
            Memory.putByte(address + byteSize - 1, (byte) 2);
        }
    }

    /// Writes a byte of every page of a block.
    void touchPages(long address, long byteSize) {
        if (!Plan.VERIFY) {
            for (long offset = 0; offset < byteSize; offset += 4096) {
                Memory.putByte(address + offset, (byte) 1);
            }
        }
    }

    /// Reads every word of a block.
    void sum(long address, long byteSize) {
        long words = 0;
        for (long offset = 0; offset + Long.BYTES <= byteSize; offset += Long.BYTES) {
            words += Memory.getLong(address + offset);
        }
        sink += words;
    }

    /// Reads the first word of a block, of 8 bytes at least.
    void read(long address) {
        sink += Memory.getLong(address);
    }

    // -------------------------------------------------------------------------------------------------- random numbers

    /// 64 random bits, by Marsaglia's xorshift, multiplied.
    long nextLong() {
        long x = random;
        x ^= x >>> 12;
        x ^= x << 25;
        x ^= x >>> 27;
        random = x;
        return x * 0xd989bcacc137dcd5L;
    }

    /// From 0 below `bound`, all alike but for the 2^-32 that this simple way is off.
    int nextInt(int bound) {
        return (int) (((nextLong() >>> 32) * bound) >>> 32);
    }

    /// True in so many of a hundred cases.
    boolean chance(int percent) {
        return nextInt(100) < percent;
    }

    // --------------------------------------------------------------------------------------------------------- latency

    /// Nanoseconds of sampled mallocs, callocs and memaligns.
    Histogram mallocNanos() {
        return mallocNanos;
    }

    /// Nanoseconds of sampled frees.
    Histogram freeNanos() {
        return freeNanos;
    }

    private long sampledMalloc(int id, long byteSize) {
        drawInterval();
        long begin = System.nanoTime();
        long address = Subject.ALLOCATOR.malloc(id, byteSize);
        mallocNanos.recordValue(System.nanoTime() - begin);
        return address;
    }

    private long sampledCalloc(int id, long byteSize) {
        drawInterval();
        long begin = System.nanoTime();
        long address = Subject.ALLOCATOR.calloc(id, byteSize);
        mallocNanos.recordValue(System.nanoTime() - begin);
        return address;
    }

    private long sampledMemalign(int id, long byteAlignment, long byteSize) {
        drawInterval();
        long begin = System.nanoTime();
        long address = Subject.ALLOCATOR.memalign(id, byteAlignment, byteSize);
        mallocNanos.recordValue(System.nanoTime() - begin);
        return address;
    }

    private void sampledFree(int id, long address) {
        drawInterval();
        long begin = System.nanoTime();
        Subject.ALLOCATOR.free(id, address);
        freeNanos.recordValue(System.nanoTime() - begin);
    }

    private void drawInterval() {
        untilSample = 1 + nextInt(2 * sampleInterval - 1);
    }
}
