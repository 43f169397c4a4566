package malloc4j;

import java.lang.System.Logger.Level;
import malloc4j.internal.memory.Sizes;
import malloc4j.observe.HeapStatistics;
import malloc4j.observe.LeakReport;

/// Tells what a heap has that was not freed, when the option `leaks` says so: what is live by the heap's own counts, to
/// the block, and by samples who has allocated it.
final class HeapLeaks {
    /// Mean bytes between samples where only leaks are looked for.
    static final long SAMPLE_BYTES = 64 << 10;

    private static final String LOGGER = "malloc4j";

    private HeapLeaks() {}

    /// Mean bytes between the samples that a heap takes from the beginning, 0 for none.
    static long sampleBytes(HeapOptions.Observing options) {
        long asked = options.profileBytes();
        return asked == 0 && options.leaks() == LeakCheck.EXIT ? SAMPLE_BYTES : asked;
    }

    /// Before the heap is closed.
    static void tellAtClose(Heap heap) {
        if (heap.options().observing().leaks() == LeakCheck.EXIT) {
            String text = describe(heap, "is closed with");
            if (!text.isEmpty()) {
                System.getLogger(LOGGER).log(Level.WARNING, text);
            }
        }
    }

    /// Before the JVM ends.
    static void tellAtExit(Heap heap) {
        if (heap.options().observing().leaks() == LeakCheck.EXIT) {
            Runtime.getRuntime().addShutdownHook(new Thread(() -> printAtExit(heap), "malloc4j-leaks"));
        }
    }

    /// Not in the log: whoever logs may have ended already.
    private static void printAtExit(Heap heap) {
        String text = describe(heap, "has at exit");
        if (!text.isEmpty()) {
            System.err.println("malloc4j: " + text);
        }
    }

    /// What is live, empty when nothing is.
    private static String describe(Heap heap, String when) {
        HeapStatistics statistics = heap.statistics();
        if (statistics.liveBlocks() == 0) {
            return "";
        }
        LeakReport sampled = heap.leaks();
        return "heap '" + heap.options().name() + "' " + when + " " + statistics.liveBlocks() + " live blocks, "
                + Sizes.text(statistics.liveBytes()) + "; by samples, " + sampled
                + (sampled.leaks().isEmpty() ? ": set profileBytes=1 to see each block, which is slow" : "");
    }
}
