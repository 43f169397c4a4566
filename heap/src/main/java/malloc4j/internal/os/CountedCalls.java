package malloc4j.internal.os;

import java.util.concurrent.atomic.AtomicLong;

/// The calls of one heap, counted. Each goes to the process's as it is.
///
/// Not counted is what is no part of the heap: waiting for a lock, and opening its file. Makes no object:
/// many of these calls are made where the Java heap is full. Any thread may make any of them.
public final class CountedCalls implements MemoryCalls {
    private final MemoryCalls target;
    private final AtomicLong calls = new AtomicLong();

    public CountedCalls(MemoryCalls target) {
        this.target = target;
    }

    /// How many calls were made, ever.
    public long count() {
        return calls.get();
    }

    private MemoryCalls counted() {
        calls.getAndIncrement();
        return target;
    }

    @Override
    public long mmap(long address, long byteSize, int protection, int flags, int fd, long offset) {
        return counted().mmap(address, byteSize, protection, flags, fd, offset);
    }

    @Override
    public long munmap(long address, long byteSize) {
        return counted().munmap(address, byteSize);
    }

    @Override
    public long mremap(long oldAddress, long oldByteSize, long newByteSize, int flags, long newAddress) {
        return counted().mremap(oldAddress, oldByteSize, newByteSize, flags, newAddress);
    }

    @Override
    public long mprotect(long address, long byteSize, int protection) {
        return counted().mprotect(address, byteSize, protection);
    }

    @Override
    public long madvise(long address, long byteSize, int advice) {
        return counted().madvise(address, byteSize, advice);
    }

    @Override
    public long mincore(long address, long byteSize, long vectorAddress) {
        return counted().mincore(address, byteSize, vectorAddress);
    }

    @Override
    public long sbrk(long increment) {
        return counted().sbrk(increment);
    }

    @Override
    public long awaitCLibraryBreak() {
        return counted().awaitCLibraryBreak();
    }

    @Override
    public long sysconf(int name) {
        return counted().sysconf(name);
    }

    @Override
    public long memfdCreate(String name, int flags) {
        return counted().memfdCreate(name, flags);
    }

    @Override
    public long close(int fd) {
        return counted().close(fd);
    }

    @Override
    public long ftruncate(int fd, long byteSize) {
        return counted().ftruncate(fd, byteSize);
    }

    @Override
    public long lseek(int fd, long offset, int whence) {
        return counted().lseek(fd, offset, whence);
    }

    @Override
    public long fallocate(int fd, int mode, long offset, long byteSize) {
        return counted().fallocate(fd, mode, offset, byteSize);
    }

    @Override
    public long mlock2(long address, long byteSize, int flags) {
        return counted().mlock2(address, byteSize, flags);
    }

    @Override
    public long munlock(long address, long byteSize) {
        return counted().munlock(address, byteSize);
    }

    @Override
    public long perfEventOpen(long attributeAddress, int pid, int cpu, int groupFd, int flags) {
        return counted().perfEventOpen(attributeAddress, pid, cpu, groupFd, flags);
    }

    @Override
    public long membarrier(int command, int flags) {
        return counted().membarrier(command, flags);
    }
}
