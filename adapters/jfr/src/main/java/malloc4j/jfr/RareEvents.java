package malloc4j.jfr;

import java.util.List;
import java.util.concurrent.TimeUnit;
import jdk.jfr.DataAmount;
import jdk.jfr.Description;
import jdk.jfr.Label;
import jdk.jfr.MemoryAddress;
import jdk.jfr.Name;
import jdk.jfr.SettingDefinition;
import jdk.jfr.Timestamp;
import malloc4j.observe.Probe;

/// Events of what a heap does seldom, as its probe is told them: a type for each kind.
final class RareEvents {
    static final List<Class<? extends HeapEvent>> TYPES = List.of(
            Map.class,
            Unmap.class,
            SlabMade.class,
            SlabRetired.class,
            Purge.class,
            Trim.class,
            Refusal.class,
            LimitMet.class,
            Lost.class);

    private RareEvents() {}

    /// Commits an event if its type is on.
    static void commit(Probe.Event told) {
        switch (told.kind()) {
            case MAP -> commit(new Map(), told);
            case UNMAP -> commit(new Unmap(), told);
            case SLAB_MADE -> commit(new SlabMade(), told);
            case SLAB_RETIRED -> commit(new SlabRetired(), told);
            case PURGE -> commit(new Purge(), told);
            case TRIM -> commit(new Trim(), told);
            case REFUSAL -> commit(new Refusal(), told);
            case LIMIT_MET -> commit(new LimitMet(), told);
        }
    }

    private static void commit(Told event, Probe.Event told) {
        if (event.isEnabled()) {
            event.of(told.heap(), told.heapId());
            event.at(told.nanoTime());
            event.fill(told);
            event.commit();
        }
    }

    /// Commits that events were lost.
    static void commitLost(String heap, int heapId, long count) {
        Lost event = new Lost();
        if (event.isEnabled()) {
            event.of(heap, heapId);
            event.count = count;
            event.commit();
        }
    }

    /// One that another thread writes, a moment after it happened.
    abstract static class Told extends HeapEvent {
        @Label("Happened")
        @Description("When it happened: the event is written up to some 20 ms later, by a thread of the library")
        @Timestamp(Timestamp.MILLISECONDS_SINCE_EPOCH)
        long happened;

        /// @param nanoTime when it happened
        final void at(long nanoTime) {
            happened = System.currentTimeMillis() - TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - nanoTime);
        }

        abstract void fill(Probe.Event told);
    }

    /// One of which the size is what matters.
    abstract static class Sized extends Told {
        @Label("Size")
        @DataAmount
        long byteSize;

        @SettingDefinition
        @Name("minimumSize")
        @Label("Minimum Size")
        @Description("What is smaller is not recorded, such as '1 MB'")
        boolean isRecorded(MinimumSize minimum) {
            return byteSize >= minimum.bytes();
        }

        @Override
        void fill(Probe.Event told) {
            byteSize = told.byteSize();
        }
    }

    /// One with a place.
    abstract static class OfRange extends Sized {
        @Label("Address")
        @MemoryAddress
        long address;

        @Override
        void fill(Probe.Event told) {
            super.fill(told);
            address = told.address();
        }
    }

    @Name("malloc4j.Map")
    @Label("Memory Mapped")
    @Description("An extent or a huge block was mapped")
    static final class Map extends OfRange {}

    @Name("malloc4j.Unmap")
    @Label("Memory Unmapped")
    @Description("An extent or a huge block was given back")
    static final class Unmap extends OfRange {}

    @Name("malloc4j.Purge")
    @Label("Pages Purged")
    @Description("Free pages went back to the kernel")
    static final class Purge extends OfRange {}

    /// One of a slab, which has blocks of one size.
    abstract static class OfSlab extends Told {
        @Label("Block Size")
        @DataAmount
        int blockBytes;

        @Label("Address")
        @MemoryAddress
        long address;

        @Override
        void fill(Probe.Event told) {
            blockBytes = told.detail();
            address = told.address();
        }
    }

    @Name("malloc4j.SlabMade")
    @Label("Slab Made")
    @Description("64 KiB became a slab: they are cut into blocks of one size")
    static final class SlabMade extends OfSlab {}

    @Name("malloc4j.SlabRetired")
    @Label("Slab Retired")
    @Description("A slab without live blocks became free pages")
    static final class SlabRetired extends OfSlab {}

    @Name("malloc4j.Trim")
    @Label("Heap Trimmed")
    @Description("The program has trimmed the heap; the size is what went back to the kernel")
    static final class Trim extends Sized {}

    @Name("malloc4j.Refusal")
    @Label("Allocation Refused")
    @Description("A request was refused; the size is what was asked for")
    static final class Refusal extends Sized {
        @Label("Error")
        @Description("Why, as an error number of Linux: EDQUOT is the heap's own limit, ENOMEM the kernel's answer")
        String error = "";

        @Override
        void fill(Probe.Event told) {
            super.fill(told);
            error = name(told.detail());
        }

        private static String name(int errno) {
            return switch (errno) {
                case 12 -> "ENOMEM";
                case 22 -> "EINVAL";
                case 75 -> "EOVERFLOW";
                case 122 -> "EDQUOT";
                default -> "errno " + errno;
            };
        }
    }

    @Name("malloc4j.LimitMet")
    @Label("Heap Limit Met")
    @Description("A request has met the hard limit of the heap or of one above it, before anything was done about it;"
            + " the size is what was asked for")
    static final class LimitMet extends Sized {}

    @Name("malloc4j.EventsLost")
    @Label("Heap Events Lost")
    @Description("A heap made events faster than they could be told, or where its thread had little stack left")
    static final class Lost extends HeapEvent {
        @Label("Events")
        long count;
    }
}
