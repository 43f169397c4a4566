package malloc4j.observe;

import java.util.Locale;

/// Numbers for people: addresses in hexadecimal, sizes in the largest unit that they fill.
final class Sizes {
    private static final String[] UNITS = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};

    private Sizes() {}

    static String hex(long number) {
        return "0x" + Long.toHexString(number);
    }

    static String range(long address, long end) {
        return hex(address) + "-" + hex(end);
    }

    /// `132 KiB`, `1.5 MiB`, `-4 KiB`: rounded to tenths.
    static String text(long bytes) {
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
