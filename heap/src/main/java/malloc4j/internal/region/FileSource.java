package malloc4j.internal.region;

import malloc4j.internal.memory.FaultingRanges;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.Linux;
import malloc4j.internal.os.MemoryCalls;
import malloc4j.internal.os.Mutex;

/// Shared mappings of one file in the main zone: of a memory file (`memfd_create`), whose descriptor another
/// process may be handed, or of a file with a name. Purged pages become holes in the file. So do released extents,
/// and their place is used again; on a file system that cannot make holes they stay, and the file only grows. A file
/// that somebody has cut does not grow any more: what is behind the cut stays lost.
///
/// Invariants: `offsets` has the file offset of each acquired range; holes and acquired ranges do not overlap, and
/// all end at or below `fileBytes`.
///
/// What will be noted of a range, here and in [FaultingRanges], has its room before the range is asked for, and a hole
/// has room as long as the range is there: nothing is made on the Java heap from the first system call on.
public final class FileSource implements PageSource {
    private static final String RESERVED_RIGHTS = "---p";
    private static final String MAPPED_RIGHTS = "rw-s";

    private final MemoryCalls calls;
    private final MappingBudget mappings;
    private final int fd;
    private final Mutex lock = new Mutex();
    private final Ranges offsets = new Ranges(); // in the file, by address
    private final Ranges holes = new Ranges(); // bytes, by offset in the file
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
            offsets.reserve(offsets.count() + 1);
            holes.reserve(holes.count() + offsets.count() + 1);
            FaultingRanges.reserve();
            long address = acquireReserved(byteSize);
            if (Errno.isError(address)) {
                FaultingRanges.release();
            } else {
                FaultingRanges.addReserved(address, byteSize); // the file may be cut short, or its disk be full
            }
            return address;
        } finally {
            lock.unlock();
        }
    }

    private long acquireReserved(long byteSize) {
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
    }

    /// Maps a part of the file over a reserved range. Returns 0, or minus errno, and then the range has gone back to
    /// the zone, or is lost.
    private long map(long address, long byteSize) {
        int hole = holes.firstOf(byteSize);
        boolean atEnd = hole < 0;
        long offset = atEnd ? fileBytes : holes.key(hole);
        if (atEnd) {
            long result = grow(offset + byteSize);
            if (result < 0) {
                ChunkMap.main().freeRange(address, byteSize);
                return Errno.passedOn(result, Errno.EIO);
            }
        }
        int flags = Linux.MAP_SHARED | Linux.MAP_FIXED;
        long mapped = calls.mmap(address, byteSize, Linux.PROT_READ | Linux.PROT_WRITE, flags, fd, offset);
        if (Errno.isError(mapped)) {
            int state = FixedMapping.stateAfterRefusal(calls, address, byteSize, RESERVED_RIGHTS);
            giveToZone(address, byteSize, state);
            return Errno.passedOn(mapped, Errno.EIO);
        }
        if (atEnd) {
            fileBytes += byteSize;
        } else {
            holes.takeFrom(hole, byteSize);
        }
        offsets.put(address, offset);
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

    @Override
    public long release(long address, long byteSize) {
        lock.lock();
        try {
            long cleared = ChunkMap.main().clearRecords(calls, address, byteSize);
            if (cleared < 0) {
                return cleared;
            }
            int index = offsets.floor(address);
            boolean isKnown = index >= 0 && offsets.key(index) == address;
            long offset = isKnown ? offsets.value(index) : -1;
            long holed = makeHole(address, byteSize, offset);
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
            if (isKnown) {
                offsets.removeAt(index);
                if (holed == 0) {
                    holes.join(offset, byteSize);
                }
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

    @Override
    public long purge(long address, long byteSize) {
        return makeHole(address, byteSize, offset(address));
    }

    private long offset(long address) {
        lock.lock();
        try {
            int index = offsets.floor(address);
            return index < 0 ? -1 : offsets.value(index) + address - offsets.key(index);
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
