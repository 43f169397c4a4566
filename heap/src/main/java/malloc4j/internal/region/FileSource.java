package malloc4j.internal.region;

import java.util.HashMap;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.concurrent.locks.ReentrantLock;
import malloc4j.internal.memory.FaultingRanges;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.Linux;
import malloc4j.internal.os.SystemCalls;

/// Shared mappings of one file in the main zone: of a memory file (`memfd_create`), whose descriptor another
/// process may be handed, or of a file with a name. Purged pages become holes in the file. So do released regions,
/// and their place is used again; on a file system that cannot make holes they stay, and the file only grows.
///
/// Invariants: `offsets` has the file offset of each acquired range; holes and acquired ranges do not overlap, and
/// all end at or below `fileBytes`.
public final class FileSource implements PageSource {
    private static final int RESERVED = Linux.MAP_PRIVATE | Linux.MAP_ANONYMOUS | Linux.MAP_NORESERVE | Linux.MAP_FIXED;

    private final SystemCalls calls;
    private final int fd;
    private final ReentrantLock lock = new ReentrantLock();
    private final Map<Long, Long> offsets = new HashMap<>();
    private final NavigableMap<Long, Long> holes = new TreeMap<>();
    private long fileBytes;
    private boolean closed;

    /// Opens a new memory file. Returns its descriptor, or minus errno.
    public static long openMemory(SystemCalls calls, String name) {
        return calls.memfdCreate(name, Linux.MFD_CLOEXEC);
    }

    /// Opens the file at `path`, created when missing, and empties it. Returns its descriptor, or minus errno.
    public static long openFile(SystemCalls calls, String path) {
        return calls.open(path, Linux.O_RDWR | Linux.O_CREAT | Linux.O_TRUNC | Linux.O_CLOEXEC, 0600);
    }

    /// @param fd from [#openMemory] or [#openFile]; it is the source's from here on
    public FileSource(SystemCalls calls, int fd) {
        this.calls = calls;
        this.fd = fd;
    }

    @Override
    public long acquire(long byteSize) {
        lock.lock();
        try {
            if (!MappingBudget.tryAcquire()) {
                return -Errno.ENOSPC;
            }
            long address = PageMap.main().allocateRange(calls, byteSize);
            if (Errno.isError(address)) {
                MappingBudget.release();
                return address;
            }
            long result = map(address, byteSize);
            if (result < 0) {
                PageMap.main().freeRange(address, byteSize);
                MappingBudget.release();
                return result;
            }
            return address;
        } finally {
            lock.unlock();
        }
    }

    private long map(long address, long byteSize) {
        long offset = holeOf(byteSize);
        boolean atEnd = offset < 0;
        if (atEnd) {
            offset = fileBytes;
            long result = calls.ftruncate(fd, offset + byteSize);
            if (result < 0) {
                return result;
            }
        }
        int flags = Linux.MAP_SHARED | Linux.MAP_FIXED;
        long mapped = calls.mmap(address, byteSize, Linux.PROT_READ | Linux.PROT_WRITE, flags, fd, offset);
        if (Errno.isError(mapped)) {
            calls.mmap(address, byteSize, Linux.PROT_NONE, RESERVED, -1, 0);
            return mapped;
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
            long cleared = PageMap.main().clearRecords(calls, address, byteSize);
            if (cleared < 0) {
                return cleared;
            }
            boolean isHole = calls.madvise(address, byteSize, Linux.MADV_REMOVE) == 0;
            long mapped = calls.mmap(address, byteSize, Linux.PROT_NONE, RESERVED, -1, 0);
            if (Errno.isError(mapped)) {
                return mapped;
            }
            FaultingRanges.remove(address, byteSize);
            Long offset = offsets.remove(address);
            if (isHole && offset != null) {
                holes.put(offset, byteSize);
            }
            PageMap.main().freeRange(address, byteSize);
            MappingBudget.release();
            return 0;
        } finally {
            lock.unlock();
        }
    }

    @Override
    public long purge(long address, long byteSize) {
        return calls.madvise(address, byteSize, Linux.MADV_REMOVE);
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
