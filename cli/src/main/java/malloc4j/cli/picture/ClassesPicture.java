package malloc4j.cli.picture;

import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import malloc4j.observe.HeapSnapshot.SizeClass;

/// How full the slabs of each block size are, for people: a sentence of each heap, and a table with a bar a class.
public final class ClassesPicture {
    private static final int PERCENT = 100;
    private static final int HALF = 50;
    private static final int BAR_LETTERS = 20;
    private static final int MIN_BAR_LETTERS = 5;
    private static final int LETTERS_BEFORE_BAR = 62;

    private ClassesPicture() {}

    /// What of the slabs is live, which class has most that is free, and what to do about that.
    public static String verdict(String heapName, List<SizeClass> classes) {
        String heap = "heap " + Texts.printable(heapName) + ": ";
        SizeClass worst = classes.stream()
                .filter(entry -> entry.slabs() > 0)
                .max(Comparator.comparingLong(ClassesPicture::freeBytes))
                .orElse(null);
        if (worst == null) {
            return heap + "no slabs: no block of up to 32 KiB was allocated, or all went back.";
        }
        long live = classes.stream().mapToLong(ClassesPicture::liveBytes).sum();
        long free = classes.stream().mapToLong(ClassesPicture::freeBytes).sum();
        long slabs = classes.stream().mapToLong(SizeClass::slabs).sum();
        String sentence = heap
                + String.format(
                        Locale.ROOT,
                        "%,d slabs are %d %% full: %s live%s.",
                        slabs,
                        percent(live, live + free),
                        Texts.size(live),
                        free == 0 ? "" : ", " + Texts.size(free) + " free");
        if (percent(live, live + free) >= HALF) {
            return sentence;
        }
        return sentence
                + String.format(
                        Locale.ROOT,
                        " Most of it, %s, in slabs of %,d-byte blocks, which are %d %% full: a few blocks that live long among many"
                                + " that do not keep them. held shows whose they are; a heap, pool or region of their own lets the"
                                + " others go.",
                        Texts.size(freeBytes(worst)),
                        worst.blockBytes(),
                        percent(liveBytes(worst), liveBytes(worst) + freeBytes(worst)));
    }

    /// A line for each class that has slabs.
    ///
    /// @param columns how many letters a line has room for
    public static String table(List<SizeClass> classes, int columns) {
        var table = new Texts.Table(" block", " slabs", " live blocks", " live", " free", " full", "");
        int room = Math.clamp((long) columns - LETTERS_BEFORE_BAR, 0, BAR_LETTERS);
        for (SizeClass entry : classes) {
            if (entry.slabs() > 0) {
                long live = liveBytes(entry);
                long all = live + freeBytes(entry);
                table.add(
                        String.format(Locale.ROOT, "%,d", entry.blockBytes()),
                        String.format(Locale.ROOT, "%,d", entry.slabs()),
                        String.format(Locale.ROOT, "%,d", entry.liveBlocks()),
                        Texts.size(live),
                        Texts.size(freeBytes(entry)),
                        percent(live, all) + " %",
                        room < MIN_BAR_LETTERS ? "" : bar(live, all, room));
            }
        }
        return table.toString(columns);
    }

    private static String bar(long live, long all, int room) {
        int letters = (int) Math.round((double) room * live / Math.max(1, all));
        return "#".repeat(letters) + ".".repeat(room - letters);
    }

    private static long liveBytes(SizeClass entry) {
        return entry.liveBlocks() * entry.blockBytes();
    }

    private static long freeBytes(SizeClass entry) {
        return entry.freeBlocks() * entry.blockBytes();
    }

    private static long percent(long part, long whole) {
        return whole == 0 ? 0 : Math.round((double) PERCENT * part / whole);
    }
}
