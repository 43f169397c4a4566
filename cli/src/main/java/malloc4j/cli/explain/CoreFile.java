package malloc4j.cli.explain;

import java.io.EOFException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import malloc4j.cli.CliException;
import malloc4j.cli.explain.Crash.Mapping;
import org.jspecify.annotations.Nullable;

/// A core file, of which the headers and the notes alone are read, however large it is.
///
/// ```
///   ELF header    32 e_phoff   54 e_phentsize   56 e_phnum; 0xffff: it is sh_info of the first section
///   program header, 56 bytes: 0 p_type (4 PT_NOTE)   8 p_offset   32 p_filesz
///   notes         name size, description size, type; name; description; each on a multiple of 4
///     NT_PRPSINFO   24 pid    56 the first 80 bytes of the command
///     NT_SIGINFO    0 signal  8 code   16 address
///     NT_FILE       count, page size; start, end, offset of each; the names, each with a 0 behind it
/// ```
///
/// A JVM that dies aborts, so that its core has no address of its own: it is told by the log beside the core.
///
/// @source [core(5)](https://man7.org/linux/man-pages/man5/core.5.html),
///     [elf(5)](https://man7.org/linux/man-pages/man5/elf.5.html)
final class CoreFile {
    private static final int HEADER_BYTES = 64;
    private static final int CLASS_64 = 2;
    private static final int LITTLE_ENDIAN = 1;
    private static final int TYPE_CORE = 4;
    private static final int SEGMENT_BYTES = 56;
    private static final int SECTION_BYTES = 64;
    private static final int MANY_SEGMENTS = 0xffff;
    private static final int MAX_SEGMENTS = 1 << 20;
    private static final int TYPE_NOTE = 4;
    private static final int MAX_NOTE_BYTES = 64 << 20;
    private static final String OWNER = "CORE";
    private static final int PRPSINFO = 3;
    private static final int SIGINFO = 0x53494749;
    private static final int FILES = 0x46494c45;
    private static final int MAX_COMMAND_BYTES = 80;
    private static final int ABORT = 6;
    private static final Map<Integer, String> SIGNALS =
            Map.of(4, "SIGILL", 5, "SIGTRAP", ABORT, "SIGABRT", 7, "SIGBUS", 8, "SIGFPE", 11, "SIGSEGV");
    private static final int FROM_KERNEL = 0x80;

    private final Path path;
    private final RandomAccessFile file;
    private long pid;
    private String command = "";
    private int signal;
    private @Nullable Long address;
    private List<Mapping> mappings = List.of();

    CoreFile(Path path, RandomAccessFile file) {
        this.path = path;
        this.file = file;
    }

    Crash read() throws IOException {
        try {
            readNotes();
        } catch (EOFException | BufferUnderflowException | IllegalArgumentException | ArithmeticException cut) {
            throw CliException.problem(path + ": is a core file that is cut or broken");
        }
        Crash log = address == null && signal == ABORT ? log() : null;
        String what = signal == 0 ? "no signal" : SIGNALS.getOrDefault(signal, "signal " + signal);
        return log != null ? log : new Crash(what, pid, address, Crash.UNKNOWN, command, mappings);
    }

    /// What HotSpot has written before it aborted, where that lies beside the core.
    private @Nullable Crash log() {
        Path log = path.resolveSibling("hs_err_pid" + pid + ".log");
        return pid > 0 && Files.isRegularFile(log) ? CrashFile.read(log) : null;
    }

    private void readNotes() throws IOException {
        ByteBuffer header = at(0, HEADER_BYTES);
        if (header.get(4) != CLASS_64 || header.get(5) != LITTLE_ENDIAN) {
            throw CliException.problem(
                    path + ": is of a 32-bit or big-endian machine, where there is no malloc4j: no core of its");
        }
        if (header.getShort(16) != TYPE_CORE) {
            throw CliException.problem(path + ": is an ELF file, but no core: name what the kernel left of a process");
        }
        long segments = header.getLong(32);
        long count = Short.toUnsignedInt(header.getShort(56));
        if (count == MANY_SEGMENTS) {
            count = Integer.toUnsignedLong(at(header.getLong(40), SECTION_BYTES).getInt(44));
        }
        if (header.getShort(54) != SEGMENT_BYTES || count > MAX_SEGMENTS) {
            throw new EOFException();
        }
        ByteBuffer table = at(segments, (int) count * SEGMENT_BYTES);
        for (int index = 0; index < count; index++) {
            if (table.getInt(index * SEGMENT_BYTES) == TYPE_NOTE) {
                long size = table.getLong(index * SEGMENT_BYTES + 32);
                if (size < 0 || size > MAX_NOTE_BYTES) {
                    throw new EOFException();
                }
                readNotes(at(table.getLong(index * SEGMENT_BYTES + 8), (int) size));
            }
        }
    }

    private ByteBuffer at(long offset, int count) throws IOException {
        if (offset < 0 || offset > file.length() - count) {
            throw new EOFException();
        }
        byte[] bytes = new byte[count];
        file.seek(offset);
        file.readFully(bytes);
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    private void readNotes(ByteBuffer notes) {
        while (notes.remaining() >= 12) {
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

    private static void skip(ByteBuffer notes, int count) {
        if (count < 0 || count > notes.remaining()) {
            throw new BufferUnderflowException();
        }
        int aligned = Math.min(notes.remaining(), Math.addExact(count, 3) & ~3);
        notes.position(notes.position() + aligned);
    }

    private void readNote(int type, ByteBuffer note) {
        if (type == PRPSINFO) {
            pid = note.position(24).getInt();
            command = text(note.position(56), MAX_COMMAND_BYTES);
        } else if (type == SIGINFO && signal == 0) { // of the thread that died, which is the first
            signal = note.getInt();
            int code = note.position(8).getInt();
            boolean hasAddress = SIGNALS.containsKey(signal) && signal != ABORT && code > 0 && code < FROM_KERNEL;
            address = hasAddress ? (Long) note.position(16).getLong() : null;
        } else if (type == FILES) {
            mappings = files(note);
        }
    }

    private static List<Mapping> files(ByteBuffer note) {
        long count = note.getLong();
        long pageBytes = note.getLong();
        if (count < 0 || count > note.remaining() / (3 * Long.BYTES)) {
            throw new BufferUnderflowException();
        }
        ByteBuffer names = note.duplicate().position(note.position() + (int) count * 3 * Long.BYTES);
        List<Mapping> files = new ArrayList<>();
        for (int index = 0; index < count; index++) {
            long start = note.getLong();
            long end = note.getLong();
            long unused = note.getLong() * pageBytes;
            files.add(new Mapping(start, end, "", text(names, names.remaining())));
        }
        return files;
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
}
