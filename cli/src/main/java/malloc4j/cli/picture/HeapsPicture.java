package malloc4j.cli.picture;

import java.util.List;
import java.util.Locale;
import malloc4j.observe.HeldPages;

/// What heaps do and give back, for people.
public final class HeapsPicture {
    private HeapsPicture() {}

    /// A heap at one look. Rates are per second.
    public record Busy(
            String name,
            long liveBytes,
            long liveBlocks,
            long dirtyBytes,
            long committedBytes,
            double allocatedBlocksRate,
            double freedBlocksRate,
            double allocatedBytesRate,
            double systemCallsRate) {}

    /// A line for each heap.
    public static String top(List<Busy> heaps, int columns) {
        var table = new Texts.Table(
                "heap", " live", " blocks", " dirty", " committed", " malloc/s", " free/s", " bytes/s", " calls/s");
        for (Busy heap : heaps) {
            table.add(
                    Texts.printable(heap.name()),
                    Texts.size(heap.liveBytes()),
                    String.format(Locale.ROOT, "%,d", heap.liveBlocks()),
                    Texts.size(heap.dirtyBytes()),
                    Texts.size(heap.committedBytes()),
                    count(heap.allocatedBlocksRate()),
                    count(heap.freedBlocksRate()),
                    Texts.size(Math.round(heap.allocatedBytesRate())),
                    count(heap.systemCallsRate()));
        }
        return table.toString(columns);
    }

    private static String count(double rate) {
        return String.format(Locale.ROOT, "%,.0f", rate);
    }

    /// What a heap has given back, in a sentence.
    public static String trimmed(String heapName, long beforeBytes, long afterBytes) {
        String heap = "heap " + Texts.printable(heapName) + ": ";
        return beforeBytes <= afterBytes
                ? heap + "nothing was to be given back, " + Texts.size(afterBytes) + " stay resident."
                : heap + Texts.size(beforeBytes - afterBytes) + " given back, " + Texts.size(afterBytes)
                        + " stay resident.";
    }

    /// Who holds pages in a heap, in lines of their own.
    public static String held(HeldPages pages) {
        StringBuilder text = new StringBuilder();
        pages.toString().lines().forEach(line -> text.append(Texts.printable(line))
                .append('\n'));
        return text.toString();
    }
}
