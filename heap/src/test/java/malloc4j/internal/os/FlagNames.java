package malloc4j.internal.os;

import java.lang.reflect.Field;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Turns flag words back into the names of [Linux], for messages a person reads.
final class FlagNames {
    private FlagNames() {}

    /// All constants of [Linux] whose names begin with a prefix, by name, in the order of the source.
    static Map<String, Long> constants(String prefix) {
        Map<String, Long> constants = new LinkedHashMap<>();
        for (Field field : Linux.class.getFields()) {
            if (field.getName().startsWith(prefix)) {
                try {
                    constants.put(field.getName(), field.getLong(null));
                } catch (IllegalAccessException impossible) {
                    throw new AssertionError(impossible);
                }
            }
        }
        return constants;
    }

    /// The one constant of a value: `MADV_DONTNEED` for 4; the number where there is none.
    static String value(String prefix, long value) {
        return constants(prefix).entrySet().stream()
                .filter(entry -> entry.getValue() == value)
                .map(Map.Entry::getKey)
                .findFirst()
                .orElse(Long.toString(value));
    }

    /// The constants whose bits make up a word: `PROT_READ|PROT_WRITE`; what is left over in hexadecimal.
    static String bits(String prefix, long word) {
        List<String> names = new ArrayList<>();
        long left = word;
        for (Map.Entry<String, Long> constant : constants(prefix).entrySet()) {
            long bits = constant.getValue();
            if (word == bits) {
                return constant.getKey();
            }
            if (bits != 0 && (left & bits) == bits) {
                names.add(constant.getKey());
                left &= ~bits;
            }
        }
        if (left != 0 || names.isEmpty()) {
            names.add(left == 0 ? "0" : "0x" + Long.toHexString(left));
        }
        return String.join("|", names);
    }

    /// As [#bits], for `mmap`: the huge-page size is a number in the top six bits, not a set of flags.
    static String mapFlags(int flags) {
        int logarithm = flags >>> Linux.MAP_HUGE_SHIFT;
        String low = bits("MAP_", flags & ((1 << Linux.MAP_HUGE_SHIFT) - 1));
        return logarithm == 0 ? low : low + "|" + value("MAP_HUGE_", (long) logarithm << Linux.MAP_HUGE_SHIFT);
    }
}
