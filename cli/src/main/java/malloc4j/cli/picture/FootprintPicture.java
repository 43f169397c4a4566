package malloc4j.cli.picture;

import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import malloc4j.observe.HeapFootprint;

/// Where the memory of heaps is, for people: a sentence, then of each heap a balance with bars.
public final class FootprintPicture {
    private static final int PERCENT = 100;
    private static final int IDLE_PERCENT = 20; // from here on the verdict says where it is
    private static final int BAR_LETTERS = 30;
    private static final int MIN_BAR_LETTERS = 5;
    private static final int LETTERS_BEFORE_BAR = 42;

    private FootprintPicture() {}

    /// What all heaps hold, and what of it is idle, most of all where.
    ///
    /// @param who has them, as the sentence begins
    public static String verdict(String who, List<HeapFootprint> footprints) {
        long mapped = footprints.stream().mapToLong(HeapFootprint::mappedBytes).sum();
        long allocated =
                footprints.stream().mapToLong(HeapFootprint::allocatedBytes).sum();
        long resident =
                footprints.stream().mapToLong(HeapFootprint::residentBytes).sum();
        String heaps = footprints.size() == 1
                ? "heap " + Texts.printable(footprints.getFirst().heapName()) + " has "
                : footprints.size() + " heaps have ";
        boolean isResidentKnown = footprints.stream().allMatch(heap -> heap.residentBytes() >= 0);
        String sentence = who + ": " + heaps + sizeOrNothing(mapped) + " mapped for "
                + sizeOrNothing(allocated) + " allocated"
                + (mapped == 0 ? "" : " (" + percent(allocated, mapped) + " %)")
                + (isResidentKnown ? ", and " + sizeOrNothing(resident) + " resident" : "")
                + (isResidentKnown && resident < allocated / 2
                        ? ": " + (resident == 0 ? "it" : "the rest") + " was never written to, or is swapped out."
                        : ".");
        long idle = mapped - allocated;
        if (idle * PERCENT < mapped * IDLE_PERCENT) {
            return sentence;
        }
        return sentence + " " + largestIdle(footprints);
    }

    private static String sizeOrNothing(long bytes) {
        return bytes == 0 ? "nothing" : Texts.size(bytes);
    }

    private static String largestIdle(List<HeapFootprint> footprints) {
        Map<String, Long> parts = Map.of(
                "cached by threads: it goes back when they end, or trim is called", sum(footprints, Part.CACHED),
                "free blocks of slabs: held shows whose blocks keep their pages", sum(footprints, Part.SLAB_FREE),
                "kept for reuse for a while: trim gives it back at once", sum(footprints, Part.DIRTY),
                "in the quarantine of a debug heap", sum(footprints, Part.QUARANTINED),
                "pages of samples: take fewer", sum(footprints, Part.SAMPLING),
                "metadata", sum(footprints, Part.METADATA));
        Map.Entry<String, Long> largest = parts.entrySet().stream()
                .max(Map.Entry.comparingByValue(Comparator.naturalOrder()))
                .orElseThrow();
        return "Most of the rest, " + Texts.size(largest.getValue()) + ", is " + largest.getKey() + ".";
    }

    private static long sum(List<HeapFootprint> footprints, Part part) {
        return footprints.stream().mapToLong(part::bytes).sum();
    }

    /// A line of the balance.
    private enum Part {
        ALLOCATED("  allocated"),
        CACHED("+ cached by threads"),
        SLAB_FREE("+ free in slabs"),
        QUARANTINED("+ quarantined"),
        SAMPLING("+ sampling"),
        MOVING("+ changing hands"),
        ACTIVE("= active"),
        DIRTY("+ dirty"),
        METADATA("+ metadata"),
        MAPPED("= mapped"),
        RESIDENT("  resident"),
        RETAINED("  retained");

        private final String label;

        Part(String label) {
            this.label = label;
        }

        private long bytes(HeapFootprint footprint) {
            return switch (this) {
                case ALLOCATED -> footprint.allocatedBytes();
                case CACHED -> footprint.cachedBytes();
                case SLAB_FREE -> footprint.slabFreeBytes();
                case QUARANTINED -> footprint.quarantinedBytes();
                case SAMPLING -> footprint.samplingBytes();
                case MOVING -> footprint.movingBytes();
                case ACTIVE -> footprint.activeBytes();
                case DIRTY -> footprint.dirtyBytes();
                case METADATA -> footprint.metadataBytes();
                case MAPPED -> footprint.mappedBytes();
                case RESIDENT -> footprint.residentBytes();
                case RETAINED -> footprint.retainedBytes();
            };
        }

        private boolean isShown(HeapFootprint footprint) {
            return switch (this) {
                case QUARANTINED, SAMPLING, MOVING -> bytes(footprint) != 0;
                case RESIDENT -> bytes(footprint) >= 0;
                default -> true;
            };
        }
    }

    /// The balance of one heap: parts, sums, and each as a bar against the largest.
    ///
    /// @param columns how many letters a line has room for
    public static String balance(HeapFootprint footprint, int columns) {
        String heap = "heap " + Texts.printable(footprint.heapName());
        boolean isNarrow = columns < LETTERS_BEFORE_BAR;
        var table = isNarrow ? new Texts.Table(heap, " size") : new Texts.Table(heap, " size", " bytes", "");
        long largest = Math.max(
                1, Math.max(footprint.mappedBytes(), Math.max(footprint.retainedBytes(), footprint.residentBytes())));
        int room = Math.clamp((long) columns - LETTERS_BEFORE_BAR, 0, BAR_LETTERS);
        for (Part part : Part.values()) {
            if (part.isShown(footprint)) {
                long bytes = part.bytes(footprint);
                if (isNarrow) {
                    table.add(part.label, Texts.size(bytes));
                } else {
                    String exact = String.format(Locale.ROOT, "%,d", bytes);
                    String bar = room < MIN_BAR_LETTERS ? "" : bar(bytes, largest, room);
                    table.add(part.label, Texts.size(bytes), exact, bar);
                }
            }
        }
        Stream.of(requested(footprint), returned(footprint))
                .filter(line -> !line.isEmpty())
                .forEach(table::addLine);
        return table.toString(columns);
    }

    private static String requested(HeapFootprint footprint) {
        if (footprint.roundingBytes() < 0) {
            return "";
        }
        return "  about " + sizeOrNothing(footprint.requestedBytes()) + " of allocated was asked for, "
                + sizeOrNothing(footprint.roundingBytes()) + " is rounding";
    }

    private static String returned(HeapFootprint footprint) {
        return footprint.returnedBytes() == 0
                ? ""
                : "  " + Texts.size(footprint.returnedBytes()) + " was given back to the kernel so far";
    }

    private static String bar(long bytes, long largest, int room) {
        int letters = (int) Math.round((double) room * bytes / largest);
        return "#".repeat(letters == 0 && bytes > 0 ? 1 : letters);
    }

    private static long percent(long part, long whole) {
        return Math.round((double) PERCENT * part / whole);
    }
}
