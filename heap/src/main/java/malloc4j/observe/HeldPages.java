package malloc4j.observe;

import java.io.Serializable;
import java.util.Comparator;
import java.util.List;
import java.util.StringJoiner;
import malloc4j.internal.memory.Sizes;

/// Why memory does not go back to the kernel: which live blocks keep pages of slabs that are nearly empty, and who has
/// allocated them.
///
/// ```
///   slab of 64 KiB, blocks of 48 bytes
///   | page          | page          | page          | ...
///   |   x           |               |     x x       |        x: a live block
///     4 KiB held      goes back       4 KiB held, 2 KiB by each
/// ```
///
/// A page is held while a live block touches it. A slab is nearly empty when its live blocks are at most a quarter of
/// the pages that they hold. A page that several blocks hold counts for each in equal parts, so that the parts add up.
///
/// Who has allocated a block is known of samples that lie in slabs: those of a dense [profile][malloc4j.Heap#profile]
/// (below 16 KiB between samples; with 1, each block), and those of a debug heap. Each stands for as many blocks as
/// [AllocationProfile] says; the rest is [#unknownBytes].
///
/// @param heapName of the heap
/// @param slabs the nearly empty slabs, by what they hold, the largest first
/// @param sites who holds them, the largest first
/// @since 0.1.0
public record HeldPages(String heapName, List<Slab> slabs, List<Site> sites) implements Serializable {
    private static final int MAX_LINES = 10;

    /// A slab that is nearly empty.
    ///
    /// @param address where it begins
    /// @param blockBytes the size of its blocks
    /// @param liveBlocks how many of them are live
    /// @param heldBytes of pages that these touch
    /// @param blocks those of which is known where they come from
    public record Slab(long address, int blockBytes, int liveBlocks, long heldBytes, List<Holder> blocks)
            implements Serializable {
        /// A slab whose blocks nobody can change.
        public Slab {
            blocks = List.copyOf(blocks);
        }

        /// Bytes of live blocks.
        public long liveBytes() {
            return (long) liveBlocks * blockBytes;
        }
    }

    /// A live block that holds pages.
    ///
    /// @param address as the program knows it
    /// @param byteSize how many bytes of it may be used
    /// @param heldBytes its part of the pages that it touches
    /// @param ageNanos since it was allocated
    /// @param stack by whom, innermost frame first
    public record Holder(long address, long byteSize, long heldBytes, long ageNanos, List<StackTraceElement> stack)
            implements Serializable {
        /// A block whose frames nobody can change.
        public Holder {
            stack = List.copyOf(stack);
        }
    }

    /// A stack that has allocated blocks which hold pages.
    ///
    /// @param stack innermost frame first
    /// @param blocks how many, estimated from samples
    /// @param liveBytes of them
    /// @param heldBytes their part of the pages
    /// @param oldestAgeNanos since the oldest of them was allocated
    public record Site(List<StackTraceElement> stack, long blocks, long liveBytes, long heldBytes, long oldestAgeNanos)
            implements Serializable {
        /// A site whose frames nobody can change.
        public Site {
            stack = List.copyOf(stack);
        }

        /// The frames as text, innermost first.
        public List<String> frames() {
            return stack.stream().map(AllocationSite::text).toList();
        }

        private String place() {
            return stack.isEmpty() ? "an unknown line" : AllocationSite.text(stack.getFirst());
        }

        private String sentence() {
            return blocks + (blocks == 1 ? " block" : " blocks") + " of " + place()
                    + (blocks == 1 ? " holds " : " hold ") + Sizes.text(heldBytes);
        }
    }

    /// A report whose lists nobody can change, in order.
    public HeldPages {
        slabs = slabs.stream()
                .sorted(Comparator.comparingLong(Slab::heldBytes)
                        .thenComparingLong(slab -> -slab.liveBytes())
                        .reversed())
                .toList();
        sites = sites.stream()
                .sorted(Comparator.comparingLong(Site::heldBytes).reversed())
                .toList();
    }

    /// Bytes of pages that blocks of nearly empty slabs hold.
    public long heldBytes() {
        return slabs.stream().mapToLong(Slab::heldBytes).sum();
    }

    /// Bytes of those blocks.
    public long liveBytes() {
        return slabs.stream().mapToLong(Slab::liveBytes).sum();
    }

    /// How many those are.
    public long liveBlocks() {
        return slabs.stream().mapToLong(Slab::liveBlocks).sum();
    }

    /// What nobody knows who holds it.
    public long unknownBytes() {
        return Math.max(
                0, heldBytes() - sites.stream().mapToLong(Site::heldBytes).sum());
    }

    /// In a sentence.
    public String verdict() {
        String heap = "heap '" + heapName + "': ";
        if (slabs.isEmpty()) {
            return heap + "no slab holds pages for few blocks";
        }
        long blocks = liveBlocks();
        String held = blocks + (blocks == 1 ? " block" : " blocks") + " of together " + Sizes.text(liveBytes())
                + (blocks == 1 ? " holds " : " hold ") + Sizes.text(heldBytes()) + " of pages in " + slabs.size()
                + (slabs.size() == 1 ? " slab" : " slabs");
        return heap + held + (sites.isEmpty() ? "; take a profile with profileBytes=1 to see whose they are" : "");
    }

    /// The verdict, and the first sites with their stacks.
    @Override
    public String toString() {
        StringJoiner text = new StringJoiner("\n").add(verdict());
        for (Site site : sites.subList(0, Math.min(sites.size(), MAX_LINES))) {
            text.add("  " + site.sentence() + ", the oldest " + Sizes.seconds(site.oldestAgeNanos) + " old");
            site.frames().forEach(frame -> text.add("    at " + frame));
        }
        if (sites.size() > MAX_LINES) {
            text.add("  and " + (sites.size() - MAX_LINES) + " more sites");
        }
        if (!sites.isEmpty() && unknownBytes() > 0) {
            text.add("  " + Sizes.text(unknownBytes()) + " by blocks that were not sampled");
        }
        return text.toString();
    }
}
