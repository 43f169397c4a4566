package malloc4j.cli.child;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import malloc4j.peers.Memory;

/// An allocator's resident memory inside a running JVM, the JVM's own left out. The same for every allocator.
///
/// The kernel knows what a process has resident, and its exact high-water mark, but not whose it is. So the address
/// space is split once, at the base, before the allocator under test is loaded:
///
/// ```
/// the JVM's     every range mapped or reserved at the base: Java heap, metaspace, code cache, GC tables, stacks
///               (each reserved whole, so that its growth stays inside), and files mapped at any time
/// not the JVM's [heap], glibc's arenas (windows of 64 MiB with a header that fits), whatever is mapped later
///
/// jvm(t)        pages present in the JVM's ranges (from pagemap, so that it does not matter how the kernel merges
///               neighbouring mappings), plus Rss of file mappings
/// allocator(t)  Rss of all mappings - jvm(t)                                                     (from smaps)
/// growth        allocator(now) - allocator(base)
/// peak          VmHWM - VmRSS(base) - (jvm(end) - jvm(base))                 the mark is reset at the base
/// ```
///
/// The JVM's share only grows during the pass, so the peak may be short by what it grew after the peak. What the
/// JVM asks of libc's malloc meanwhile counts as the allocator's, for every one alike; free memory in libc's arenas
/// is given back at the base. How much noise is left shows `--with none`. Reading costs some milliseconds.
public final class MemoryProbe {
    private static final long GLIBC_HEAP_BYTES = 64L << 20; // HEAP_MAX_SIZE of glibc's arena.c: 64 MiB, and so aligned
    private static final int MPROTECT_SIZE_OFFSET = 24; // heap_info: ar_ptr, prev, size, mprotect_size
    private static final long PAGEMAP_PRESENT = 1L << 63;
    private static final int PAGEMAP_CHUNK_BYTES = 1 << 16; // 64 KiB describe 32 MiB of 4 KiB pages

    private final List<Range> jvmRanges = new ArrayList<>();
    private final long pageBytes;
    private final Resident base;
    private final long baseProcessBytes;

    /// Takes the base: what is mapped from here on is the allocator's.
    public static MemoryProbe atBase() throws IOException {
        return new MemoryProbe();
    }

    private MemoryProbe() throws IOException {
        List<Mapping> mappings = readMappings();
        for (int i = 0; i < mappings.size(); i++) {
            Mapping mapping = mappings.get(i);
            boolean libc = mapping.name().equals("[heap]") || isGlibcHeap(mappings, i);
            boolean libcReserve = i > 0 && isGlibcHeap(mappings, i - 1);
            if (!mapping.isFile() && !libc && !libcReserve) {
                jvmRanges.add(new Range(mapping.start(), mapping.end()));
            }
        }
        pageBytes = mappings.getFirst().pageBytes();
        resident();
        Files.writeString(Path.of("/proc/self/clear_refs"), "5"); // resets VmHWM to VmRSS
        base = resident();
        baseProcessBytes = statusBytes("VmRSS:");
    }

    /// What the allocator has resident now beyond the base.
    public long growthBytes() throws IOException {
        return Math.max(0, resident().allocatorBytes() - base.allocatorBytes());
    }

    /// The most that the allocator had resident beyond the base since then.
    public long peakGrowthBytes() throws IOException {
        long processGrowth = statusBytes("VmHWM:") - baseProcessBytes;
        long jvmGrowth = resident().jvmBytes() - base.jvmBytes();
        return Math.max(growthBytes(), processGrowth - jvmGrowth);
    }

    private Resident resident() throws IOException {
        long allBytes = 0;
        long jvmBytes = 0;
        for (Mapping mapping : readMappings()) {
            allBytes += mapping.residentBytes();
            jvmBytes += mapping.isFile() ? mapping.residentBytes() : 0;
        }
        jvmBytes += presentInJvmRanges();
        return new Resident(allBytes - jvmBytes, jvmBytes);
    }

    private long presentInJvmRanges() throws IOException {
        long pages = 0;
        ByteBuffer chunk = ByteBuffer.allocate(PAGEMAP_CHUNK_BYTES).order(ByteOrder.nativeOrder());
        try (var pagemap = new RandomAccessFile("/proc/self/pagemap", "r")) {
            for (Range range : jvmRanges) {
                long at = range.start() / pageBytes * Long.BYTES;
                long end = range.end() / pageBytes * Long.BYTES;
                if (at < 0) {
                    continue; // [vsyscall], above all user addresses
                }
                pagemap.seek(at);
                while (at < end) {
                    int read = pagemap.read(chunk.array(), 0, (int) Math.min(PAGEMAP_CHUNK_BYTES, end - at));
                    if (read <= 0) {
                        break;
                    }
                    for (int i = 0; i + Long.BYTES <= read; i += Long.BYTES) {
                        pages += (chunk.getLong(i) & PAGEMAP_PRESENT) == 0 ? 0 : 1;
                    }
                    at += read;
                }
            }
        }
        return pages * pageBytes;
    }

    /// True of the used half of a heap of glibc's arenas: anonymous, readable and writable from a boundary of 64
    /// MiB, the rest of the window reserved, and the size that the header notes is the size of the mapping.
    private static boolean isGlibcHeap(List<Mapping> mappings, int index) {
        Mapping used = mappings.get(index);
        if (!used.permissions().equals("rw-p") || used.isFile() || used.start() % GLIBC_HEAP_BYTES != 0) {
            return false;
        }
        long windowEnd = used.start() + GLIBC_HEAP_BYTES;
        boolean reserveFollows = index + 1 < mappings.size()
                && mappings.get(index + 1).permissions().equals("---p")
                && mappings.get(index + 1).start() == used.end()
                && mappings.get(index + 1).end() == windowEnd;
        return (reserveFollows || used.end() == windowEnd)
                && Memory.getLong(used.start() + MPROTECT_SIZE_OFFSET) == used.end() - used.start();
    }

    private static long statusBytes(String key) throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
            if (line.startsWith(key)) {
                return kibibytes(line, key.length());
            }
        }
        throw new IOException("/proc/self/status has no " + key);
    }

    private static List<Mapping> readMappings() throws IOException {
        List<Mapping> mappings = new ArrayList<>();
        String[] head = {};
        long residentBytes = 0;
        long pageBytes = 4096;
        for (String line : Files.readAllLines(Path.of("/proc/self/smaps"), StandardCharsets.ISO_8859_1)) {
            if (line.startsWith("Rss:")) {
                residentBytes = kibibytes(line, 4);
            } else if (line.startsWith("MMUPageSize:")) {
                pageBytes = kibibytes(line, 12);
            } else if (line.startsWith("VmFlags:")) {
                mappings.add(Mapping.of(head, residentBytes, pageBytes));
            } else if (Character.digit(line.charAt(0), 16) >= 0 && line.indexOf('-') > 0) {
                head = line.split(" +", 6);
            }
        }
        return mappings;
    }

    private static long kibibytes(String line, int from) {
        return Long.parseLong(
                        line.substring(from, line.length() - " kB".length()).strip())
                << 10;
    }

    /// One entry of smaps.
    private record Mapping(long start, long end, String permissions, String name, long residentBytes, long pageBytes) {
        static Mapping of(String[] head, long residentBytes, long pageBytes) {
            int dash = head[0].indexOf('-');
            return new Mapping(
                    HexFormat.fromHexDigitsToLong(head[0], 0, dash),
                    HexFormat.fromHexDigitsToLong(head[0], dash + 1, head[0].length()),
                    head[1],
                    head.length > 5 ? head[5] : "",
                    residentBytes,
                    pageBytes);
        }

        boolean isFile() {
            return name.startsWith("/") && !name.startsWith("/memfd:");
        }
    }

    /// Addresses from `start` up to, not including, `end`.
    private record Range(long start, long end) {}

    private record Resident(long allocatorBytes, long jvmBytes) {}
}
