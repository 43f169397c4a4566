package malloc4j.cli.picture;

import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import malloc4j.cli.picture.TraceClasses.Gain;
import malloc4j.cli.picture.TraceClasses.Peak;
import malloc4j.cli.picture.TraceClasses.SizeClass;

/// What a trace asks for on a heap's size classes, for people: a verdict, and a table with a bar a class.
public final class TraceClassesPicture {
    private static final double PERCENT = 100;
    private static final int BAR_LETTERS = 20;
    private static final int MIN_BAR_LETTERS = 5;
    private static final int LETTERS_BEFORE_BAR = 74;

    private TraceClassesPicture() {}

    /// What rounding costs and where, and what the peak needs. Takes all of a [TraceClasses] but its verdict.
    public static String verdict(TraceClasses trace) {
        if (trace.classes().isEmpty()) {
            return "No request goes into a slab: all are larger than 32 KiB, or aligned to more.";
        }
        SizeClass worst = trace.classes().stream()
                .max(Comparator.comparingLong(SizeClass::wasteBytes))
                .orElseThrow();
        Peak peak = trace.peak();
        return String.format(
                        Locale.ROOT,
                        "Of what blocks have, %s is lost by rounding up: %s of %s%s.",
                        percent(trace.wasteBytes(), trace.blockBytes()),
                        size(trace.wasteBytes()),
                        size(trace.blockBytes()),
                        worst.wasteBytes() == 0
                                ? ""
                                : String.format(
                                        Locale.ROOT,
                                        ", most in blocks of %,d bytes (%s)",
                                        worst.blockBytes(),
                                        size(worst.wasteBytes())))
                + String.format(
                        Locale.ROOT,
                        " At the peak, after event %,d, %,d blocks in slabs need at least %,d slabs, %s, %s of it asked for.",
                        peak.event(),
                        peak.blocks(),
                        peak.slabs(),
                        size(peak.slabBytes()),
                        percent(peak.requestedBytes(), peak.slabBytes()));
    }

    /// A line for each class that anybody asks for, one for larger requests, and what would gain.
    ///
    /// @param columns how many letters a line has room for
    public static String table(TraceClasses trace, int columns) {
        var table = new Texts.Table(
                " block", " requests", " share", " asked for", " waste", "", " at peak", " slabs", " full", "");
        int room = Math.clamp((long) columns - LETTERS_BEFORE_BAR, 0, BAR_LETTERS);
        long most = trace.classes().stream()
                .mapToLong(TraceClassesPicture::blockBytes)
                .max()
                .orElse(1);
        for (SizeClass each : trace.classes()) {
            table.add(
                    String.format(Locale.ROOT, "%,d", each.blockBytes()),
                    String.format(Locale.ROOT, "%,d", each.requests()),
                    String.format(Locale.ROOT, "%.1f %%", PERCENT * each.share()),
                    Texts.size(each.requestedBytes()),
                    Texts.size(each.wasteBytes()),
                    percent(each.wasteBytes(), blockBytes(each)),
                    String.format(Locale.ROOT, "%,d", each.peakBlocks()),
                    String.format(Locale.ROOT, "%,d", each.peakSlabs()),
                    each.peakSlabs() == 0 ? "-" : percent(each.peakBlocks() * each.blockBytes(), slabBytes(each)),
                    room < MIN_BAR_LETTERS ? "" : bar(each, most, room));
        }
        if (trace.larger().requests() > 0) {
            table.add(
                    "larger",
                    String.format(Locale.ROOT, "%,d", trace.larger().requests()),
                    String.format(
                            Locale.ROOT, "%.1f %%", PERCENT * trace.larger().requests() / trace.requests()),
                    Texts.size(trace.larger().requestedBytes()),
                    "",
                    "",
                    String.format(Locale.ROOT, "%,d", trace.larger().peakBlocks()),
                    "",
                    "",
                    "");
        }
        return table.toString(columns) + gains(trace.gains(), columns);
    }

    private static String gains(List<Gain> gains, int columns) {
        var text = new StringBuilder();
        for (Gain gain : gains) {
            text.append(Texts.wrapped(
                            String.format(
                                    Locale.ROOT,
                                    "%,d bytes, asked for %,d times: %,d byte%s less would save %s of each block, %s in all.",
                                    gain.byteSize(),
                                    gain.requests(),
                                    gain.lessBytes(),
                                    gain.lessBytes() == 1 ? "" : "s",
                                    percent((long) gain.blockBytes() - gain.smallerBlockBytes(), gain.blockBytes()),
                                    size(gain.savedBytes())),
                            columns))
                    .append('\n');
        }
        return text.isEmpty() ? "" : "\n" + text;
    }

    private static long blockBytes(SizeClass each) {
        return each.requestedBytes() + each.wasteBytes();
    }

    private static long slabBytes(SizeClass each) {
        return each.peakBlocks() * each.blockBytes() + each.peakFreeBytes();
    }

    /// Asked for, and lost by rounding, by the class that has most.
    private static String bar(SizeClass each, long most, int room) {
        int asked = (int) Math.round((double) room * each.requestedBytes() / most);
        int all = (int) Math.round((double) room * blockBytes(each) / most);
        return "#".repeat(asked) + ".".repeat(Math.max(0, all - asked));
    }

    private static String size(long byteSize) {
        return byteSize == 0 ? "0 B" : Texts.size(byteSize);
    }

    private static String percent(long part, long whole) {
        double share = whole == 0 ? 0 : PERCENT * part / whole;
        return String.format(Locale.ROOT, share > 0 && share < 10 ? "%.1f %%" : "%.0f %%", share);
    }
}
