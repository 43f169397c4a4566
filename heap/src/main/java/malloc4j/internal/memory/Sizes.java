package malloc4j.internal.memory;

import java.util.Locale;

/// Numbers for people: addresses in hexadecimal, sizes in the largest unit that they fill.
public final class Sizes {
    private static final String[] UNITS = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    private static final int EXACT_ALONE = 10_000;

    private Sizes() {}

    public static String hex(long number) {
        return "0x" + Long.toHexString(number);
    }

    public static String range(long address, long end) {
        return hex(address) + "-" + hex(end);
    }

    /// `4096 bytes`, `1048576 bytes (1 MiB)`: to the byte, and what is many in a unit too.
    public static String exact(long bytes) {
        return Math.abs(bytes) < EXACT_ALONE ? bytes + " bytes" : bytes + " bytes (" + text(bytes) + ")";
    }

    /// `132 KiB`, `1.5 MiB`, `-4 KiB`: rounded to tenths.
    public static String text(long bytes) {
        return text((double) bytes);
    }

    /// `0.012 s`: to the millisecond.
    public static String seconds(long nanos) {
        return String.format(Locale.ROOT, "%.3f s", nanos / 1e9);
    }

    /// The same of a size up to 2^64.
    public static String unsignedText(long bytes) {
        return text(bytes >= 0 ? bytes : (double) (bytes >>> 1) * 2);
    }

    private static String text(double bytes) {
        double value = bytes;
        int unit = 0;
        while (Math.abs(value) >= 1024 && unit < UNITS.length - 1) {
            value /= 1024;
            unit++;
        }
        boolean isWhole = Math.rint(value * 10) % 10 == 0;
        return String.format(Locale.ROOT, isWhole ? "%.0f %s" : "%.1f %s", value, UNITS[unit]);
    }
}
