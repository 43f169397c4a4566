package malloc4j.internal.region;

import java.io.BufferedReader;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.Linux;
import malloc4j.internal.os.MemoryCalls;

/// What there is at a range of the zone after a `MAP_FIXED` over it was refused.
///
/// The kernel removes what was there before it maps what is to come, and may fail in between; not every version puts
/// the old mapping back. Then the addresses are nobody's, and any thread's next `mmap` may be given them: another
/// `MAP_FIXED` would go over that. So the range is asked for by `MAP_FIXED_NOREPLACE`, which takes it only where it is
/// empty; where it is not, `/proc/thread-self/maps` tells whether what we had is still there, whole.
///
/// What cannot be told is [#LOST]: such a range, and its records, are never used again.
public final class FixedMapping {
    /// Ours, without memory and without rights.
    public static final int RESERVED = 0;

    /// Ours, as it was before the call.
    public static final int UNCHANGED = 1;

    /// Perhaps somebody else's.
    public static final int LOST = 2;

    private static final int EMPTY = Linux.MAP_PRIVATE | Linux.MAP_ANONYMOUS | Linux.MAP_NORESERVE;

    private FixedMapping() {}

    /// Maps reserved addresses over a range that is ours. Returns the address, or minus errno; see
    /// [#stateAfterRefusal].
    static long reserve(MemoryCalls calls, long address, long byteSize) {
        return calls.mmap(address, byteSize, Linux.PROT_NONE, EMPTY | Linux.MAP_FIXED, -1, 0);
    }

    /// One of the three states, of a range whose pages had `rights`, as `/proc/thread-self/maps` writes them.
    public static int stateAfterRefusal(MemoryCalls calls, long address, long byteSize, String rights) {
        long mapped = calls.mmap(address, byteSize, Linux.PROT_NONE, EMPTY | Linux.MAP_FIXED_NOREPLACE, -1, 0);
        if (mapped == address) {
            return RESERVED;
        }
        if (!Errno.isError(mapped)) {
            calls.munmap(mapped, byteSize); // before Linux 4.17 the flag is a mere hint
        }
        return hasRights(address, byteSize, rights) ? UNCHANGED : LOST;
    }

    /// Whether every page of a range is mapped, with the same rights.
    private static boolean hasRights(long address, long byteSize, String rights) {
        long next = address;
        try (BufferedReader maps = new BufferedReader(
                new InputStreamReader(new FileInputStream("/proc/thread-self/maps"), StandardCharsets.ISO_8859_1))) {
            for (String line = maps.readLine(); line != null; line = maps.readLine()) {
                int dash = line.indexOf('-');
                int space = line.indexOf(' ');
                long start = Long.parseUnsignedLong(line, 0, dash, 16);
                long end = Long.parseUnsignedLong(line, dash + 1, space, 16);
                if (Long.compareUnsigned(start, next) <= 0 && Long.compareUnsigned(next, end) < 0) {
                    if (!line.startsWith(rights, space + 1)) {
                        return false;
                    }
                    next = end;
                }
                if (Long.compareUnsigned(next, address + byteSize) >= 0) {
                    return true;
                }
            }
        } catch (IOException | RuntimeException | OutOfMemoryError unreadable) {
            return false;
        }
        return false;
    }
}
