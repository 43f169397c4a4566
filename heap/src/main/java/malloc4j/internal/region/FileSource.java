package malloc4j.internal.region;

import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import malloc4j.internal.memory.FaultingRanges;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.Linux;
import malloc4j.internal.os.MemoryCalls;
import malloc4j.internal.os.Mutex;

/// Shared mappings of one file in the main zone: of a memory file (`memfd_create`), whose descriptor another
/// process may be handed, or of a file with a name. Purged pages become holes in the file. So do released regions,
/// and their place is used again; on a file system that cannot make holes they stay, and the file only grows. A file
/// that somebody has cut does not grow any more: what is behind the cut stays lost.
///
/// Invariants: `offsets` has the file offset of each acquired range; holes and acquired ranges do not overlap, and
/// all end at or below `fileBytes`.
public final class FileSource implements PageSource {
    private static final String RESERVED_RIGHTS = "---p";
    private static final String MAPPED_RIGHTS = "rw-s";

    private final MemoryCalls calls;
    private final MappingBudget mappings;
    private final int fd;
    private final Mutex lock = new Mutex();
    private final NavigableMap<Long, Long> offsets = new TreeMap<>();
    private final NavigableMap<Long, Long> holes = new TreeMap<>();
    private long fileBytes;
    private boolean closed;

    /// Opens a new memory file. Returns its descriptor, or minus errno.
    public static long openMemory(MemoryCalls calls, String name) {
        return calls.memfdCreate(name, Linux.MFD_CLOEXEC);
    }

    /// Empties a file that is locked. Returns 0, or minus errno.
    public static long emptyFile(MemoryCalls calls, int fd) {
        return calls.ftruncate(fd, 0);
    }

    /// Closes a descriptor that became no source. Returns 0, or minus errno, and then it is gone as well.
    public static long closeFile(MemoryCalls calls, int fd) {
        return calls.close(fd);
    }

    /// @param fd a memory file of [#openMemory], or an empty regular file that is open for writing and nobody else's;
    ///     it is the source's from here on
    public FileSource(Ground ground, int fd) {
        this.calls = ground.calls();
        this.mappings = ground.mappings();
        this.fd = fd;
    }

    @Override
    public long acquire(long byteSize) {
        lock.lock();
        try {
            if (!mappings.tryAcquire()) {
                return -Errno.ENOSPC;
            }
            long address = ChunkMap.main().allocateRange(calls, byteSize);
            if (Errno.isError(address)) {
                mappings.release();
                return address;
            }
            long result = map(address, byteSize);
            if (result < 0) {
                mappings.release();
                return result;
            }
            return address;
        } finally {
            lock.unlock();
        }
    }

    /// Maps a part of the file over a reserved range. Returns 0, or minus errno, and then the range has gone back to
    /// the zone, or is lost.
    private long map(long address, long byteSize) {
        long offset = holeOf(byteSize);
        boolean atEnd = offset < 0;
        if (atEnd) {
            offset = fileBytes;
            long result = grow(offset + byteSize);
            if (result < 0) {
                ChunkMap.main().freeRange(address, byteSize);
                return told(result);
            }
        }
        int flags = Linux.MAP_SHARED | Linux.MAP_FIXED;
        long mapped = calls.mmap(address, byteSize, Linux.PROT_READ | Linux.PROT_WRITE, flags, fd, offset);
        if (Errno.isError(mapped)) {
            int state = FixedMapping.stateAfterRefusal(calls, address, byteSize, RESERVED_RIGHTS);
            giveToZone(address, byteSize, state);
            return told(mapped);
        }
        if (atEnd) {
            fileBytes += byteSize;
        } else {
            long rest = holes.getOrDefault(offset, byteSize) - byteSize;
            holes.remove(offset);
            if (rest > 0) {
                holes.put(offset + byteSize, rest);
            }
        }
        offsets.put(address, offset);
        FaultingRanges.add(address, byteSize); // the file may be cut short, or its disk be full
        return 0;
    }

    /// Makes the file longer. Returns 0, or minus errno: `EIO` when somebody has cut it, since what live blocks have
    /// lost would come back as zeroes, and nobody be told.
    private long grow(long byteSize) {
        long now = calls.lseek(fd, 0, Linux.SEEK_END);
        if (now < 0) {
            return now;
        }
        return now < fileBytes ? -Errno.EIO : calls.ftruncate(fd, byteSize);
    }

    /// What is answered when the kernel does not make the file longer, or map it: `EIO` for the errors that of an
    /// `acquire` would tell of limits of ours, a closed heap, or a size that there is not.
    private static long told(long result) {
        return switch ((int) -result) {
            case Errno.ENOSPC, Errno.EDQUOT, Errno.EINVAL, Errno.EBADF, Errno.EOVERFLOW -> -Errno.EIO;
            default -> result;
        };
    }

    /// The offset of the lowest hole of `byteSize`, or -1.
    private long holeOf(long byteSize) {
        for (Map.Entry<Long, Long> hole : holes.entrySet()) {
            if (hole.getValue() >= byteSize) {
                return hole.getKey();
            }
        }
        return -1;
    }

    @Override
    public long release(long address, long byteSize) {
        lock.lock();
        try {
            long cleared = ChunkMap.main().clearRecords(calls, address, byteSize);
            if (cleared < 0) {
                return cleared;
            }
            Long offset = offsets.get(address);
            long holed = makeHole(address, byteSize, offset == null ? -1 : offset);
            long reserved = FixedMapping.reserve(calls, address, byteSize);
            int state = Errno.isError(reserved)
                    ? FixedMapping.stateAfterRefusal(calls, address, byteSize, MAPPED_RIGHTS)
                    : FixedMapping.RESERVED;
            if (state == FixedMapping.UNCHANGED) {
                // mlockall(MCL_FUTURE): a new mapping would pass the limit. To unmap needs none, and loses the
                // addresses.
                if (reserved != -Errno.EAGAIN || calls.munmap(address, byteSize) < 0) {
                    return reserved;
                }
                state = FixedMapping.LOST;
            }
            FaultingRanges.remove(address, byteSize);
            offsets.remove(address);
            if (holed == 0 && offset != null) {
                addHole(offset, byteSize);
            }
            giveToZone(address, byteSize, state);
            mappings.release();
            return 0;
        } finally {
            lock.unlock();
        }
    }

    private static void giveToZone(long address, long byteSize, int state) {
        if (state == FixedMapping.LOST) {
            ChunkMap.main().loseRange(address, byteSize);
        } else {
            ChunkMap.main().freeRange(address, byteSize);
        }
    }

    private void addHole(long offset, long byteSize) {
        long start = offset;
        long end = offset + byteSize;
        Map.Entry<Long, Long> below = holes.lowerEntry(offset);
        if (below != null && below.getKey() + below.getValue() == offset) {
            start = below.getKey();
        }
        Long above = holes.remove(end);
        holes.put(start, end - start + (above == null ? 0 : above));
    }

    @Override
    public long purge(long address, long byteSize) {
        return makeHole(address, byteSize, offset(address));
    }

    private long offset(long address) {
        lock.lock();
        try {
            Map.Entry<Long, Long> range = offsets.floorEntry(address);
            return range == null ? -1 : range.getValue() + address - range.getKey();
        } finally {
            lock.unlock();
        }
    }

    /// Makes a hole in the file where a part of an acquired range is: through the mapping, or where pages of that are
    /// locked, which the kernel refuses, through the descriptor.
    private long makeHole(long address, long byteSize, long offset) {
        long result = calls.madvise(address, byteSize, Linux.MADV_REMOVE);
        if (result != -Errno.EINVAL || offset < 0) {
            return result;
        }
        return calls.fallocate(fd, Linux.FALLOC_FL_PUNCH_HOLE | Linux.FALLOC_FL_KEEP_SIZE, offset, byteSize);
    }

    @Override
    public long close() {
        lock.lock();
        try {
            if (closed) {
                return 0;
            }
            closed = true; // whatever close(2) answers, the descriptor is gone: see its man page
            return calls.close(fd);
        } finally {
            lock.unlock();
        }
    }
}
