package malloc4j;

import java.util.LinkedHashSet;
import java.util.Locale;
import java.util.Properties;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Options of a heap as text, as system properties or a command line give them: finds them by name, and reads and
/// prints numbers.
///
/// A name that no option has is refused with the nearest one. Texts are read alike in every locale.
final class OptionTexts {
    /// Of the system properties that are the common heap's options.
    static final String PREFIX = "malloc4j.";

    private static final Pattern SIZE = Pattern.compile("(-?[0-9]+)(?:([KMGT])(?:IB)?)?", Pattern.CASE_INSENSITIVE);
    private static final String UNITS = "KMGT"; // each 1,024 times the one before

    private OptionTexts() {}

    /// Sets one option.
    ///
    /// @throws IllegalArgumentException if there is none of this name, or the text is not what it takes
    static void set(HeapOptions.Builder builder, String name, String text) {
        set(builder, name, text, "option ");
    }

    /// Sets what is named by the properties that begin with `malloc4j.`, all of which are options.
    ///
    /// @throws IllegalArgumentException as [#set] does
    static void setAll(HeapOptions.Builder builder, Properties properties) {
        Set<String> names = textNames();
        for (String property : properties.stringPropertyNames()) {
            if (property.startsWith(PREFIX)) {
                names.add(property.substring(PREFIX.length()));
            }
        }
        for (String name : names) {
            String text = properties.getProperty(PREFIX + name);
            if (text != null) {
                set(builder, name, text, "-D" + PREFIX);
            }
        }
    }

    private static void set(HeapOptions.Builder builder, String name, String text, String before) {
        for (HeapOption option : HeapOption.all()) {
            if (name.equals(option.textName())) {
                try {
                    option.set(builder, text);
                } catch (IllegalArgumentException wrong) {
                    throw new IllegalArgumentException(before + name + "=" + text + " " + wrong.getMessage(), wrong);
                }
                return;
            }
        }
        throw new IllegalArgumentException(before + name + "=" + text + " is no option of a heap, the nearest is "
                + nearest(name) + " of " + String.join(", ", textNames()));
    }

    /// In the order in which they are set.
    private static Set<String> textNames() {
        Set<String> names = new LinkedHashSet<>();
        for (HeapOption option : HeapOption.all()) {
            if (option.textName() != null) {
                names.add(option.textName());
            }
        }
        return names;
    }

    /// A number of bytes with the largest unit that divides it.
    static String size(long bytes) {
        int shift = bytes == 0 ? 0 : Math.min(Long.numberOfTrailingZeros(bytes) / 10, UNITS.length());
        return (bytes >> (10 * shift)) + (shift == 0 ? "" : UNITS.substring(shift - 1, shift));
    }

    static long bytes(String text) {
        Matcher parts = SIZE.matcher(text.strip());
        if (!parts.matches()) {
            throw new IllegalArgumentException(
                    "is no size: a whole number of bytes, or of K, M, G or T (times 1024, each of the one before)");
        }
        String unit = parts.group(2);
        int shift = unit == null ? 0 : 10 * (1 + UNITS.indexOf(unit.toUpperCase(Locale.ROOT)));
        try {
            return Math.multiplyExact(Long.parseLong(parts.group(1)), 1L << shift);
        } catch (NumberFormatException | ArithmeticException tooLarge) {
            throw new IllegalArgumentException("does not fit into 63 bits: at most " + Long.MAX_VALUE, tooLarge);
        }
    }

    static long wholeNumber(String text) {
        try {
            return Long.parseLong(text.strip());
        } catch (NumberFormatException garbage) {
            throw new IllegalArgumentException("is not a whole number", garbage);
        }
    }

    // Names that are nearly right.

    /// The known name that has `name` in it or the other way round, else the one that fewest changes lead to; case
    /// and punctuation do not count.
    private static String nearest(String name) {
        String letters = letters(name);
        String nearest = "";
        int least = Integer.MAX_VALUE;
        for (String known : textNames()) {
            String knownLetters = letters(known);
            boolean within = !letters.isEmpty() && (knownLetters.contains(letters) || letters.contains(knownLetters));
            int distance = within ? Math.abs(letters.length() - knownLetters.length()) : changes(letters, knownLetters);
            int weight = within ? distance : distance + 1_000;
            if (weight < least) {
                least = weight;
                nearest = known;
            }
        }
        return nearest;
    }

    private static String letters(String name) {
        return name.toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9]", "");
    }

    /// How many letters to insert, leave out or replace lead from one word to the other.
    private static int changes(String one, String other) {
        int[] row = new int[other.length() + 1]; // from the letters of `one` so far to each beginning of `other`
        for (int column = 0; column < row.length; column++) {
            row[column] = column;
        }
        for (int index = 0; index < one.length(); index++) {
            int diagonal = row[0];
            row[0] = index + 1;
            for (int column = 1; column < row.length; column++) {
                int replaced = diagonal + (one.charAt(index) == other.charAt(column - 1) ? 0 : 1);
                diagonal = row[column];
                row[column] = Math.min(replaced, 1 + Math.min(row[column], row[column - 1]));
            }
        }
        return row[other.length()];
    }
}
