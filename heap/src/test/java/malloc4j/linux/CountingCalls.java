package malloc4j.linux;

import malloc4j.internal.os.ForwardingCalls;
import malloc4j.internal.os.SystemCalls;

/// Counts what the kernel has given and not got back, without an object. For one thread.
final class CountingCalls extends ForwardingCalls {
    private long mappedBytes;
    private int openFiles;

    CountingCalls(SystemCalls target) {
        super(target);
    }

    long mappedBytes() {
        return mappedBytes;
    }

    int openFiles() {
        return openFiles;
    }

    @Override
    public long mmap(long address, long byteSize, int protection, int flags, int fd, long offset) {
        long result = super.mmap(address, byteSize, protection, flags, fd, offset);
        mappedBytes += result < 0 || address != 0 ? 0 : byteSize; // over what is mapped, where the address is given
        return result;
    }

    @Override
    public long munmap(long address, long byteSize) {
        long result = super.munmap(address, byteSize);
        mappedBytes -= result < 0 ? 0 : byteSize;
        return result;
    }

    @Override
    public long mremap(long oldAddress, long oldByteSize, long newByteSize, int flags, long newAddress) {
        long result = super.mremap(oldAddress, oldByteSize, newByteSize, flags, newAddress);
        mappedBytes += result < 0 ? 0 : newByteSize - oldByteSize;
        return result;
    }

    @Override
    public long open(String path, int flags, int mode) {
        return opened(super.open(path, flags, mode));
    }

    @Override
    public long memfdCreate(String name, int flags) {
        return opened(super.memfdCreate(name, flags));
    }

    @Override
    public long memfdSecret(int flags) {
        return opened(super.memfdSecret(flags));
    }

    @Override
    public long close(int fd) {
        long result = super.close(fd);
        openFiles -= result < 0 ? 0 : 1;
        return result;
    }

    private long opened(long result) {
        openFiles += result < 0 ? 0 : 1;
        return result;
    }
}
