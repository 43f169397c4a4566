package malloc4j.internal.proc;

import java.util.List;
import malloc4j.observe.MemoryUse;
import malloc4j.observe.MemoryUse.Figure;
import org.jspecify.annotations.Nullable;

/// Divides what a mapping holds among its parts, so that each figure of the parts adds up to the mapping's, to the
/// byte.
///
/// What a part has in memory and in swap is counted page by page. The kernel tells the other figures of whole
/// mappings only; they are divided in proportion to what each part has in memory, so that within a part, too, the
/// four kinds of resident pages add up to the resident ones. Figures are whole KiB, as the kernel's are.
final class Split {
    private static final List<Figure> KINDS_OF_RESIDENT =
            List.of(Figure.SHARED_CLEAN, Figure.SHARED_DIRTY, Figure.PRIVATE_CLEAN, Figure.PRIVATE_DIRTY);
    private static final int KIB_SHIFT = 10;

    private final MemoryUse whole;
    private final long[] byteSizes;
    private final int parts;
    private final long[][] figures; // of each part, in bytes

    private Split(MemoryUse whole, long[] byteSizes) {
        this.whole = whole;
        this.byteSizes = byteSizes;
        this.parts = byteSizes.length;
        this.figures = new long[parts][Figure.count()];
    }

    /// Divides `whole`.
    ///
    /// @param byteSizes of the parts, each above 0
    /// @param present pages of each part that are in memory, or null where nothing tells
    /// @param swapped pages of each part that are in swap, or null where nothing tells
    static MemoryUse[] divide(MemoryUse whole, long[] byteSizes, long @Nullable [] present, long @Nullable [] swapped) {
        Split split = new Split(whole, byteSizes);
        long[] resident = split.divide(Figure.RESIDENT, weights(present, byteSizes));
        split.divideKindsOfResident(resident);
        for (Figure figure : Figure.values()) {
            boolean ofSwap = figure == Figure.SWAPPED || figure == Figure.SWAPPED_PROPORTIONAL;
            if (figure != Figure.RESIDENT && !KINDS_OF_RESIDENT.contains(figure)) {
                long[] unused =
                        split.divide(figure, ofSwap ? weights(swapped, byteSizes) : weights(resident, byteSizes));
            }
        }
        MemoryUse[] uses = new MemoryUse[byteSizes.length];
        for (int part = 0; part < uses.length; part++) {
            uses[part] = MemoryUse.of(split.figures[part]);
        }
        return uses;
    }

    /// What to divide by: the counts, or the sizes where there are none.
    private static long[] weights(long @Nullable [] counts, long[] byteSizes) {
        if (counts != null) {
            for (long count : counts) {
                if (count > 0) {
                    return counts;
                }
            }
        }
        return byteSizes;
    }

    /// Divides one figure by weights. No part gets more than its size, as the counts may be of a later moment; what
    /// rounding leaves goes from part to part, so that none is lost.
    private long[] divide(Figure figure, long[] weights) {
        long[] divided = new long[parts];
        long left = whole.bytes(figure) >>> KIB_SHIFT;
        long weightLeft = sum(weights);
        long roomLeft = sum(byteSizes) >>> KIB_SHIFT;
        for (int part = 0; part < parts; part++) {
            long room = byteSizes[part] >>> KIB_SHIFT;
            roomLeft -= room;
            long share = weightLeft == 0 ? left : Math.round(left * ((double) weights[part] / weightLeft));
            share = Math.max(left - roomLeft, Math.min(share, Math.min(left, room)));
            divided[part] = share << KIB_SHIFT;
            figures[part][figure.index()] = divided[part];
            left -= share;
            weightLeft -= weights[part];
        }
        return divided;
    }

    private static long sum(long[] values) {
        long sum = 0;
        for (long value : values) {
            sum += value;
        }
        return sum;
    }

    /// Gives each part its resident bytes in four kinds, drawn from what is left of each kind in proportion.
    private void divideKindsOfResident(long[] resident) {
        long[] left = new long[KINDS_OF_RESIDENT.size()];
        long sum = 0;
        for (int kind = 0; kind < left.length; kind++) {
            left[kind] = whole.bytes(KINDS_OF_RESIDENT.get(kind)) >>> KIB_SHIFT;
            sum += left[kind];
        }
        if (sum != whole.residentBytes() >>> KIB_SHIFT) { // not what the kernel promises: nothing to keep to
            for (Figure kind : KINDS_OF_RESIDENT) {
                long[] unused = divide(kind, resident);
            }
            return;
        }
        for (int part = 0; part < parts; part++) {
            long wanted = resident[part] >>> KIB_SHIFT;
            for (int kind = 0; kind < left.length; kind++) {
                boolean isLast = kind == left.length - 1;
                long othersLeft = sum - left[kind];
                long share = isLast ? wanted : sum == 0 ? 0 : Math.round((double) wanted * left[kind] / sum);
                share = Math.clamp(share, Math.max(0, wanted - othersLeft), Math.min(wanted, left[kind]));
                figures[part][KINDS_OF_RESIDENT.get(kind).index()] = share << KIB_SHIFT;
                wanted -= share;
                sum -= left[kind]; // what the kinds after this one have
                left[kind] -= share;
            }
            for (long each : left) {
                sum += each;
            }
        }
    }
}
