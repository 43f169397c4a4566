package malloc4j.linux;

import java.nio.file.FileSystems;
import java.nio.file.Path;
import malloc4j.internal.os.Linux;
import malloc4j.internal.os.SystemCalls;

/// Asks for a file as memory, option by option; [#map] opens and maps it.
///
/// ```java
/// import java.lang.foreign.ValueLayout;
/// import java.nio.file.Files;
/// import java.nio.file.Path;
/// import malloc4j.linux.Mapping;
///
/// void main() throws Exception {
///     Path file = Files.createTempFile("index", ".bin");
///     long byteSize = 5L << 30; // the disk gives blocks to the pages that are written, and to no other
///     try (Mapping index = Mapping.ofFile(file).readWrite().byteSize(byteSize).createOrExtend().map()) {
///         index.segment().set(ValueLayout.JAVA_LONG, byteSize - 8, 42);
///     }
///     try (Mapping tail = Mapping.ofFile(file).offset(byteSize - 8).map()) { // need not be at a page
///         if (tail.segment().get(ValueLayout.JAVA_LONG, 0) != 42) throw new AssertionError();
///     }
///     Files.delete(file);
/// }
/// ```
///
/// | wanted | options | writes go |
/// |---|---|---|
/// | read it | none | nowhere: segments are read-only |
/// | change it, with all who map or read it | [#readWrite] | to the file |
/// | work on a copy of it | [#copyOnWrite] | nowhere else: each page that is written is copied first |
///
/// The part that is mapped begins at [#offset], which need not be at a page, and is [#byteSize] long, or reaches to
/// the end of the file. It may not lie beyond that end, unless [#createOrExtend] or [#preallocate] moves it.
/// Offsets and sizes may be far above 2 GiB.
///
/// The mapping keeps the file open, for its length, until it is closed.
///
/// Not for use by two threads at once. It may make several mappings.
///
/// @since 0.1.0
public final class FileMappingBuilder {
    private static final long TO_THE_END = -1;

    private final SystemCalls calls;
    private final Path path;
    private long offset;
    private long byteSize = TO_THE_END;
    private Protection protection = Protection.READ;
    private int flags = Linux.MAP_SHARED;
    private long address;
    private boolean extended;
    private boolean preallocated;

    FileMappingBuilder(SystemCalls calls, Path path) {
        if (path.getFileSystem() != FileSystems.getDefault()) {
            throw new IllegalArgumentException("the kernel cannot map " + path + " of " + path.getFileSystem());
        }
        this.calls = calls;
        this.path = path;
    }

    /// Where in the file the memory begins, in bytes, 0 or more; anywhere, not only at a page. 0 by default.
    ///
    /// @throws IllegalArgumentException if it is negative
    public FileMappingBuilder offset(long value) {
        if (value < 0) {
            throw new IllegalArgumentException("offset=" + value + " bytes is negative");
        }
        offset = value;
        return this;
    }

    /// How many bytes are mapped, 1 to [Mapping#MAX_BYTE_SIZE]. To the end of the file by default.
    ///
    /// @throws IllegalArgumentException if it is out of its range
    public FileMappingBuilder byteSize(long value) {
        Mapping.checkByteSize(value);
        byteSize = value;
        return this;
    }

    /// Readable and writable, and what is written goes to the file: seen at once by everybody who maps or reads it,
    /// and on the device after [Mapping#flush].
    public FileMappingBuilder readWrite() {
        protection = Protection.READ_WRITE;
        flags = (flags & ~Linux.MAP_PRIVATE) | Linux.MAP_SHARED;
        return this;
    }

    /// Readable and writable, and what is written stays in this mapping: a page that is written becomes a copy.
    /// Whether later changes of the file are seen in pages that are not copies is up to the kernel.
    public FileMappingBuilder copyOnWrite() {
        protection = Protection.READ_WRITE;
        flags = (flags & ~Linux.MAP_SHARED) | Linux.MAP_PRIVATE;
        return this;
    }

    /// What may be done with the memory, where reading alone, or reading and writing, is not it. A shared mapping
    /// that is writable opens the file for writing; [Mapping#protect] cannot make it writable later unless it did.
    public FileMappingBuilder protection(Protection value) {
        protection = value;
        return this;
    }

    /// Reads the file into memory at once; of [#copyOnWrite] makes all the copies. A page that cannot be had is
    /// left to the first touch, without an error: [MemoryAdvice#POPULATE_READ] reports that.
    public FileMappingBuilder populate() {
        flags |= Linux.MAP_POPULATE;
        return this;
    }

    /// Does not count copies of pages against the commit limit, unless `vm.overcommit_memory` is 2.
    public FileMappingBuilder noReserve() {
        flags |= Linux.MAP_NORESERVE;
        return this;
    }

    /// Exactly at an address, where nothing may be mapped yet (`EEXIST`): nothing is ever replaced.
    ///
    /// @param value a multiple of the page size; the page that [#offset] lies in begins there
    /// @throws IllegalArgumentException if it is not at a page, or not positive
    public FileMappingBuilder at(long value) {
        address = Mapping.checkAddress(value);
        return this;
    }

    /// Creates the file if it is missing, readable and writable by its owner alone, and makes it as long as is to
    /// be mapped if it is shorter; what it gains is a hole, which reads as zeroes. Needs [#byteSize].
    ///
    /// A hole takes no room on the device: when that is full, touching it is an `InternalError`; see
    /// [#preallocate].
    public FileMappingBuilder createOrExtend() {
        extended = true;
        return this;
    }

    /// Gives the part that is mapped its room on the device now, so that a full one is an exception of [#map], and
    /// not an error at a later touch. Makes the file longer if it is shorter. Needs [#byteSize], and a file system
    /// that can.
    ///
    /// @source [fallocate(2)](https://man7.org/linux/man-pages/man2/fallocate.2.html)
    public FileMappingBuilder preallocate() {
        preallocated = true;
        return this;
    }

    /// Opens and maps the file.
    ///
    /// @throws IllegalArgumentException if the options contradict each other, or the part lies beyond the end of
    ///     the file, as everything does of one that is empty, or made while it is read; of a character device, if
    ///     [#byteSize] is missing
    /// @throws SystemCallException if it is a directory, a named pipe or a socket, the kernel refuses, or this
    ///     library's share of `vm.max_map_count` is used up; nothing is mapped or open then, and the file has the
    ///     length that it had. If it was created it stays, empty
    public Mapping map() {
        boolean shared = (flags & Linux.MAP_SHARED) != 0;
        boolean writable = shared && protection.isWritable();
        if ((extended || preallocated) && (byteSize == TO_THE_END || !writable)) {
            throw new IllegalArgumentException(
                    "createOrExtend and preallocate need byteSize, to know the file's length, and readWrite");
        }
        MappedFile file = MappedFile.open(calls, path, writable, extended);
        try {
            return map(file);
        } catch (RuntimeException | Error refused) {
            file.close();
            throw refused;
        }
    }

    /// Why the part that is asked for cannot be mapped.
    private String notInside(MappedFile file, long length) {
        if (length == 0 && file.isOfProc()) {
            return "file " + path + " is made by the kernel while it is read, so it has no length and cannot be mapped:"
                    + " read it";
        }
        if (length == 0) {
            return "file " + path
                    + " is empty, and nothing of it can be mapped: write to it first, or ask for byteSize,"
                    + " readWrite and createOrExtend";
        }
        String part = byteSize == TO_THE_END ? "offset=" + offset : "offset=" + offset + ", byteSize=" + byteSize;
        return part + " is not inside the " + length + " bytes of file " + path;
    }

    private Mapping map(MappedFile file) {
        FileStatus status = file.status();
        String kind = status.kind();
        if (!status.isRegular() && !status.isDevice()) {
            throw Refusals.notMappable("mmap(file " + path + ")", kind);
        }
        if (status.isCharacterDevice() && byteSize == TO_THE_END) {
            throw new IllegalArgumentException(path + " is " + kind + ", which has no end to map to: give byteSize");
        }
        long length = status.isRegular() ? status.byteSize() : file.length(); // not all files can seek
        long mapped = byteSize == TO_THE_END ? length - offset : byteSize;
        long end = offset + mapped;
        boolean mayExtend = extended || preallocated;
        boolean isInside = end <= length || status.isCharacterDevice();
        if (mapped < 1 || end < offset || !(isInside || mayExtend)) {
            throw new IllegalArgumentException(notInside(file, length));
        }
        try {
            if (preallocated) {
                file.preallocate(offset, mapped);
            }
            if (end > length && mayExtend) {
                file.setLength(end);
            }
            int mmapFlags = address == 0 ? flags : flags | Linux.MAP_FIXED_NOREPLACE;
            return Mapping.mapAt(
                            calls, "file " + path, address, mapped, protection.bits(), mmapFlags, file.fd(), offset)
                    .withFile(file);
        } catch (RuntimeException | Error refused) {
            if (mayExtend) {
                file.restoreLength(length, end);
            }
            throw refused;
        }
    }
}
