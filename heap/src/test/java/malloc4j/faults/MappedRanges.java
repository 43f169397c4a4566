package malloc4j.faults;

import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.RecordingCalls;
import org.jspecify.annotations.Nullable;

/// Follows the calls that were performed, to tell what of the memory mapped where the kernel liked was not given back.
public final class MappedRanges {
    private static final Pattern MMAP_ANYWHERE = Pattern.compile("mmap\\(0x0, (\\d+), .*");
    private static final Pattern MUNMAP = Pattern.compile("munmap\\(0x([0-9a-f]+), (\\d+)\\)");
    private static final Pattern MREMAP = Pattern.compile("mremap\\(0x([0-9a-f]+), (\\d+), (\\d+), .*");

    private MappedRanges() {}

    /// What is still mapped, from the first address to the end of each range.
    public static NavigableMap<Long, Long> left(RecordingCalls calls) {
        NavigableMap<Long, Long> ends = new TreeMap<>();
        for (RecordingCalls.Call call : calls.transcript()) {
            if (!Errno.isError(call.result())) {
                follow(ends, call);
            }
        }
        return ends;
    }

    private static void follow(NavigableMap<Long, Long> ends, RecordingCalls.Call call) {
        Matcher mmap = MMAP_ANYWHERE.matcher(call.text());
        Matcher munmap = MUNMAP.matcher(call.text());
        Matcher mremap = MREMAP.matcher(call.text());
        if (mmap.matches()) {
            ends.put(call.result(), call.result() + number(mmap, 1, 10));
        } else if (munmap.matches()) {
            long start = number(munmap, 1, 16);
            remove(ends, start, start + number(munmap, 2, 10));
        } else if (mremap.matches()) {
            long start = number(mremap, 1, 16);
            remove(ends, start, start + number(mremap, 2, 10));
            ends.put(call.result(), call.result() + number(mremap, 3, 10));
        }
    }

    private static long number(Matcher matcher, int group, int radix) {
        @Nullable String digits = matcher.group(group);
        return Long.parseUnsignedLong(String.valueOf(digits), radix);
    }

    private static void remove(NavigableMap<Long, Long> ends, long start, long end) {
        var range = ends.floorEntry(start);
        if (range == null || range.getValue() < end) {
            throw new AssertionError("unmaps what was not mapped: 0x" + Long.toHexString(start));
        }
        ends.remove(range.getKey());
        if (range.getKey() < start) {
            ends.put(range.getKey(), start);
        }
        if (end < range.getValue()) {
            ends.put(end, range.getValue());
        }
    }
}
