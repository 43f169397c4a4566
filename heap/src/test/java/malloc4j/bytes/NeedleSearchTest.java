package malloc4j.bytes;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/// The search for a needle finds what the naive one finds, and takes steps in proportion to haystack plus needle.
class NeedleSearchTest {
    /// Steps a byte of haystack plus needle: a skip each, what patience allows in vain, a needle's length more of
    /// it, and the two-way search.
    private static final int MAX_STEPS = 1 + NeedleSearch.PATIENCE + 1 + TwoWayTest.MAX_STEPS;

    @Test
    void everyShortTextOfTwoLetters() {
        for (int haystackBytes = 2; haystackBytes <= 12; haystackBytes++) {
            for (int haystack = 0; haystack < 1 << haystackBytes; haystack++) {
                byte[] text = letters(haystack, haystackBytes);
                for (int needleBytes = 2; needleBytes <= Math.min(5, haystackBytes); needleBytes++) {
                    for (int needle = 0; needle < 1 << needleBytes; needle++) {
                        check(text, letters(needle, needleBytes));
                    }
                }
            }
        }
    }

    private static byte[] letters(int bits, int byteSize) {
        byte[] text = new byte[byteSize];
        for (int index = 0; index < byteSize; index++) {
            text[index] = (byte) ('a' + (bits >>> index & 1));
        }
        return text;
    }

    @Test
    void randomTextsOfFewLettersAndNeedlesTakenFromThem() {
        Random random = new Random(7);
        for (int round = 0; round < 30_000; round++) {
            byte[] text = randomText(random, 2 + random.nextInt(900), 1 + random.nextInt(4));
            int needleBytes = 2 + random.nextInt(Math.min(text.length - 1, random.nextBoolean() ? 40 : 600));
            int from = random.nextInt(text.length - needleBytes + 1);
            byte[] needle = Arrays.copyOfRange(text, from, from + needleBytes);
            if (random.nextInt(3) == 0) {
                needle[random.nextInt(needleBytes)]++;
            }
            check(text, needle);
        }
    }

    private static byte[] randomText(Random random, int byteSize, int letters) {
        byte[] text = new byte[byteSize];
        for (int index = 0; index < byteSize; index++) {
            text[index] = (byte) ('a' + random.nextInt(letters));
        }
        return text;
    }

    @Test
    void adversarialTextsTakeLinearSteps() {
        for (int needleBytes : List.of(2, 3, 8, 15, 16, 17, 18, 64, 255, 256, 257, 300, 1000, 5000, 20_000)) {
            for (byte[][] pair : adversarial(40_000, needleBytes)) {
                byte[] haystack = pair[0];
                byte[] needle = pair[1];
                NeedleSearch search = search(haystack, needle);
                search.find();
                long bytes = (long) haystack.length + needle.length;
                long each = needleBytes <= NeedleSearch.SHORT_BYTES ? NeedleSearch.SHORT_BYTES : MAX_STEPS;
                assertThat(search.steps())
                        .as("needle of %s bytes: %s", needleBytes, summary(needle))
                        .isLessThanOrEqualTo(each * bytes);
            }
        }
    }

    /// What is searched in vain, or nearly, by algorithms that start again after each mismatch.
    private static List<byte[][]> adversarial(int haystackBytes, int needleBytes) {
        byte[] as = new byte[haystackBytes];
        Arrays.fill(as, (byte) 'a');
        List<byte[][]> pairs = new ArrayList<>();
        for (int odd : List.of(0, 1, needleBytes / 2, needleBytes - 2, needleBytes - 1)) {
            byte[] needle = Arrays.copyOf(as, needleBytes);
            needle[odd] = 'b';
            pairs.add(new byte[][] {as, needle}); // a^k b a^l in a^n
        }
        for (int period : List.of(2, 3, 7, 17, 64, 255, 256, 300)) {
            byte[] haystack = new byte[haystackBytes];
            for (int index = 0; index < haystackBytes; index++) {
                haystack[index] = (byte) (index % period == period - 1 ? 'b' : 'a');
            }
            for (int odd : List.of(0, needleBytes / 2, needleBytes - 1)) {
                byte[] needle = Arrays.copyOf(haystack, needleBytes);
                needle[odd] = 'c';
                pairs.add(new byte[][] {haystack, needle});
                needle = needle.clone();
                needle[odd] = 'a';
                pairs.add(new byte[][] {haystack, needle});
            }
        }
        byte[] fibonacci = fibonacci(haystackBytes);
        for (int odd : List.of(0, needleBytes / 2, needleBytes - 1)) {
            byte[] needle = Arrays.copyOf(fibonacci, needleBytes);
            needle[odd] ^= 3; // a and b change places
            pairs.add(new byte[][] {fibonacci, needle});
        }
        byte[] late = as.clone(); // the patience is used up only near the end
        for (int index = 0; index < haystackBytes / 2; index++) {
            late[index] = 'x';
        }
        byte[] needle = Arrays.copyOf(as, needleBytes);
        needle[0] = 'b';
        pairs.add(new byte[][] {late, needle});
        return pairs;
    }

    private static byte[] fibonacci(int byteSize) {
        StringBuilder shorter = new StringBuilder("a");
        StringBuilder longer = new StringBuilder("ab");
        while (longer.length() < byteSize) {
            StringBuilder next = new StringBuilder(longer).append(shorter);
            shorter = longer;
            longer = next;
        }
        byte[] text = new byte[byteSize];
        for (int index = 0; index < byteSize; index++) {
            text[index] = (byte) longer.charAt(index);
        }
        return text;
    }

    @Test
    void adversarialTextsAreSearchedRightly() {
        for (int needleBytes : List.of(2, 8, 16, 17, 64, 256, 257, 300)) {
            for (byte[][] pair : adversarial(1000, needleBytes)) {
                check(pair[0], pair[1]);
                byte[] withNeedle = pair[0].clone();
                System.arraycopy(pair[1], 0, withNeedle, withNeedle.length - needleBytes, needleBytes);
                check(withNeedle, pair[1]);
            }
        }
    }

    @Test
    void aLongNeedleSkipsMostOfATextThatHasNoneOfItsPairs() {
        byte[] haystack = new byte[100_000];
        Arrays.fill(haystack, (byte) 'x');
        byte[] needle = new byte[300];
        Arrays.fill(needle, (byte) 'a');
        NeedleSearch search = search(haystack, needle);
        assertThat(search.find()).isEqualTo(-1);
        assertThat(search.steps()).isLessThan(haystack.length / (NeedleSearch.WINDOW_BYTES - 3) + 3);
    }

    private static NeedleSearch search(byte[] haystack, byte[] needle) {
        return new NeedleSearch(MemorySegment.ofArray(haystack), MemorySegment.ofArray(needle));
    }

    private static void check(byte[] haystack, byte[] needle) {
        byte[] both = Arrays.copyOf(haystack, haystack.length + needle.length);
        System.arraycopy(needle, 0, both, haystack.length, needle.length);
        int expected = NaiveBytes.memmem(both, 0, haystack.length, haystack.length, needle.length);
        long found = search(haystack, needle).find();
        if (found != expected) {
            assertThat(found).as("%s in %s", summary(needle), summary(haystack)).isEqualTo(expected);
        }
    }

    private static String summary(byte[] text) {
        String all = new String(text, StandardCharsets.ISO_8859_1);
        return all.length() <= 60 ? all : all.substring(0, 30) + "..." + all.substring(all.length() - 30);
    }
}
