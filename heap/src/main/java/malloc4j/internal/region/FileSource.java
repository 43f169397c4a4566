package malloc4j.internal.region;

import java.util.concurrent.locks.ReentrantLock;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.Linux;
import malloc4j.internal.os.SystemCalls;

/// Shared mappings of one file in the main zone: of a memory file (`memfd_create`), whose descriptor another
/// process may be handed, or of a file with a name. The file grows by one region after the other; released and
/// purged pages become holes in it, and a hole at the file's end is used again.
public final class FileSource implements PageSource {
    private static final int RESERVED = Linux.MAP_PRIVATE | Linux.MAP_ANONYMOUS | Linux.MAP_NORESERVE | Linux.MAP_FIXED;

    private final SystemCalls calls;
    private final int fd;
    private final ReentrantLock lock = new ReentrantLock();
    private long fileBytes;
    private boolean closed;

    private FileSource(SystemCalls calls, int fd) {
        this.calls = calls;
        this.fd = fd;
    }

    /// A source over a new memory file.
    ///
    /// @throws MappingException if the kernel refuses the file
    public static FileSource ofMemory(SystemCalls calls, String name) {
        long fd = calls.memfdCreate("malloc4j-" + name, Linux.MFD_CLOEXEC);
        if (fd < 0) {
            throw new MappingException("memfd_create(name=malloc4j-" + name + ", MFD_CLOEXEC)", fd);
        }
        return new FileSource(calls, (int) fd);
    }

    /// A source over the file at `path`, created when missing and emptied.
    ///
    /// @throws MappingException if the file cannot be opened
    public static FileSource ofFile(SystemCalls calls, String path) {
        int flags = Linux.O_RDWR | Linux.O_CREAT | Linux.O_TRUNC | Linux.O_CLOEXEC;
        long fd = calls.open(path, flags, 0600);
        if (fd < 0) {
            throw new MappingException("open(path=" + path + ", O_RDWR|O_CREAT|O_TRUNC|O_CLOEXEC, 0600)", fd);
        }
        return new FileSource(calls, (int) fd);
    }

    /// The file's descriptor, open until [#close].
    public int fileDescriptor() {
        return fd;
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
                PageMap.main().freeRange(calls, address, byteSize);
                MappingBudget.release();
                return result;
            }
            fileBytes += byteSize;
            return address;
        } finally {
            lock.unlock();
        }
    }

    private long map(long address, long byteSize) {
        long result = calls.ftruncate(fd, fileBytes + byteSize);
        if (result < 0) {
            return result;
        }
        int flags = Linux.MAP_SHARED | Linux.MAP_FIXED;
        long mapped = calls.mmap(address, byteSize, Linux.PROT_READ | Linux.PROT_WRITE, flags, fd, fileBytes);
        if (Errno.isError(mapped)) {
            calls.mmap(address, byteSize, Linux.PROT_NONE, RESERVED, -1, 0);
            calls.ftruncate(fd, fileBytes);
            return mapped;
        }
        return 0;
    }

    @Override
    public long release(long address, long byteSize) {
        lock.lock();
        try {
            calls.madvise(
                    address, byteSize, Linux.MADV_REMOVE); // a file system without holes keeps the bytes: only disk
            long mapped = calls.mmap(address, byteSize, Linux.PROT_NONE, RESERVED, -1, 0);
            if (Errno.isError(mapped)) {
                return mapped;
            }
            long result = PageMap.main().freeRange(calls, address, byteSize);
            if (result == 0) {
                MappingBudget.release();
            }
            return result;
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
