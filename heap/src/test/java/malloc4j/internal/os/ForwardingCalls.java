package malloc4j.internal.os;

/// Passes every call on: for kernels of tests that differ from the real one in a few.
public abstract class ForwardingCalls implements SystemCalls {
    protected final SystemCalls target;

    protected ForwardingCalls(SystemCalls target) {
        this.target = target;
    }

    @Override
    public long mmap(long address, long byteSize, int protection, int flags, int fd, long offset) {
        return target.mmap(address, byteSize, protection, flags, fd, offset);
    }

    @Override
    public long munmap(long address, long byteSize) {
        return target.munmap(address, byteSize);
    }

    @Override
    public long mremap(long oldAddress, long oldByteSize, long newByteSize, int flags, long newAddress) {
        return target.mremap(oldAddress, oldByteSize, newByteSize, flags, newAddress);
    }

    @Override
    public long mprotect(long address, long byteSize, int protection) {
        return target.mprotect(address, byteSize, protection);
    }

    @Override
    public long madvise(long address, long byteSize, int advice) {
        return target.madvise(address, byteSize, advice);
    }

    @Override
    public long mincore(long address, long byteSize, long vectorAddress) {
        return target.mincore(address, byteSize, vectorAddress);
    }

    @Override
    public long sbrk(long increment) {
        return target.sbrk(increment);
    }

    @Override
    public long awaitCLibraryBreak() {
        return target.awaitCLibraryBreak();
    }

    @Override
    public long sysconf(int name) {
        return target.sysconf(name);
    }

    @Override
    public long memfdCreate(String name, int flags) {
        return target.memfdCreate(name, flags);
    }

    @Override
    public long close(int fd) {
        return target.close(fd);
    }

    @Override
    public long ftruncate(int fd, long byteSize) {
        return target.ftruncate(fd, byteSize);
    }

    @Override
    public long lseek(int fd, long offset, int whence) {
        return target.lseek(fd, offset, whence);
    }

    @Override
    public long fallocate(int fd, int mode, long offset, long byteSize) {
        return target.fallocate(fd, mode, offset, byteSize);
    }

    @Override
    public long prlimit(int pid, int resource, long newLimitAddress, long oldLimitAddress) {
        return target.prlimit(pid, resource, newLimitAddress, oldLimitAddress);
    }

    @Override
    public long open(String path, int flags, int mode) {
        return target.open(path, flags, mode);
    }

    @Override
    public long unlink(String path) {
        return target.unlink(path);
    }

    @Override
    public long link(String path, String newPath, int flags) {
        return target.link(path, newPath, flags);
    }

    @Override
    public long statx(int fd, String path, int flags, int mask, long statusAddress) {
        return target.statx(fd, path, flags, mask, statusAddress);
    }

    @Override
    public long fchmod(int fd, int mode) {
        return target.fchmod(fd, mode);
    }

    @Override
    public long getdents64(int fd, long bufferAddress, long bufferByteSize) {
        return target.getdents64(fd, bufferAddress, bufferByteSize);
    }

    @Override
    public long fstatfs(int fd, long statfsAddress) {
        return target.fstatfs(fd, statfsAddress);
    }

    @Override
    public long fcntl(int fd, int command, long argument) {
        return target.fcntl(fd, command, argument);
    }

    @Override
    public long msync(long address, long byteSize, int flags) {
        return target.msync(address, byteSize, flags);
    }

    @Override
    public long mlock(long address, long byteSize) {
        return target.mlock(address, byteSize);
    }

    @Override
    public long mlock2(long address, long byteSize, int flags) {
        return target.mlock2(address, byteSize, flags);
    }

    @Override
    public long munlock(long address, long byteSize) {
        return target.munlock(address, byteSize);
    }

    @Override
    public long mlockall(int flags) {
        return target.mlockall(flags);
    }

    @Override
    public long munlockall() {
        return target.munlockall();
    }

    @Override
    public long memfdSecret(int flags) {
        return target.memfdSecret(flags);
    }

    @Override
    public long schedYield() {
        return target.schedYield();
    }

    @Override
    public long nanosleep(long requestAddress) {
        return target.nanosleep(requestAddress);
    }

    @Override
    public long perfEventOpen(long attributeAddress, int pid, int cpu, int groupFd, int flags) {
        return target.perfEventOpen(attributeAddress, pid, cpu, groupFd, flags);
    }

    @Override
    public long membarrier(int command, int flags) {
        return target.membarrier(command, flags);
    }
}
