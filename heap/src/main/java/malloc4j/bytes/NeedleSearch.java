package malloc4j.bytes;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import java.lang.foreign.MemorySegment;

/// The search for a needle of two bytes or more, in time that grows with haystack plus needle, whatever they hold.
///
/// **Up to [#SHORT_BYTES] bytes**: eight positions at once are tested for the needle's first and last byte, and
/// what passes is verified by two words. Blocks of positions are tested before by vector instructions for four of
/// its bytes, unless pages may vanish: of AVX-512's `vpternlog`, which the JIT makes of that loop, HotSpot does not
/// know the length (JDK 25), so it goes on inside the instruction after a `SIGBUS`, and the JVM dies.
///
/// ```
/// haystack   ...|i .. i+7|.....|i+n-1 .. i+n+6|...     word at i, word at i + n - 1, n = needle's bytes
///                xor first      xor last               a byte that is zero in both: a position to verify
/// ```
///
/// **Longer**: the last four bytes under the needle tell how far it may skip. A table has, for the hash of each
/// four bytes in the needle's window, its last [#WINDOW_BYTES] at most, their distance from the end; four bytes
/// that are not in it let the needle skip all but three bytes of the window. Where the distance is 0, the needle is
/// compared.
///
/// ```
/// haystack   ......................|abcd|.............
/// needle       |                   |abcX|               not in the window
///                                   |                  |    |    skips by the window, but for 3 bytes
/// ```
///
/// What is compared in vain is counted, and when that is more than [#PATIENCE] bytes for each byte passed, the
/// search goes on by [TwoWay], which is slower and cannot be led astray.
///
/// One object is one search; [#steps] is there for the proof that steps grow as said.
final class NeedleSearch {
    static final int SHORT_BYTES = 16;
    static final int WINDOW_BYTES = 255;
    static final int PATIENCE = 4;

    private static final int HEAD_POSITIONS = 256; // tested before the first block: many searches end soon
    private static final int MIN_BLOCK_POSITIONS = 256;
    private static final int BLOCK_POSITIONS = 4096;

    private static final int GRAM_BYTES = Integer.BYTES;
    private static final int LAST_GRAM = 0xFF; // no distance in the window

    private final MemorySegment haystack;
    private final MemorySegment needle;
    private final long needleBytes;
    private long steps;

    /// @param needle at least two bytes and at most those of the haystack
    NeedleSearch(MemorySegment haystack, MemorySegment needle) {
        this.haystack = haystack;
        this.needle = needle;
        this.needleBytes = needle.byteSize();
    }

    /// The offset of the first occurrence in the haystack, or -1.
    long find() {
        return needleBytes <= SHORT_BYTES ? findShort() : findLong();
    }

    /// Bytes of the needle that were compared, and skips.
    long steps() {
        return steps;
    }

    private long findShort() {
        long positions = haystack.byteSize() - needleBytes + 1;
        boolean staysThere = CLibrary.staysThere(haystack, 0, haystack.byteSize());
        long at = staysThere ? Math.min(HEAD_POSITIONS, positions) : positions;
        long found = findByWords(0, at);
        while (found < 0 && at < positions) {
            long block = Math.min(BLOCK_POSITIONS, positions - at);
            if (block < MIN_BLOCK_POSITIONS || blockMayHave(at, (int) block >>> 3)) {
                found = findByWords(at, at + block);
                at += block;
            } else {
                at += block & -Long.BYTES;
            }
        }
        return found;
    }

    /// Whether the first two bytes of the needle and its last two are somewhere in a block of positions. Without a
    /// way out in the middle, the loop becomes vector instructions.
    private boolean blockMayHave(long at, int words) {
        long blockBytes = (long) words * Long.BYTES;
        long reach = needleBytes - 2;
        MemorySegment first = haystack.asSlice(at, blockBytes);
        MemorySegment second = haystack.asSlice(at + 1, blockBytes);
        MemorySegment third = haystack.asSlice(at + reach, blockBytes);
        MemorySegment fourth = haystack.asSlice(at + reach + 1, blockBytes);
        long firstByte = Words.repeat(needle.get(JAVA_BYTE, 0));
        long secondByte = Words.repeat(needle.get(JAVA_BYTE, 1));
        long thirdByte = Words.repeat(needle.get(JAVA_BYTE, reach));
        long fourthByte = Words.repeat(needle.get(JAVA_BYTE, reach + 1));
        long bits = 0;
        for (int index = 0; index < words; index++) {
            bits |= Words.mayBeZeroBytes((first.getAtIndex(JAVA_LONG_UNALIGNED, index) ^ firstByte)
                    | (second.getAtIndex(JAVA_LONG_UNALIGNED, index) ^ secondByte)
                    | (third.getAtIndex(JAVA_LONG_UNALIGNED, index) ^ thirdByte)
                    | (fourth.getAtIndex(JAVA_LONG_UNALIGNED, index) ^ fourthByte));
        }
        return Words.flags(bits) != 0;
    }

    /// Tries the positions `[from, to)`, eight at once, and at the end perhaps some before them once more.
    private long findByWords(long from, long to) {
        if (to < Long.BYTES) {
            for (long at = from; at < to; at++) {
                if (isAt(at)) {
                    return at;
                }
            }
            return -1;
        }
        long reach = needleBytes - 1;
        long first = Words.repeat(needle.get(JAVA_BYTE, 0));
        long last = Words.repeat(needle.get(JAVA_BYTE, reach));
        long at = from;
        while (at < to) {
            at = nextWord(haystack, at, to - Long.BYTES, reach, first, last);
            for (long left = candidates(haystack, at, reach, first, last); left != 0; left &= left - 1) {
                long position = at + Words.first(left);
                if (isAt(position)) {
                    return position;
                }
            }
            at += Long.BYTES;
        }
        return -1;
    }

    /// The next of `from`, `from + 8`, ... where eight positions have a candidate, or the last place for a word.
    private static long nextWord(MemorySegment haystack, long from, long lastWord, long reach, long first, long last) {
        long at = from;
        for (; at <= lastWord - Long.BYTES; at += 2 * Long.BYTES) {
            long one = candidates(haystack, at, reach, first, last);
            if ((one | candidates(haystack, at + Long.BYTES, reach, first, last)) != 0) {
                return one != 0 ? at : at + Long.BYTES;
            }
        }
        return Math.min(at, lastWord);
    }

    /// Flags of the positions `[at, at + 8)` where first and last byte are right. Above one that is, one that is
    /// not may be flagged.
    private static long candidates(MemorySegment haystack, long at, long reach, long first, long last) {
        long differences = (haystack.get(JAVA_LONG_UNALIGNED, at) ^ first)
                | (haystack.get(JAVA_LONG_UNALIGNED, at + reach) ^ last);
        return Words.firstZeroBytes(differences);
    }

    /// Whether a needle of 2 to 16 bytes is at `position`: two words of one width, which may overlap, cover it.
    private boolean isAt(long position) {
        steps += needleBytes;
        if (needleBytes >= Long.BYTES) {
            long tail = needleBytes - Long.BYTES;
            return haystack.get(JAVA_LONG_UNALIGNED, position) == needle.get(JAVA_LONG_UNALIGNED, 0)
                    && haystack.get(JAVA_LONG_UNALIGNED, position + tail) == needle.get(JAVA_LONG_UNALIGNED, tail);
        }
        if (needleBytes >= Integer.BYTES) {
            long tail = needleBytes - Integer.BYTES;
            return haystack.get(JAVA_INT_UNALIGNED, position) == needle.get(JAVA_INT_UNALIGNED, 0)
                    && haystack.get(JAVA_INT_UNALIGNED, position + tail) == needle.get(JAVA_INT_UNALIGNED, tail);
        }
        long tail = needleBytes - Short.BYTES;
        return haystack.get(JAVA_SHORT_UNALIGNED, position) == needle.get(JAVA_SHORT_UNALIGNED, 0)
                && haystack.get(JAVA_SHORT_UNALIGNED, position + tail) == needle.get(JAVA_SHORT_UNALIGNED, tail);
    }

    private long findLong() {
        int window = (int) Math.min(needleBytes, WINDOW_BYTES);
        int hashBits = haystack.byteSize() < 2048 ? 8 : 11;
        byte[] skips = new byte[1 << hashBits];
        int again = fill(skips, window);
        int reach = window - GRAM_BYTES + 1;
        long compared = 0;
        long last = haystack.byteSize() - GRAM_BYTES;
        long at = needleBytes - GRAM_BYTES; // where the needle's last four bytes are tried
        while (true) {
            long next = skipAll(haystack, skips, reach, at, last);
            steps += (next - at) / reach + 1;
            at = next;
            if (at > last) {
                return -1;
            }
            int skip = skips[hash(haystack.get(JAVA_INT_UNALIGNED, at), skips)] & 0xFF;
            if (skip == LAST_GRAM) {
                long position = at - (needleBytes - GRAM_BYTES);
                long equal = ByteSearch.mismatch(haystack, position, needle, 0, needleBytes);
                if (equal == needleBytes) {
                    return position;
                }
                compared += equal + 1;
                steps += equal + 1;
                if (compared > PATIENCE * (position + needleBytes)) {
                    TwoWay search = new TwoWay(haystack, needle);
                    long found = search.find(position + 1);
                    steps += search.steps();
                    return found;
                }
                skip = again;
            }
            at += skip;
        }
    }

    /// Fills in the skips: 0 is none, [#LAST_GRAM] the needle's last four bytes. Returns the skip where these have
    /// been tried in vain: their distance from those before them with the same hash.
    private int fill(byte[] skips, int window) {
        long base = needleBytes - window;
        int distance = window - GRAM_BYTES;
        for (int index = 0; index < window - GRAM_BYTES; index++) {
            skips[hash(needle.get(JAVA_INT_UNALIGNED, base + index), skips)] = (byte) distance--;
        }
        int lastHash = hash(needle.get(JAVA_INT_UNALIGNED, needleBytes - GRAM_BYTES), skips);
        int again = skips[lastHash] & 0xFF;
        skips[lastHash] = (byte) LAST_GRAM;
        return again == 0 ? window - GRAM_BYTES + 1 : again;
    }

    /// The first of `from`, `from + reach`, ... that is above `last` or where four bytes are in the window. The
    /// next place does not depend on what is loaded here, so the processor can be ahead.
    private static long skipAll(MemorySegment haystack, byte[] skips, int reach, long from, long last) {
        long at = from;
        for (; at <= last - 3L * reach; at += 4L * reach) {
            int any = skips[hash(haystack.get(JAVA_INT_UNALIGNED, at), skips)]
                    | skips[hash(haystack.get(JAVA_INT_UNALIGNED, at + reach), skips)]
                    | skips[hash(haystack.get(JAVA_INT_UNALIGNED, at + 2L * reach), skips)]
                    | skips[hash(haystack.get(JAVA_INT_UNALIGNED, at + 3L * reach), skips)];
            if (any != 0) {
                break;
            }
        }
        while (at <= last && skips[hash(haystack.get(JAVA_INT_UNALIGNED, at), skips)] == 0) {
            at += reach;
        }
        return at;
    }

    /// An index of the table: the upper half of a product with the golden ratio, as many bits of it as fit.
    private static int hash(int gram, byte[] skips) {
        return ((gram * 0x9E37_79B1) >>> 16) & (skips.length - 1);
    }
}
