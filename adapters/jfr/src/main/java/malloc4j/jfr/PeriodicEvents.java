package malloc4j.jfr;

import java.util.function.Consumer;
import jdk.jfr.DataAmount;
import jdk.jfr.Description;
import jdk.jfr.FlightRecorder;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.Period;
import malloc4j.Heap;
import malloc4j.observe.HeapStatistics;
import malloc4j.observe.SizeClassStatistics;

/// Events that Flight Recorder asks for from time to time, on a thread of its own: of every open heap.
final class PeriodicEvents {
    private PeriodicEvents() {}

    /// Lets Flight Recorder ask, whenever an event is on.
    static void register() {
        FlightRecorder.addPeriodicEvent(Statistics.class, () -> forEachHeap(Statistics::commitOf));
        FlightRecorder.addPeriodicEvent(Activity.class, () -> forEachHeap(Activity::commitOf));
        FlightRecorder.addPeriodicEvent(SizeClass.class, () -> forEachHeap(SizeClass::commitOf));
        FlightRecorder.addPeriodicEvent(Resident.class, Resident.sparingly());
    }

    private static void forEachHeap(Consumer<Heap> visitor) {
        for (Heap heap : Heap.all()) {
            try {
                visitor.accept(heap);
            } catch (IllegalStateException closedMeanwhile) {
                // it has nothing to tell any more
            }
        }
    }

    @Name("malloc4j.HeapStatistics")
    @Label("Heap Statistics")
    @Description("What a heap holds, by counts that it keeps anyway: takes some microseconds")
    @Period("1 s")
    static final class Statistics extends HeapEvent {
        @Label("Live")
        @Description("Usable sizes of the blocks that are allocated and not freed: jemalloc's 'allocated'")
        @DataAmount
        long liveBytes;

        @Label("Blocks")
        @Description("Blocks that are allocated and not freed")
        long liveBlocks;

        @Label("Active")
        @Description("Pages that slabs, large and huge blocks have: jemalloc's 'active'")
        @DataAmount
        long activeBytes;

        @Label("Dirty")
        @Description("Free pages kept for reuse, not yet given back: jemalloc's 'dirty'")
        @DataAmount
        long dirtyBytes;

        @Label("Committed")
        @Description("What the limits of the heap count")
        @DataAmount
        long committedBytes;

        @Label("Reserved")
        @Description("Mapped for the heap, in use or not: jemalloc's 'mapped' and 'retained'")
        @DataAmount
        long reservedBytes;

        static void commitOf(Heap heap) {
            Statistics event = new Statistics();
            if (event.isEnabled()) {
                event.fill(heap.statistics());
                event.of(heap.options().name(), heap.heapId());
                event.commit();
            }
        }

        private void fill(HeapStatistics statistics) {
            liveBytes = statistics.liveBytes();
            liveBlocks = statistics.liveBlocks();
            activeBytes = statistics.spanBytes() + statistics.hugeBytes();
            dirtyBytes = statistics.dirtyBytes();
            committedBytes = statistics.committedBytes();
            reservedBytes = statistics.reservedBytes();
        }
    }

    @Name("malloc4j.HeapActivity")
    @Label("Heap Activity")
    @Description("What a heap has done since it was made: the difference of two events makes a rate")
    @Period("1 s")
    static final class Activity extends HeapEvent {
        @Label("Allocated")
        @Description("Freed since or not")
        @DataAmount
        long allocatedBytes;

        @Label("Freed")
        @DataAmount
        long freedBytes;

        @Label("Mallocs")
        @Description("Blocks that were allocated, freed since or not")
        long allocatedBlocks;

        @Label("Frees")
        @Description("Blocks that were freed")
        long freedBlocks;

        @Label("Purged")
        @Description("Pages given back to the kernel")
        @DataAmount
        long purgedBytes;

        @Label("Refusals")
        @Description("Requests refused for want of memory, or for their size")
        long refusals;

        @Label("System Calls")
        long systemCalls;

        @Label("Caches")
        @Description("One for each thread that ran at the same time, and those that virtual threads share")
        int threadCaches;

        static void commitOf(Heap heap) {
            Activity event = new Activity();
            if (event.isEnabled()) {
                event.fill(heap.statistics());
                event.of(heap.options().name(), heap.heapId());
                event.commit();
            }
        }

        private void fill(HeapStatistics statistics) {
            allocatedBytes = statistics.allocatedBytes();
            freedBytes = statistics.freedBytes();
            allocatedBlocks = statistics.allocatedBlocks();
            freedBlocks = statistics.freedBlocks();
            purgedBytes = statistics.purgedBytes();
            refusals = statistics.refusals();
            systemCalls = statistics.systemCalls();
            threadCaches = statistics.threadCaches();
        }
    }

    @Name("malloc4j.SizeClassStatistics")
    @Label("Size Class Statistics")
    @Description("What the slabs of one size of block hold, and what they have done since the heap was made")
    @Period("everyChunk")
    static final class SizeClass extends HeapEvent {
        @Label("Block Size")
        @DataAmount
        int blockBytes;

        @Label("Slabs")
        @Description("64 KiB each")
        long slabCount;

        @Label("Live")
        @Description("Blocks that are allocated and not freed")
        @DataAmount
        long liveBytes;

        @Label("Free")
        @Description("The other blocks of these slabs")
        @DataAmount
        long freeBytes;

        @Label("Mallocs")
        long allocatedBlocks;

        @Label("Frees")
        long freedBlocks;

        @Label("Slabs Made")
        long slabsMade;

        @Label("Slabs Retired")
        long slabsRetired;

        static void commitOf(Heap heap) {
            if (new SizeClass().isEnabled()) {
                for (SizeClassStatistics each : heap.statistics().sizeClasses()) {
                    SizeClass event = new SizeClass();
                    event.fill(each);
                    event.of(heap.options().name(), heap.heapId());
                    event.commit();
                }
            }
        }

        private void fill(SizeClassStatistics statistics) {
            blockBytes = statistics.blockBytes();
            slabCount = statistics.slabCount();
            liveBytes = statistics.liveBlocks() * blockBytes;
            freeBytes = statistics.freeBlocks() * blockBytes;
            allocatedBlocks = statistics.allocatedBlocks();
            freedBlocks = statistics.freedBlocks();
            slabsMade = statistics.slabsMade();
            slabsRetired = statistics.slabsRetired();
        }
    }

    @Name("malloc4j.ResidentSetSize")
    @Label("Heap Resident Set Size")
    @Description("What of a heap the kernel holds in memory, which looks at each page: less often than asked for where"
            + " that would take more than a hundredth of a processor's time")
    @Period("1 s")
    static final class Resident extends HeapEvent {
        private static final int LEAST_PAUSE = 99; // times what one took

        @Label("Resident Set Size")
        @DataAmount
        long residentBytes;

        static void commitOf(Heap heap) {
            Resident event = new Resident();
            if (event.isEnabled()) {
                event.residentBytes = heap.residentBytes();
                event.of(heap.options().name(), heap.heapId());
                event.commit();
            }
        }

        /// Of every heap, unless it is too early for that. By Flight Recorder's one thread.
        static Runnable sparingly() {
            long[] next = {System.nanoTime()};
            return () -> {
                long begin = System.nanoTime();
                if (begin - next[0] >= 0) {
                    forEachHeap(Resident::commitOf);
                    long end = System.nanoTime();
                    next[0] = end + LEAST_PAUSE * (end - begin);
                }
            };
        }
    }
}
