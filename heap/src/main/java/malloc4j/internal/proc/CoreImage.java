package malloc4j.internal.proc;

import java.io.EOFException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import malloc4j.observe.MappedRange;
import malloc4j.observe.MemoryUse;
import org.jspecify.annotations.Nullable;

/// The memory of a process that has died, in its core file: what was mapped, and what of it was written there.
///
/// ```
///   ELF header    32 e_phoff   54 e_phentsize   56 e_phnum; 0xffff: it is sh_info of the first section
///   program header, 56 bytes: 0 p_type (1 PT_LOAD, 4 PT_NOTE)   4 p_flags   8 p_offset   16 p_vaddr
///                             32 p_filesz   40 p_memsz
///   notes         name size, description size, type; name; description; each on a multiple of 4
///     NT_PRPSINFO   24 pid    40 the name, 16 bytes
///     NT_AUXV       pairs of words: 6 AT_PAGESZ   7 AT_BASE   9 AT_ENTRY   31 AT_EXECFN, in the stack
///                   33 AT_SYSINFO_EHDR, the vdso
///     NT_FILE       count, page size; start, end, offset of each; the names, each with a 0 behind it
/// ```
///
/// A mapping is a PT_LOAD, cut where a file of the notes begins or ends: the kernel writes one for each, others join
/// them. Whatever stands in the file is checked before it counts: a core may be cut, at `ulimit -c` or where the disk
/// was full.
///
/// Invariants: segments do not overlap and are in address order; none has more bytes in the file than addresses.
///
/// @source [core(5)](https://man7.org/linux/man-pages/man5/core.5.html),
///     [elf(5)](https://man7.org/linux/man-pages/man5/elf.5.html)
public final class CoreImage implements ProcessMemory.Source {
    private static final int MAGIC = 0x464c457f;
    private static final int HEADER_BYTES = 64;
    private static final int CLASS_64 = 2;
    private static final int LITTLE_ENDIAN = 1;
    private static final int TYPE_CORE = 4;
    private static final int SEGMENT_BYTES = 56;
    private static final int SECTION_BYTES = 64;
    private static final int MANY_SEGMENTS = 0xffff;
    private static final int MAX_SEGMENTS = 1 << 20;
    private static final int TYPE_LOAD = 1;
    private static final int TYPE_NOTE = 4;
    private static final int MAX_NOTE_BYTES = 64 << 20;
    private static final String OWNER = "CORE";
    private static final int PRPSINFO = 3;
    private static final int AUXILIARY = 6;
    private static final long ENTRY = 9; // AT_ENTRY
    private static final long IN_STACK = 31; // AT_EXECFN
    private static final long VDSO = 33; // AT_SYSINFO_EHDR
    private static final long VSYSCALL = 0xffff_ffff_ff60_0000L; // of x86-64
    private static final int FILES = 0x46494c45;
    private static final int PID = 24;
    private static final int NAME = 40;
    private static final int MAX_NAME_BYTES = 16;
    private static final int EXECUTE = 1;
    private static final int WRITE = 2;
    private static final int READ = 4;
    static final long DEFAULT_PAGE_BYTES = 4096;
    private static final long MAX_PAGE_BYTES = 1 << 16;

    private final RandomAccessFile file;
    private final long fileBytes;
    private final List<Segment> segments = new ArrayList<>();
    private final List<NamedRange> files = new ArrayList<>();
    private long pid;
    private String name = "";
    private long pageBytes = DEFAULT_PAGE_BYTES;
    private long interpreter;
    private long entry;
    private long inStack;
    private long vdso;
    private boolean isCut;

    private record Segment(long address, long byteSize, long offset, long writtenBytes, int flags) {
        long end() {
            return address + byteSize;
        }

        boolean has(long there) {
            return Long.compareUnsigned(there, address) >= 0 && Long.compareUnsigned(there, end()) < 0;
        }

        long writtenEnd() {
            return address + writtenBytes;
        }
    }

    private record NamedRange(long start, long end, long offset, String name) {}

    private CoreImage(RandomAccessFile file) throws IOException {
        this.file = file;
        this.fileBytes = file.length();
    }

    /// Opens a core file.
    ///
    /// @throws BrokenCoreException if it is none, or one that cannot be understood
    /// @throws IOException if it cannot be read
    public static CoreImage open(Path path) throws IOException {
        RandomAccessFile file = new RandomAccessFile(path.toFile(), "r");
        try {
            CoreImage core = new CoreImage(file);
            core.readHeaders();
            return core;
        } catch (EOFException | BufferUnderflowException | IllegalArgumentException | ArithmeticException broken) {
            file.close();
            throw new BrokenCoreException("is a core file that is cut or broken");
        } catch (IOException | RuntimeException failed) {
            file.close();
            throw failed;
        }
    }

    private void readHeaders() throws IOException {
        if (fileBytes == 0) {
            throw new BrokenCoreException("is empty");
        }
        if (fileBytes < Integer.BYTES || at(0, Integer.BYTES).getInt(0) != MAGIC) {
            throw new BrokenCoreException("is no core file");
        }
        ByteBuffer header = at(0, HEADER_BYTES);
        if (header.get(4) != CLASS_64 || header.get(5) != LITTLE_ENDIAN) {
            throw new BrokenCoreException("is of a 32-bit or big-endian machine, where there is no malloc4j");
        }
        if (header.getShort(16) != TYPE_CORE) {
            throw new BrokenCoreException("is an ELF file, but no core: name what the kernel left of a process");
        }
        long count = Short.toUnsignedInt(header.getShort(56));
        if (count == MANY_SEGMENTS) {
            count = Integer.toUnsignedLong(at(header.getLong(40), SECTION_BYTES).getInt(44));
        }
        if (header.getShort(54) != SEGMENT_BYTES || count > MAX_SEGMENTS) {
            throw new EOFException();
        }
        ByteBuffer table = at(header.getLong(32), (int) count * SEGMENT_BYTES);
        for (int index = 0; index < count; index++) {
            readSegment(table.slice(index * SEGMENT_BYTES, SEGMENT_BYTES).order(ByteOrder.LITTLE_ENDIAN));
        }
        segments.sort(Comparator.comparing(Segment::address, Long::compareUnsigned));
        for (int index = segments.size() - 1; index > 0; index--) {
            if (Long.compareUnsigned(
                            segments.get(index - 1).end(), segments.get(index).address())
                    > 0) {
                throw new EOFException();
            }
        }
    }

    private void readSegment(ByteBuffer header) throws IOException {
        int type = header.getInt(0);
        long offset = header.getLong(8);
        long writtenBytes = header.getLong(32);
        if (type == TYPE_NOTE) {
            if (writtenBytes < 0 || writtenBytes > MAX_NOTE_BYTES) {
                throw new EOFException();
            }
            readNotes(at(offset, (int) writtenBytes));
        } else if (type == TYPE_LOAD) {
            long address = header.getLong(16);
            long byteSize = header.getLong(40);
            if (byteSize <= 0 || address + byteSize == 0) {
                return; // nothing, or the last page of all addresses
            }
            boolean isRange = Long.compareUnsigned(address, address + byteSize) < 0 && (address & 0xfff) == 0;
            if (!isRange || offset < 0 || writtenBytes < 0 || writtenBytes > byteSize || (byteSize & 0xfff) != 0) {
                throw new EOFException();
            }
            long there = Math.clamp(fileBytes - offset, 0, writtenBytes);
            isCut |= there < writtenBytes;
            segments.add(new Segment(address, byteSize, offset, there, header.getInt(4)));
        }
    }

    private ByteBuffer at(long offset, int count) throws IOException {
        if (offset < 0 || offset > fileBytes - count) {
            throw new EOFException();
        }
        byte[] bytes = new byte[count];
        file.seek(offset);
        file.readFully(bytes);
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    private void readNotes(ByteBuffer notes) {
        while (notes.remaining() >= 3 * Integer.BYTES) {
            int nameBytes = notes.getInt();
            int noteBytes = notes.getInt();
            int type = notes.getInt();
            int nameStart = notes.position();
            skip(notes, nameBytes);
            boolean isCore = text(notes.slice(nameStart, nameBytes), nameBytes).equals(OWNER);
            int start = notes.position();
            skip(notes, noteBytes);
            readNote(isCore ? type : 0, notes.slice(start, noteBytes).order(ByteOrder.LITTLE_ENDIAN));
        }
    }

    /// Whether a page of the kernel's may have so many bytes.
    static boolean isPage(long byteSize) {
        return byteSize >= DEFAULT_PAGE_BYTES && byteSize <= MAX_PAGE_BYTES && Long.bitCount(byteSize) == 1;
    }

    private static void skip(ByteBuffer notes, int count) {
        if (count < 0 || count > notes.remaining()) {
            throw new BufferUnderflowException();
        }
        int aligned = Math.min(notes.remaining(), Math.addExact(count, 3) & ~3);
        notes.position(notes.position() + aligned);
    }

    private void readNote(int type, ByteBuffer note) {
        if (type == PRPSINFO) {
            pid = note.position(PID).getInt();
            name = text(note.position(NAME), MAX_NAME_BYTES);
        } else if (type == AUXILIARY) {
            while (note.remaining() >= 2 * Long.BYTES) {
                long key = note.getLong();
                long value = note.getLong();
                pageBytes = key == AuxiliaryVector.AT_PAGESZ && isPage(value) ? value : pageBytes;
                interpreter = key == AuxiliaryVector.AT_BASE ? value : interpreter;
                entry = key == ENTRY ? value : entry;
                inStack = key == IN_STACK ? value : inStack;
                vdso = key == VDSO ? value : vdso;
            }
        } else if (type == FILES && files.isEmpty()) {
            readFiles(note);
        }
    }

    private void readFiles(ByteBuffer note) {
        long count = note.getLong();
        long unit = note.getLong();
        if (count < 0 || count > note.remaining() / (3 * Long.BYTES)) {
            throw new BufferUnderflowException();
        }
        ByteBuffer names = note.duplicate().position(note.position() + (int) count * 3 * Long.BYTES);
        for (int index = 0; index < count; index++) {
            long start = note.getLong();
            long end = note.getLong();
            long offset = note.getLong() * unit;
            files.add(new NamedRange(start, end, offset, text(names, names.remaining())));
        }
    }

    /// Up to a 0, which is skipped.
    private static String text(ByteBuffer from, int maxBytes) {
        byte[] bytes = new byte[Math.min(maxBytes, from.remaining())];
        int length = 0;
        for (byte each = 1; each != 0 && length < bytes.length; ) {
            each = from.get();
            if (each != 0) {
                bytes[length] = each;
                length++;
            }
        }
        return new String(bytes, 0, length, StandardCharsets.UTF_8);
    }

    /// The number that the process had, 0 where that is not told.
    public long pid() {
        return pid;
    }

    /// The name that it had, up to 15 letters.
    public String name() {
        return name;
    }

    /// The kernel's page.
    public long pageBytes() {
        return pageBytes;
    }

    /// Where the dynamic linker was, 0 where there was none.
    long interpreter() {
        return interpreter;
    }

    /// Where the program began to run, 0 where that is not told.
    long entry() {
        return entry;
    }

    /// Whether the file ends before what its headers say is in it.
    public boolean isCut() {
        return isCut;
    }

    /// How many bytes of memory are in the file.
    public long writtenBytes() {
        return segments.stream().mapToLong(Segment::writtenBytes).sum();
    }

    /// What was mapped, in address order.
    Mappings mappings() {
        Mappings mappings = new Mappings();
        Map<String, Long> inodes = new HashMap<>(); // the core has none: each name counts as a file
        int next = 0;
        files.sort(Comparator.comparing(NamedRange::start, Long::compareUnsigned));
        for (Segment segment : segments) {
            long from = segment.address();
            while (from != segment.end()) {
                while (next < files.size()
                        && Long.compareUnsigned(files.get(next).end(), from) <= 0) {
                    next++;
                }
                NamedRange named = next < files.size() ? files.get(next) : null;
                boolean isNamed = named != null && Long.compareUnsigned(named.start(), from) <= 0;
                long to = named == null ? segment.end() : isNamed ? named.end() : named.start();
                to = Long.compareUnsigned(to, segment.end()) < 0 ? to & -DEFAULT_PAGE_BYTES : segment.end();
                if (Long.compareUnsigned(to, from) <= 0) {
                    to = segment.end(); // a file that begins or ends within a page
                }
                mappings.append(range(segment, from, to, isNamed ? named : null, inodes));
                from = to;
            }
        }
        return mappings;
    }

    private MappedRange range(
            Segment segment, long from, long to, @Nullable NamedRange named, Map<String, Long> inodes) {
        int flags = segment.flags();
        String rights = ((flags & READ) != 0 ? "r" : "-")
                + ((flags & WRITE) != 0 ? "w" : "-")
                + ((flags & EXECUTE) != 0 ? "x" : "-")
                + "p";
        String name = named == null ? kernelName(segment) : named.name();
        long inode = named == null ? 0 : inodes.computeIfAbsent(name, unused -> inodes.size() + 1L);
        long offset = named == null ? 0 : named.offset() + from - named.start();
        return new MappedRange(from, to - from, rights, offset, "00:00", inode, name, "", MemoryUse.NONE);
    }

    /// As the kernel calls what has no file.
    private String kernelName(Segment segment) {
        if (segment.address() == VSYSCALL) {
            return "[vsyscall]";
        }
        if (segment.has(vdso)) {
            return "[vdso]";
        }
        return segment.has(inStack) ? "[stack]" : "";
    }

    // As a source of memory.

    private @Nullable Segment segment(long address) {
        int low = 0;
        int high = segments.size() - 1;
        while (low <= high) {
            int middle = (low + high) >>> 1;
            Segment segment = segments.get(middle);
            if (Long.compareUnsigned(address, segment.address()) < 0) {
                high = middle - 1;
            } else if (Long.compareUnsigned(address, segment.end()) >= 0) {
                low = middle + 1;
            } else {
                return segment;
            }
        }
        return null;
    }

    @Override
    public int read(long address, byte[] bytes, int length) throws IOException {
        int filled = 0;
        byte[] part = bytes;
        while (filled < length) {
            long at = address + filled;
            Segment segment = segment(at);
            if (segment == null || at >= segment.writtenEnd()) {
                break;
            }
            int count = (int) Math.min(length - filled, segment.writtenEnd() - at);
            file.seek(segment.offset() + at - segment.address());
            file.readFully(part, filled, count);
            filled += count;
        }
        return filled;
    }

    /// What is not in the file counts as touched where it was mapped to be written: reading it fails, and is noticed.
    @Override
    public long next(long address, long limit, boolean isTouched) {
        return isTouched ? address : limit;
    }

    @Override
    public boolean isPresent(long address) {
        Segment segment = segment(address);
        return segment != null && address < segment.writtenEnd();
    }

    @Override
    public void close() throws IOException {
        file.close();
    }
}
