package malloc4j.observe;

import java.io.Serializable;
import java.util.Locale;
import malloc4j.internal.memory.Sizes;

/// Where one heap's memory is, in bytes: a balance whose parts add up to what is mapped, under the names that jemalloc
/// gives them, and with what this heap can tell apart beyond those.
///
/// ```
///   addresses  =  mapped                                                   + retained
///   mapped     =  active                                + dirty + metadata
///   active     =  allocated + cached + free in slabs + quarantined + sampling + moving
///   allocated  =  requested + rounding
/// ```
///
/// Made by one walk over the heap's records while threads go on ([malloc4j.Heap#snapshot]), so that each page is one
/// thing, and the sums always hold.
///
/// @param heapName of the heap
/// @param heapId its number
/// @param allocatedBytes for use in live blocks: jemalloc's `allocated`
/// @param roundingBytes of those, what blocks are larger than was asked for, estimated from the samples of an
///     [AllocationProfile]; -1 while there are none
/// @param cachedBytes free blocks that one thread has at hand, in slabs of its own or whole, and chunks for arenas
/// @param slabFreeBytes free blocks of slabs that no running thread has, and ends of slabs too short for a block
/// @param quarantinedBytes freed blocks that a debug heap keeps, and its red zones
/// @param samplingBytes what pages of sampled and of guarded blocks are larger than those
/// @param movingBytes pages that were changing hands
/// @param dirtyBytes free pages kept for reuse
/// @param metadataBytes records of slabs and pages, and what the threads' caches use
/// @param retainedBytes addresses without memory: pages that went back to the kernel, also of slabs, or were never used
/// @param residentBytes what the kernel holds of blocks and pages, without the metadata: [malloc4j.Heap#residentBytes];
///     -1 where it cannot be asked, as in a [HeapBook] of a core file
/// @param returnedBytes what was given back to the kernel since the heap began, in all
/// @source [jemalloc(3)](http://jemalloc.net/jemalloc.3.html), `stats.allocated` and those after it
/// @since 0.1.0
public record HeapFootprint(
        String heapName,
        int heapId,
        long allocatedBytes,
        long roundingBytes,
        long cachedBytes,
        long slabFreeBytes,
        long quarantinedBytes,
        long samplingBytes,
        long movingBytes,
        long dirtyBytes,
        long metadataBytes,
        long retainedBytes,
        long residentBytes,
        long returnedBytes)
        implements Serializable {
    private static final double PERCENT = 100;

    /// A balance none of whose parts is negative.
    ///
    /// @throws IllegalArgumentException if one is
    public HeapFootprint {
        if ((allocatedBytes
                                | cachedBytes
                                | slabFreeBytes
                                | quarantinedBytes
                                | samplingBytes
                                | movingBytes
                                | dirtyBytes
                                | metadataBytes
                                | retainedBytes
                                | returnedBytes)
                        < 0
                || residentBytes < -1) {
            throw new IllegalArgumentException("a part of the footprint of heap " + heapName + " is negative");
        }
    }

    /// Pages of slabs and blocks that have memory: jemalloc's `active`.
    public long activeBytes() {
        return allocatedBytes + cachedBytes + slabFreeBytes + quarantinedBytes + samplingBytes + movingBytes;
    }

    /// What may have memory: jemalloc's `mapped`.
    public long mappedBytes() {
        return activeBytes() + dirtyBytes + metadataBytes;
    }

    /// What was asked for, estimated; -1 where [#roundingBytes] is.
    public long requestedBytes() {
        return roundingBytes < 0 ? -1 : Math.max(0, allocatedBytes - roundingBytes);
    }

    /// Memory that holds nothing for the program, though a heap of the same blocks could do without it.
    public long idleBytes() {
        return mappedBytes() - allocatedBytes;
    }

    /// The balance as lines of text, sums included.
    public String toText() {
        StringBuilder text = new StringBuilder("heap " + heapName + "\n");
        line(text, "  allocated", allocatedBytes);
        if (roundingBytes >= 0) {
            line(text, "      requested, about", requestedBytes());
            line(text, "      rounding, about", roundingBytes);
        }
        line(text, "+ cached by threads", cachedBytes);
        line(text, "+ free in slabs", slabFreeBytes);
        line(text, "+ quarantined", quarantinedBytes);
        line(text, "+ sampling", samplingBytes);
        line(text, "+ changing hands", movingBytes);
        line(text, "= active", activeBytes());
        line(text, "+ dirty", dirtyBytes);
        line(text, "+ metadata", metadataBytes);
        line(text, "= mapped", mappedBytes());
        if (residentBytes >= 0) {
            line(text, "  resident", residentBytes);
        }
        line(text, "  retained", retainedBytes);
        line(text, "  returned so far", returnedBytes);
        return text.toString();
    }

    private void line(StringBuilder text, String name, long bytes) {
        double percent = mappedBytes() == 0 ? 0 : PERCENT * bytes / mappedBytes();
        text.append(String.format(Locale.ROOT, "%-24s %,20d B %6.1f %%%n", name, bytes, percent));
    }

    /// The balance as one JSON object, with the sums.
    public String toJson() {
        return new JsonText()
                .text("name", heapName)
                .number("heapId", heapId)
                .number("allocatedBytes", allocatedBytes)
                .number("requestedBytes", requestedBytes())
                .number("roundingBytes", roundingBytes)
                .number("cachedBytes", cachedBytes)
                .number("slabFreeBytes", slabFreeBytes)
                .number("quarantinedBytes", quarantinedBytes)
                .number("samplingBytes", samplingBytes)
                .number("movingBytes", movingBytes)
                .number("activeBytes", activeBytes())
                .number("dirtyBytes", dirtyBytes)
                .number("metadataBytes", metadataBytes)
                .number("mappedBytes", mappedBytes())
                .number("residentBytes", residentBytes)
                .number("retainedBytes", retainedBytes)
                .number("returnedBytes", returnedBytes)
                .toString();
    }

    @Override
    public String toString() {
        return "HeapFootprint[heapName=" + heapName + ", heapId=" + heapId + ", allocatedBytes="
                + Sizes.text(allocatedBytes) + ", activeBytes=" + Sizes.text(activeBytes()) + ", metadataBytes="
                + Sizes.text(metadataBytes) + ", mappedBytes=" + Sizes.text(mappedBytes()) + ", residentBytes="
                + (residentBytes < 0 ? "unknown" : Sizes.text(residentBytes)) + ", retainedBytes="
                + Sizes.text(retainedBytes) + "]";
    }
}
