package malloc4j.internal.proc;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;

/// A program or library as it lies in a process's memory: what its headers say of its segments, and the addresses
/// of its exported symbols. Read from memory, not from the file, which may have been replaced since.
///
/// @source [elf(5)](https://man7.org/linux/man-pages/man5/elf.5.html); System V ABI, chapters 4 and 5; the GNU hash
///     table as `ld.so` reads it (glibc, `elf/dl-lookup.c`)
final class ElfImage {
    private static final int MAGIC = 0x464c457f; // 0x7f 'E' 'L' 'F', little-endian
    private static final int CLASS_64 = 2;
    private static final int PT_LOAD = 1;
    private static final int PT_DYNAMIC = 2;
    private static final int PF_W = 2;
    private static final int DT_HASH = 4;
    private static final int DT_STRTAB = 5;
    private static final int DT_SYMTAB = 6;
    private static final int DT_GNU_HASH = 0x6ffffef5;
    private static final int SYMBOL_BYTES = 24;
    private static final int HEADER_BYTES = 56;
    private static final int MAX_HEADERS = 256;
    private static final long MAX_HEADERS_OFFSET = 1 << 20;
    private static final long MAX_ADDRESS = 1L << 57; // above what any program has
    private static final int MAX_DYNAMIC = 256;
    private static final int MAX_SYMBOLS = 1 << 20;

    private final ProcessMemory memory;
    private final long pageBytes;
    private final List<Segment> segments = new ArrayList<>();
    private long bias;
    private long symbols;
    private long strings;
    private long gnuHash;
    private long hash;

    /// One program header; addresses as linked.
    private record Segment(int type, int flags, long address, long fileBytes, long memoryBytes) {
        /// Whether a kernel would load it: no part of it lies outside of the addresses, or is in the file alone.
        boolean isPossible() {
            return address >= 0
                    && address < MAX_ADDRESS
                    && fileBytes >= 0
                    && fileBytes <= memoryBytes
                    && memoryBytes < MAX_ADDRESS;
        }
    }

    /// A range of addresses, neither empty nor beyond the end of them.
    record Range(long start, long end) {}

    private ElfImage(ProcessMemory memory, long pageBytes) {
        this.memory = memory;
        this.pageBytes = pageBytes;
    }

    /// Reads the headers of the image whose first byte is at `base`.
    ///
    /// @throws IOException if there is no 64-bit ELF header, it says what cannot be, or it cannot be read
    static ElfImage at(ProcessMemory memory, long base, long pageBytes) throws IOException {
        ElfImage image = new ElfImage(memory, pageBytes);
        image.readSegments(base);
        return image;
    }

    private void readSegments(long base) throws IOException {
        if (memory.number(base) != MAGIC || memory.unsignedByte(base + 4) != CLASS_64) {
            throw new IOException("no ELF header at 0x" + Long.toHexString(base));
        }
        long offset = memory.word(base + 32);
        int headerBytes = memory.unsignedShort(base + 54);
        int count = memory.unsignedShort(base + 56);
        if (headerBytes != HEADER_BYTES || count > MAX_HEADERS || offset < 0 || offset > MAX_HEADERS_OFFSET) {
            throw new IOException("the ELF header at 0x" + Long.toHexString(base) + " says what cannot be");
        }
        for (int index = 0; index < count; index++) {
            long header = base + offset + (long) index * HEADER_BYTES;
            Segment segment = new Segment(
                    memory.number(header),
                    memory.number(header + 4),
                    memory.word(header + 16),
                    memory.word(header + 32),
                    memory.word(header + 40));
            if (isUsed(segment) && !segment.isPossible()) {
                throw new IOException(
                        "a program header of the image at 0x" + Long.toHexString(base) + " says what cannot be");
            }
            segments.add(segment);
        }
        for (Segment segment : segments) {
            if (segment.type() == PT_LOAD) {
                bias = base - alignDown(segment.address()); // the first one, which begins with the header
                return;
            }
        }
    }

    private static boolean isUsed(Segment segment) {
        return segment.type() == PT_LOAD || segment.type() == PT_DYNAMIC;
    }

    /// The pages that begin as zero and are in no file: behind what the file has of each writable segment.
    List<Range> bss() {
        List<Range> ranges = new ArrayList<>();
        for (Segment segment : segments) {
            long end = alignUp(bias + segment.address() + segment.memoryBytes());
            long fileEnd = alignUp(bias + segment.address() + segment.fileBytes());
            if (segment.type() == PT_LOAD && (segment.flags() & PF_W) != 0 && fileEnd > 0 && fileEnd < end) {
                ranges.add(new Range(fileEnd, end));
            }
        }
        return ranges;
    }

    /// The address of an exported symbol.
    OptionalLong symbol(String name) throws IOException {
        if (symbols == 0) {
            readDynamic();
        }
        if (gnuHash != 0) {
            return findByGnuHash(name);
        }
        return hash != 0 ? findAmong(name, 0, Math.min(memory.number(hash + 4), MAX_SYMBOLS)) : OptionalLong.empty();
    }

    private void readDynamic() throws IOException {
        for (Segment segment : segments) {
            if (segment.type() == PT_DYNAMIC) {
                long entry = bias + segment.address();
                for (int index = 0; index < MAX_DYNAMIC && memory.word(entry) != 0; index++, entry += 16) {
                    long value = memory.word(entry + 8);
                    long address = value < bias ? bias + value : value; // glibc has relocated it, musl has not
                    switch ((int) memory.word(entry)) {
                        case DT_SYMTAB -> symbols = address;
                        case DT_STRTAB -> strings = address;
                        case DT_GNU_HASH -> gnuHash = address;
                        case DT_HASH -> hash = address;
                        default -> {}
                    }
                }
            }
        }
        if (symbols == 0 || strings == 0) {
            throw new IOException("no dynamic symbols at 0x" + Long.toHexString(bias));
        }
    }

    /// ```
    ///   u32 bucketCount, firstSymbol, bloomWords, shift | u64 bloom[] | u32 buckets[] | u32 chains[]
    /// ```
    private OptionalLong findByGnuHash(String name) throws IOException {
        int bucketCount = memory.number(gnuHash);
        int firstSymbol = memory.number(gnuHash + 4);
        int bloomWords = memory.number(gnuHash + 8);
        long buckets = gnuHash + 16 + 8L * bloomWords;
        long chains = buckets + 4L * bucketCount;
        if (bucketCount <= 0) {
            return OptionalLong.empty();
        }
        int nameHash = 5381;
        for (int index = 0; index < name.length(); index++) {
            nameHash = nameHash * 33 + name.charAt(index);
        }
        int symbol = memory.number(buckets + 4L * Integer.remainderUnsigned(nameHash, bucketCount));
        for (int step = 0; symbol >= firstSymbol && step < MAX_SYMBOLS; symbol++, step++) {
            int chained = memory.number(chains + 4L * (symbol - firstSymbol));
            if ((chained | 1) == (nameHash | 1)) {
                OptionalLong found = findAmong(name, symbol, symbol + 1);
                if (found.isPresent()) {
                    return found;
                }
            }
            if ((chained & 1) != 0) {
                break;
            }
        }
        return OptionalLong.empty();
    }

    private OptionalLong findAmong(String name, int from, int to) throws IOException {
        for (int index = from; index < to; index++) {
            long symbol = symbols + (long) index * SYMBOL_BYTES;
            boolean isDefined = memory.unsignedShort(symbol + 6) != 0;
            if (isDefined
                    && memory.string(strings + (memory.number(symbol) & 0xffff_ffffL))
                            .equals(name)) {
                return OptionalLong.of(bias + memory.word(symbol + 8));
            }
        }
        return OptionalLong.empty();
    }

    private long alignDown(long address) {
        return address & -pageBytes;
    }

    private long alignUp(long address) {
        return (address + pageBytes - 1) & -pageBytes;
    }
}
