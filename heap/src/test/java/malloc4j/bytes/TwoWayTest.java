package malloc4j.bytes;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/// The two-way search finds what the naive one finds, and compares a bounded number of bytes for each one.
class TwoWayTest {
    /// Per byte of haystack plus needle: 2 of the search; 2 for each of two maximal suffixes and 1 for the period.
    static final int MAX_STEPS = 5;

    @Test
    void everyTextOfTwoLetters() {
        for (int needleBytes = 1; needleBytes <= 7; needleBytes++) {
            for (int needle = 0; needle < 1 << needleBytes; needle++) {
                for (int haystack = 0; haystack < 1 << 11; haystack++) {
                    check(letters(haystack, 11, 2), letters(needle, needleBytes, 2));
                }
            }
        }
    }

    @Test
    void everyTextOfThreeLetters() {
        for (int needle = 0; needle < 243; needle++) {
            for (int haystack = 0; haystack < 2187; haystack++) {
                check(letters(haystack, 7, 3), letters(needle, 5, 3));
            }
        }
    }

    /// The digits of `number`, both signs of a byte among them.
    private static byte[] letters(int number, int byteSize, int base) {
        byte[] text = new byte[byteSize];
        int rest = number;
        for (int index = 0; index < byteSize; index++) {
            text[index] = (byte) (rest % base * 0x7F);
            rest /= base;
        }
        return text;
    }

    private static void check(byte[] haystack, byte[] needle) {
        TwoWay search = new TwoWay(MemorySegment.ofArray(haystack), MemorySegment.ofArray(needle));
        byte[] both = Arrays.copyOf(haystack, haystack.length + needle.length);
        System.arraycopy(needle, 0, both, haystack.length, needle.length);
        for (int from : List.of(0, 1, 3)) {
            int expected = NaiveBytes.memmem(both, from, haystack.length - from, haystack.length, needle.length);
            if (search.find(from) != expected) {
                assertThat(search.find(from))
                        .as("%s in %s from %s", Arrays.toString(needle), Arrays.toString(haystack), from)
                        .isEqualTo(expected);
            }
        }
        long bytes = 3L * haystack.length + needle.length; // three searches
        assertThat(search.steps()).isLessThanOrEqualTo(MAX_STEPS * bytes);
    }
}
