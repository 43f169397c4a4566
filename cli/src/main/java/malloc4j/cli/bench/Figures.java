package malloc4j.cli.bench;

import java.util.Locale;

/// Numbers for people: as many digits as tell something.
final class Figures {
    private static final double KIB = 1 << 10;

    private Figures() {}

    static String decimals(int count, double value) {
        return String.format(Locale.ROOT, "%." + count + "f", value);
    }

    static double rounded(double value, int decimals) {
        double scale = Math.pow(10, decimals);
        return Math.round(value * scale) / scale;
    }

    /// Three significant digits: 0.123, 1.23, 12.3, 123, 1230.
    static String significant(double value) {
        double size = Math.abs(value);
        return decimals(size < 1 ? 3 : size < 10 ? 2 : size < 100 ? 1 : 0, value);
    }

    /// Nanoseconds up to 9,999, then microseconds or milliseconds with their unit.
    static String nanos(double value) {
        if (value < 10_000) {
            return decimals(0, value);
        }
        return value < 10_000_000 ? significant(value / 1e3) + "us" : significant(value / 1e6) + "ms";
    }

    static String mebibytes(long bytes) {
        return decimals(1, bytes / (KIB * KIB));
    }

    /// A power-of-two unit where it fits: `8 B`, `64 KiB`, `16 GiB`.
    static String bytes(long bytes) {
        String[] units = {"B", "KiB", "MiB", "GiB"};
        int unit = 0;
        long value = bytes;
        while (unit < units.length - 1 && value >= 1024 && value % 1024 == 0) {
            value >>= 10;
            unit++;
        }
        return value + " " + units[unit];
    }

    /// `1 thread`, `2 threads`.
    static String count(long number, String thing) {
        return String.format(Locale.ROOT, "%,d %s%s", number, thing, number == 1 ? "" : "s");
    }
}
