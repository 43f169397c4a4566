package examples;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;
import malloc4j.linux.Mapping;
import malloc4j.linux.MemoryAdvice;

/// An index from `long` keys to `long` values in a file, which is memory while it is open: a table of any size, that no
/// start of a program has to read, and that other processes may read meanwhile.
///
/// ```
///   file     | magic, 8 bytes | key, value | key, value | ...       a power of two of entries; key 0: free
///                                   ^
///                                   the key's hash, and on from there until its key or a free entry
/// ```
///
/// Not safe for use by several threads at once.
public final class FileIndex implements AutoCloseable {
    private static final long MAGIC = 0x7864_6E69_6A34_6D01L;
    private static final long HEADER_BYTES = Long.BYTES;
    private static final long ENTRY_BYTES = 2 * Long.BYTES;
    private static final long SPREAD = 0x9E37_79B9_7F4A_7C15L; // 2^64 by the golden ratio

    private final Mapping mapping;
    private final MemorySegment table;
    private final long mask;

    /// Opens an index, and makes it where there is none: the disk gives room to the pages that are written alone.
    ///
    /// @param entries how many it may have, a power of two
    /// @throws IllegalStateException if the file is something else
    public FileIndex(Path file, long entries) {
        if (Long.bitCount(entries) != 1) {
            throw new IllegalArgumentException("FileIndex(entries=" + entries + "): must be a power of two");
        }
        mapping = Mapping.ofFile(file)
                .readWrite()
                .byteSize(HEADER_BYTES + entries * ENTRY_BYTES)
                .createOrExtend()
                .map();
        table = mapping.segment();
        mask = entries - 1;
        long found = table.get(ValueLayout.JAVA_LONG, 0);
        if (found != 0 && found != MAGIC) {
            mapping.close();
            throw new IllegalStateException(file + " is no index");
        }
        table.set(ValueLayout.JAVA_LONG, 0, MAGIC);
        mapping.advise(MemoryAdvice.RANDOM); // the kernel need not read ahead
    }

    /// Puts a value in place of what the key had.
    ///
    /// @param key not 0
    public void put(long key, long value) {
        long at = find(key);
        table.set(ValueLayout.JAVA_LONG, at + Long.BYTES, value);
        table.set(ValueLayout.JAVA_LONG, at, key);
    }

    /// The value of a key.
    public OptionalLong get(long key) {
        long at = find(key);
        return table.get(ValueLayout.JAVA_LONG, at) == 0
                ? OptionalLong.empty()
                : OptionalLong.of(table.get(ValueLayout.JAVA_LONG, at + Long.BYTES));
    }

    private long find(long key) {
        if (key == 0) {
            throw new IllegalArgumentException("key 0 means that an entry is free");
        }
        long entry = (key * SPREAD) >>> 32;
        for (long tried = 0; tried <= mask; tried++, entry++) {
            long at = HEADER_BYTES + (entry & mask) * ENTRY_BYTES;
            long found = table.get(ValueLayout.JAVA_LONG, at);
            if (found == key || found == 0) {
                return at;
            }
        }
        throw new IllegalStateException("the index is full");
    }

    /// Waits until the disk has all.
    public void flush() {
        mapping.flush();
    }

    @Override
    public void close() {
        mapping.close();
    }

    public static void main(String[] arguments) throws IOException {
        Path file = Files.createTempFile("index", ".bin");
        long entries = 1 << 18;
        try {
            try (FileIndex index = new FileIndex(file, entries)) {
                for (long key = 1; key <= 100_000; key++) {
                    index.put(key, key * key);
                }
                index.flush();
            }
            try (FileIndex again = new FileIndex(file, entries)) { // nothing is read until it is asked for
                System.out.println("12345 squared is " + again.get(12_345).orElseThrow());
                System.out.println("100001 is not there: " + again.get(100_001).isEmpty());
            }
        } finally {
            Files.delete(file);
        }
    }
}
