package malloc4j.alloc;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Arrays;

/// A chunk of a pool: memory for `capacity` blocks, and which of them are free. A free block is a bit here, on the
/// Java heap; nothing is written into the memory.
///
/// ```
///   address                                     address + capacity * strideBytes
///  +---------+---------+---------+-- - - --+------------+
///  | block 0 | block 1 | block 2 |         | capacity-1 |
///  +---------+---------+---------+-- - - --+------------+
///   free       word 0: blocks 63 ... 0      word 1: blocks 127 ... 64      ...
///   summary    word 0: words  63 ... 0      word 1: words  127 ... 64      ...
/// ```
///
/// Invariants, each checked by [#verify]:
/// 1. Bit `i % 64` of `free[i / 64]` is set if and only if block `i` is free; no bit is set at or above `capacity`.
/// 2. A word of `free` that is not zero has its bit in `summary`, while no call is under way. A zero word may have
///    one too.
///
/// Concurrency: the methods that end in `Shared` are atomic and may be called by any thread at any time; [#take]
/// and [#put] are for a pool that one thread uses. The summary is always changed atomically: it seldom is.
final class BlockChunk {
    private static final VarHandle WORD = MethodHandles.arrayElementVarHandle(long[].class);

    final long address;
    final long byteSize;
    private final int capacity;
    private final int words;
    private final long[] free;
    private final long[] summary;

    /// A chunk of free blocks.
    BlockChunk(long address, int capacity, long strideBytes) {
        this.address = address;
        this.byteSize = capacity * strideBytes;
        this.capacity = capacity;
        this.words = wordsFor(capacity);
        this.free = ones(capacity);
        this.summary = ones(words);
        link();
    }

    /// Uses each access once. Linking it makes objects, for which there may be no room later, between two of them.
    private void link() {
        WORD.compareAndExchange(free, 0, free[0], free[0]);
        WORD.getAndBitwiseOr(free, 0, (long) WORD.getVolatile(free, 0));
        WORD.getAndBitwiseAnd(free, 0, -1L);
    }

    private static int wordsFor(int bits) {
        return (bits + 63) >>> 6;
    }

    /// A bit map whose first `count` bits are set; it has a word at least.
    private static long[] ones(int count) {
        long[] map = new long[Math.max(1, wordsFor(count))];
        Arrays.fill(map, 0, count >>> 6, -1L);
        if ((count & 63) != 0) {
            map[count >>> 6] = (1L << count) - 1;
        }
        return map;
    }

    int capacity() {
        return capacity;
    }

    /// How many words of free bits there are: 0 in a chunk without blocks.
    int words() {
        return words;
    }

    /// Takes the lowest free block of a word. Returns its index, or -1 when the word has none, or there is no such
    /// word: a cursor may be older than the pool's closing.
    int take(int word) {
        if (Integer.compareUnsigned(word, words) >= 0) {
            return -1;
        }
        long bits = free[word];
        if (bits == 0) {
            return -1;
        }
        free[word] = bits & (bits - 1);
        return (word << 6) + Long.numberOfTrailingZeros(bits);
    }

    /// As [#take], when other threads are about.
    int takeShared(int word) {
        if (Integer.compareUnsigned(word, words) >= 0) {
            return -1;
        }
        long bits = (long) WORD.getVolatile(free, word);
        while (bits != 0) {
            long found = (long) WORD.compareAndExchange(free, word, bits, bits & (bits - 1));
            if (found == bits) {
                return (word << 6) + Long.numberOfTrailingZeros(bits);
            }
            bits = found;
        }
        return -1;
    }

    /// Frees a block. Returns false, and changes nothing, if it is free.
    boolean put(int index) {
        int word = index >>> 6;
        long bits = free[word];
        if ((bits & 1L << index) != 0) {
            return false;
        }
        if (bits == 0) {
            announce(word); // before: a stack that overflows in there leaves no free block without its summary
        }
        free[word] = bits | 1L << index;
        return true;
    }

    /// As [#put], when other threads are about: of two that free one block, one is refused.
    boolean putShared(int index) {
        int word = index >>> 6;
        long before = (long) WORD.getAndBitwiseOr(free, word, 1L << index);
        if (before == 0) {
            announce(word);
        }
        return (before & 1L << index) == 0;
    }

    /// Makes sure that [#find] finds a word that becomes other than zero, or has just done so.
    private void announce(int word) {
        if (((long) WORD.getVolatile(summary, word >>> 6) & 1L << word) == 0) {
            WORD.getAndBitwiseOr(summary, word >>> 6, 1L << word);
        }
    }

    /// The first word at or after `from`, and then from the start, that has a free block; -1 if there is none.
    ///
    /// Any number of threads may search while others take and put. Then a word that was not zero all the time may
    /// be missed, because another searcher is just putting its summary bit back: ask [#findByWords] before giving
    /// up.
    int find(int from) {
        if (from >= words) {
            return findBetween(0, words);
        }
        int found = findBetween(from, words);
        return found >= 0 ? found : findBetween(0, from);
    }

    private int findBetween(int from, int to) {
        int word = from;
        while (word < to) {
            long bits = (long) WORD.getVolatile(summary, word >>> 6) & -1L << word;
            if (bits == 0) {
                word = (word & -64) + 64;
                continue;
            }
            word = (word & -64) + Long.numberOfTrailingZeros(bits);
            if (word >= to) {
                return -1;
            }
            if (hasFree(word) || !isStillEmpty(word)) {
                return word;
            }
            word++;
        }
        return -1;
    }

    private boolean hasFree(int word) {
        return (long) WORD.getVolatile(free, word) != 0;
    }

    /// Clears the summary bit of a word that was seen zero, and puts it back if a block has been freed meanwhile:
    /// its [#announce] may have come before the bit was cleared.
    private boolean isStillEmpty(int word) {
        WORD.getAndBitwiseAnd(summary, word >>> 6, ~(1L << word));
        if (!hasFree(word)) {
            return true;
        }
        announce(word);
        return false;
    }

    /// As [#find], without the summary: a word that is not zero all the time is not missed. Looks at every word.
    int findByWords() {
        for (int word = 0; word < words; word++) {
            if (hasFree(word)) {
                return word;
            }
        }
        return -1;
    }

    /// Whether a block is free.
    boolean isFree(int index) {
        return ((long) WORD.getVolatile(free, index >>> 6) & 1L << index) != 0;
    }

    /// How many blocks are free, counted while nobody waits: exact when nobody takes or puts.
    int freeCount() {
        int count = 0;
        for (int word = 0; word < words; word++) {
            count += Long.bitCount((long) WORD.getVolatile(free, word));
        }
        return count;
    }

    /// Checks the invariants of the class header while nobody uses the chunk.
    void verify() {
        long[] allFree = ones(capacity);
        for (int word = 0; word < words; word++) {
            long bits = (long) WORD.getVolatile(free, word);
            check((bits & ~allFree[word]) == 0, "a free bit beyond the blocks, word " + word);
            long mentioned = (long) WORD.getVolatile(summary, word >>> 6) & 1L << word;
            check(bits == 0 || mentioned != 0, "the summary misses word " + word);
        }
    }

    private void check(boolean condition, String message) {
        if (!condition) {
            throw new AssertionError(
                    "chunk 0x" + Long.toHexString(address) + " of " + capacity + " blocks: " + message);
        }
    }
}
