package malloc4j.bytes;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;

/// The two-way string search: at most some 2 steps a byte of haystack and some 5 a byte of needle, in constant
/// space.
///
/// The needle is cut where its local period is its period (a critical position): such a cut is the start of the
/// greater of its two maximal suffixes, one by each order of the bytes.
///
/// ```
/// needle     |  left: 0 .. cut - 1  |  right: cut .. n - 1  |
///                          <--------   -------->
///             compared second,         compared first, upwards: a mismatch at i skips i - cut + 1
///             downwards: a mismatch
///             skips the period
/// ```
///
/// Where the left part recurs one period later the needle is periodic: after a skip by the period its first `n -
/// period` bytes are known to match and are not compared again ([#find]'s `known`). Where it does not, the period
/// is longer than either part, and that is skipped.
///
/// One object is one search.
///
/// @source M. Crochemore, D. Perrin, Two-way string-matching, Journal of the ACM 38 (1991), 651-675
final class TwoWay {
    private final MemorySegment haystack;
    private final MemorySegment needle;
    private final long needleBytes;
    private final long cut;
    private final long period;
    private final boolean periodic;
    private long steps;

    /// Start and period of a maximal suffix.
    private record Suffix(long start, long period) {}

    /// @param needle at least one byte
    TwoWay(MemorySegment haystack, MemorySegment needle) {
        this.haystack = haystack;
        this.needle = needle;
        this.needleBytes = needle.byteSize();
        Suffix upwards = maximalSuffix(1);
        Suffix downwards = maximalSuffix(-1);
        Suffix later = upwards.start() > downwards.start() ? upwards : downwards;
        cut = later.start();
        periodic = leftRecursAfter(later.period());
        period = periodic ? later.period() : Math.max(cut, needleBytes - cut) + 1;
    }

    /// The offset of the first occurrence that begins at `from` or later, or -1.
    long find(long from) {
        long lastPosition = haystack.byteSize() - needleBytes;
        long known = 0;
        long position = from;
        while (position <= lastPosition) {
            long start = Math.max(cut, known);
            long index =
                    start + ByteSearch.mismatchByWords(haystack, position + start, needle, start, needleBytes - start);
            steps += index - start + 1;
            if (index < needleBytes) {
                position += index - cut + 1;
                known = 0;
                continue;
            }
            index = cut;
            while (index > known && isEqual(position, index - 1)) {
                index--;
            }
            if (index <= known) {
                return position;
            }
            position += period;
            known = periodic ? needleBytes - period : 0;
        }
        return -1;
    }

    /// Bytes that were compared.
    long steps() {
        return steps;
    }

    private boolean isEqual(long position, long index) {
        steps++;
        return haystack.get(JAVA_BYTE, position + index) == needle.get(JAVA_BYTE, index);
    }

    private boolean leftRecursAfter(long distance) {
        for (long index = 0; index < cut; index++) {
            steps++;
            if (needle.get(JAVA_BYTE, index) != needle.get(JAVA_BYTE, index + distance)) {
                return false;
            }
        }
        return true;
    }

    /// The maximal suffix of the needle, bytes ordered as they are or, when `sign` is -1, the other way round.
    ///
    /// ```
    /// | ... | start ...                | rival ...            |
    ///         <-- period --> <- ... ->   the rival agrees with the suffix in its first `agreeing` bytes so far
    /// ```
    private Suffix maximalSuffix(int sign) {
        long start = 0;
        long rival = 1;
        long agreeing = 0;
        long found = 1;
        while (rival + agreeing < needleBytes) {
            steps++;
            int order = sign
                    * Byte.compare(needle.get(JAVA_BYTE, rival + agreeing), needle.get(JAVA_BYTE, start + agreeing));
            if (order < 0) { // the rival is less, and so is every suffix that begins within what was compared
                rival += agreeing + 1;
                agreeing = 0;
                found = rival - start;
            } else if (order > 0) { // the rival is greater
                start = rival;
                rival = start + 1;
                agreeing = 0;
                found = 1;
            } else if (agreeing + 1 == found) { // one more period
                rival += found;
                agreeing = 0;
            } else {
                agreeing++;
            }
        }
        return new Suffix(start, found);
    }
}
