package malloc4j.cli.picture;

import java.util.Locale;

/// The way of a request, in sentences.
public final class RoutePicture {
    private static final int PERCENT = 100;

    private RoutePicture() {}

    /// Which block a request gets, as the beginning of a sentence.
    public static String block(long requestedBytes, long usableBytes) {
        long waste = usableBytes - requestedBytes;
        String given =
                String.format(Locale.ROOT, "A request of %,d bytes gets a block of %,d", requestedBytes, usableBytes);
        return waste == 0
                ? given + " bytes"
                : given
                        + String.format(
                                Locale.ROOT,
                                " bytes (%,d bytes, %d %% of it, are rounding)",
                                waste,
                                Math.round((double) PERCENT * waste / usableBytes));
    }

    /// How a slab is divided.
    public static String slab(int blocksPerSlab, int tailBytes) {
        String blocks = String.format(Locale.ROOT, "A slab has %,d such blocks", blocksPerSlab);
        return tailBytes == 0
                ? blocks + " and nothing is left at its end."
                : blocks + String.format(Locale.ROOT, ", and %,d bytes are left at its end.", tailBytes);
    }

    /// What a new heap has asked of the kernel for it.
    public static String calls(long first, long second, long free, long trim) {
        return "In a new heap the first malloc made " + calls(first) + ", the second " + calls(second) + ", both frees "
                + calls(free) + ", and a trim after them " + calls(trim) + ".";
    }

    private static String calls(long count) {
        return count == 0 ? "none" : count == 1 ? "one system call" : count + " system calls";
    }

    /// Where its memory comes from, and why.
    ///
    /// @param isHuge whether the block is a mapping of its own
    /// @param source of extents, as the option has it
    public static String source(boolean isHuge, long extentBytes, String source, long mmapThresholdBytes) {
        if (isHuge) {
            return "By mmap, whatever the heap's source is, and by munmap back to the kernel as soon as it is freed:"
                    + " mmapThresholdBytes is " + Texts.size(mmapThresholdBytes) + ".";
        }
        String extent =
                " an extent of " + Texts.size(extentBytes) + ", of which only pages that are touched take memory; ";
        return source.equals("brk")
                ? "By sbrk," + extent
                        + "the heap's source is brk, as --heap source=brk says: mmap where the break cannot grow."
                : "By mmap," + extent + "the heap's source is " + source
                        + "; --heap source=brk takes from the program break instead.";
    }
}
