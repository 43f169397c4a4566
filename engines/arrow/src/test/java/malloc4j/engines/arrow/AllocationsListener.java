package malloc4j.engines.arrow;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Collectors;
import malloc4j.Heap;
import malloc4j.observe.AllocationSite;
import malloc4j.observe.HeapStatistics;
import org.junit.platform.launcher.LauncherSession;
import org.junit.platform.launcher.LauncherSessionListener;

/// Writes down, after the last test of a JVM, how many of Arrow's buffers were blocks of the common heap, and which
/// tests have left some: a suite can be green while nothing of it came from there. The JVM then ends with code 66 if
/// they were fewer than the property `allocations.least` says, or more are live than `allocations.left`: some of
/// Arrow's tests do not release what they have, with any manager. Does nothing without these properties.
///
/// What a listener throws is only logged, so the JVM is stopped.
public final class AllocationsListener implements LauncherSessionListener {
    private static final int EXIT_WRONG = 66;

    /// For [java.util.ServiceLoader].
    public AllocationsListener() {}

    @Override
    public void launcherSessionClosed(LauncherSession session) {
        long least = Long.getLong("allocations.least", -1);
        if (least >= 0) {
            tell(Heap.common(), least, Long.getLong("allocations.left", 0));
        }
    }

    private static void tell(Heap heap, long least, long left) {
        HeapStatistics statistics = heap.statistics();
        boolean isRight = statistics.allocatedBlocks() >= least && statistics.liveBlocks() <= left;
        String text = System.getProperty("allocations.of") + ": " + statistics.allocatedBlocks() + " allocations, "
                + (statistics.allocatedBytes() >> 20) + " MiB, " + statistics.freedBlocks() + " frees; left by tests: "
                + statistics.liveBlocks() + leavers(heap)
                + (isRight
                        ? ""
                        : ": WRONG, at least " + least + " allocations are expected, and at most " + left + " left")
                + "\n";
        try {
            Files.writeString(Path.of(System.getProperty("allocations.file", "allocations.txt")), text);
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
        if (!isRight) {
            Runtime.getRuntime().halt(EXIT_WRONG);
        }
    }

    /// The tests that have left blocks, as the profile has it that the option `profileBytes` has asked for.
    private static String leavers(Heap heap) {
        String names = heap.profile().sites().stream()
                .filter(site -> site.liveBlocks() > 0)
                .map(AllocationsListener::testIn)
                .distinct()
                .sorted()
                .collect(Collectors.joining(", "));
        return names.isEmpty() ? "" : " (" + names + ")";
    }

    private static String testIn(AllocationSite site) {
        return site.stack().stream()
                .filter(frame -> frame.getClassName().matches("org\\.apache\\.arrow\\..*Test.*"))
                .map(frame -> frame.getClassName().replaceAll(".*\\.", "") + "." + frame.getMethodName())
                .findFirst()
                .orElse("unknown");
    }
}
