package malloc4j.cli.playground;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/// What the kernel tells of this process's own pages.
///
/// @source [proc_pid_pagemap(5)](https://man7.org/linux/man-pages/man5/proc_pid_pagemap.5.html)
final class OwnPages {
    private static final int ENTRY_BYTES = Long.BYTES;
    private static final int ENTRIES_AT_ONCE = 8192;

    private OwnPages() {}

    /// How many pages are in memory, from one to another one that does not count.
    ///
    /// @param from the number of a page: its address over the page's size
    static long resident(long from, long to) {
        long resident = 0;
        try (var file = new RandomAccessFile("/proc/self/pagemap", "r")) {
            for (long page = from; page < to; page += ENTRIES_AT_ONCE) {
                byte[] entries = new byte[(int) Math.min(ENTRIES_AT_ONCE, to - page) * ENTRY_BYTES];
                file.seek(page * ENTRY_BYTES);
                file.readFully(entries);
                var longs =
                        ByteBuffer.wrap(entries).order(ByteOrder.nativeOrder()).asLongBuffer();
                while (longs.hasRemaining()) {
                    resident += longs.get() < 0 ? 1 : 0; // the highest bit: it is present
                }
            }
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
        return resident;
    }

    /// The addresses that the program break has given so far.
    ///
    /// @param from 0 where it has given none
    record Break(long from, long to) {
        boolean has(long address) {
            return address >= from && address < to;
        }

        static Break now() {
            long from = 0;
            long to = 0;
            for (String line : mappings()) {
                if (line.endsWith("[heap]")) {
                    String[] ends = line.substring(0, line.indexOf(' ')).split("-", 2);
                    from = from == 0 ? Long.parseLong(ends[0], 16) : from;
                    to = Long.parseLong(ends[1], 16);
                }
            }
            return new Break(from, to);
        }

        private static List<String> mappings() {
            try {
                return Files.readAllLines(Path.of("/proc/self/maps"));
            } catch (IOException unreadable) {
                throw new UncheckedIOException(unreadable);
            }
        }
    }
}
