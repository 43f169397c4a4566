package malloc4j.cli.replay;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.function.ToLongFunction;
import malloc4j.cli.CliException;
import malloc4j.cli.picture.TraceClasses;
import malloc4j.cli.picture.TraceClasses.Gain;
import malloc4j.cli.picture.TraceClassesPicture;
import malloc4j.internal.slab.SizeClasses;

/// Puts the requests of a trace on a heap's size classes: all of them, and those that live at the peak. Nothing is
/// allocated.
public final class TraceClassifier {
    private static final int SLAB_BYTES = 64 << 10;
    private static final int LARGER = SizeClasses.COUNT; // beside the classes: what no slab serves
    private static final int MAX_GAINS = 5;
    private static final int MAX_LESS_BYTES = 64; // what a program may find in a header, or in an array's length
    private static final double MIN_GAIN = 0.1; // of the block
    private static final double MIN_SHARE = 0.001; // of all that is given out in blocks

    private final long[] requests = new long[SizeClasses.COUNT + 1];
    private final long[] requestedBytes = new long[SizeClasses.COUNT + 1];
    private final long[] peakBlocks = new long[SizeClasses.COUNT + 1];
    private final long[] peakBytes = new long[SizeClasses.COUNT + 1];
    private final long[] requestsBySize = new long[SizeClasses.MAX_SMALL_BYTES + 1];

    private TraceClassifier() {}

    /// Reads a trace, of any format that `replay` reads.
    ///
    /// @throws CliException if there is none, or it breaks its format
    public static TraceClasses read(Path file) {
        if (!Files.exists(file)) {
            throw CliException.wrongUsage(file + ": no such file");
        }
        if (!Files.isReadable(file) || Files.isDirectory(file)) {
            throw CliException.wrongUsage(file + ": not a readable file");
        }
        try {
            return new TraceClassifier()
                    .classify(file.toString(), TraceReader.read(file).trace());
        } catch (TraceProblem e) {
            throw CliException.problem(String.valueOf(e.getMessage()));
        } catch (IOException e) {
            throw CliException.problem(file + ": cannot be read: " + e.getMessage());
        }
    }

    private TraceClasses classify(String name, Trace trace) {
        int peakEvent = LiveCurve.of(trace).peakEvent();
        byte[] classes = new byte[trace.objectCount]; // of each object that lives
        byte none = -1;
        Arrays.fill(classes, none);
        LiveBytes live = new LiveBytes(trace);
        long peakLiveBytes = 0;
        for (int i = 0; i < trace.eventCount(); i++) {
            live.take(i);
            long event = trace.events[i];
            if (Event.operation(event) == Event.FREE) {
                classes[trace.ids[i]] = none;
            } else {
                int sizeClass = sizeClass(event);
                classes[trace.ids[i]] = (byte) sizeClass;
                requests[sizeClass]++;
                requestedBytes[sizeClass] += Event.byteSize(event);
                if (sizeClass != LARGER && Event.byteAlignment(event) <= SizeClasses.QUANTUM_BYTES) {
                    requestsBySize[(int) Event.byteSize(event)]++;
                }
            }
            if (i + 1 == peakEvent) {
                peakLiveBytes = live.bytes();
                takePeak(classes, live);
            }
        }
        return document(name, trace.eventCount(), peakEvent, peakLiveBytes);
    }

    private void takePeak(byte[] classes, LiveBytes live) {
        for (int id = 0; id < classes.length; id++) {
            if (classes[id] >= 0) {
                peakBlocks[classes[id]]++;
                peakBytes[classes[id]] += live.byteSize(id);
            }
        }
    }

    private static int sizeClass(long event) {
        int sizeClass = SizeClasses.ofAligned(Event.byteSize(event), Event.byteAlignment(event));
        return sizeClass < 0 ? LARGER : sizeClass;
    }

    private TraceClasses document(String name, long events, long peakEvent, long peakLiveBytes) {
        long all = Arrays.stream(requests).sum();
        List<TraceClasses.SizeClass> classes = new ArrayList<>();
        for (int sizeClass = 0; sizeClass < SizeClasses.COUNT; sizeClass++) {
            if (requests[sizeClass] > 0) {
                classes.add(sizeClass(sizeClass, all));
            }
        }
        long asked = sum(classes, TraceClasses.SizeClass::requestedBytes);
        long waste = sum(classes, TraceClasses.SizeClass::wasteBytes);
        long slabs = sum(classes, TraceClasses.SizeClass::peakSlabs);
        long free = sum(classes, TraceClasses.SizeClass::peakFreeBytes);
        long askedAtPeak = sum(classes, TraceClasses.SizeClass::peakRequestedBytes);
        var peak = new TraceClasses.Peak(
                peakEvent,
                peakLiveBytes,
                sum(classes, TraceClasses.SizeClass::peakBlocks),
                askedAtPeak,
                slabs * SLAB_BYTES - free - askedAtPeak,
                slabs,
                slabs * SLAB_BYTES,
                free);
        var larger = new TraceClasses.Larger(
                requests[LARGER], requestedBytes[LARGER], peakBlocks[LARGER], peakBytes[LARGER]);
        var told = new TraceClasses(
                name, "", events, all, asked, asked + waste, waste, peak, classes, larger, gains(asked + waste));
        return new TraceClasses(
                name,
                TraceClassesPicture.verdict(told),
                events,
                all,
                asked,
                asked + waste,
                waste,
                peak,
                classes,
                larger,
                told.gains());
    }

    private TraceClasses.SizeClass sizeClass(int sizeClass, long allRequests) {
        int blockBytes = SizeClasses.blockBytes(sizeClass);
        int capacity = SizeClasses.capacity(sizeClass);
        long slabs = (peakBlocks[sizeClass] + capacity - 1) / capacity;
        return new TraceClasses.SizeClass(
                blockBytes,
                requests[sizeClass],
                (double) requests[sizeClass] / allRequests,
                requestedBytes[sizeClass],
                requests[sizeClass] * blockBytes - requestedBytes[sizeClass],
                peakBlocks[sizeClass],
                peakBytes[sizeClass],
                slabs,
                slabs * SLAB_BYTES - peakBlocks[sizeClass] * blockBytes);
    }

    /// Sizes that lie little above a smaller block.
    private List<Gain> gains(long allBlockBytes) {
        List<Gain> gains = new ArrayList<>();
        for (int byteSize = 1; byteSize < requestsBySize.length; byteSize++) {
            int sizeClass = SizeClasses.of(byteSize);
            if (requestsBySize[byteSize] > 0 && sizeClass > 0) {
                int block = SizeClasses.blockBytes(sizeClass);
                int smaller = SizeClasses.blockBytes(sizeClass - 1);
                int less = byteSize - smaller;
                long saved = requestsBySize[byteSize] * (block - smaller);
                boolean isSmallChange = less <= MAX_LESS_BYTES && less * 2 <= block - smaller;
                if (isSmallChange && block - smaller >= MIN_GAIN * block && saved >= MIN_SHARE * allBlockBytes) {
                    gains.add(new Gain(byteSize, requestsBySize[byteSize], less, block, smaller, saved));
                }
            }
        }
        gains.sort(Comparator.comparingLong(Gain::savedBytes).reversed());
        return List.copyOf(gains.subList(0, Math.min(MAX_GAINS, gains.size())));
    }

    private static long sum(List<TraceClasses.SizeClass> classes, ToLongFunction<TraceClasses.SizeClass> of) {
        return classes.stream().mapToLong(of).sum();
    }
}
