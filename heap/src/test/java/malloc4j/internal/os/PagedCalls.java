package malloc4j.internal.os;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import malloc4j.internal.memory.Bits;
import malloc4j.internal.memory.RawMemory;

/// A kernel whose pages are larger than those of the one below it, by which it does the work: addresses come in its
/// pages, lengths are rounded up to them, and what begins within a page is refused, as a kernel of such pages does.
///
/// It differs from a real one in that a touch makes one page of the kernel below resident, and not all of its own.
public final class PagedCalls extends ForwardingCalls {
    private static final int RESERVE = Linux.MAP_PRIVATE | Linux.MAP_ANONYMOUS | Linux.MAP_NORESERVE;

    private final long pageBytes;
    private final long targetPageBytes;

    /// @param pageBytes a power of two, at least the page of `target`
    public PagedCalls(SystemCalls target, long pageBytes) {
        super(target);
        this.pageBytes = pageBytes;
        this.targetPageBytes = target.sysconf(Linux._SC_PAGESIZE);
        if (Long.bitCount(pageBytes) != 1 || pageBytes < targetPageBytes) {
            throw new IllegalArgumentException("pages of " + pageBytes + " bytes");
        }
    }

    private boolean isWithinPage(long address) {
        return (address & (pageBytes - 1)) != 0;
    }

    private long up(long byteSize) {
        return Bits.alignUp(byteSize, pageBytes);
    }

    @Override
    public long sysconf(int name) {
        return name == Linux._SC_PAGESIZE ? pageBytes : target.sysconf(name);
    }

    @Override
    public long mmap(long address, long byteSize, int protection, int flags, int fd, long offset) {
        boolean isFixed = (flags & (Linux.MAP_FIXED | Linux.MAP_FIXED_NOREPLACE)) != 0;
        if (isWithinPage(offset) || (isFixed && isWithinPage(address))) {
            return -Errno.EINVAL;
        }
        if (isFixed || (flags & Linux.MAP_HUGETLB) != 0 || byteSize <= 0 || byteSize > Long.MAX_VALUE / 2) {
            return target.mmap(address, byteSize <= 0 ? byteSize : up(byteSize), protection, flags, fd, offset);
        }
        long place = reserve(up(byteSize));
        if (Errno.isError(place)) {
            return place;
        }
        long mapped = target.mmap(place, up(byteSize), protection, flags | Linux.MAP_FIXED, fd, offset);
        if (Errno.isError(mapped)) {
            target.munmap(place, up(byteSize));
        }
        return mapped;
    }

    private long reserve(long byteSize) {
        long slack = pageBytes - targetPageBytes;
        long reserved = target.mmap(0, byteSize + slack, Linux.PROT_NONE, RESERVE, -1, 0);
        if (Errno.isError(reserved) || slack == 0) {
            return reserved;
        }
        long place = up(reserved);
        unmapUnlessEmpty(reserved, place);
        unmapUnlessEmpty(place + byteSize, reserved + byteSize + slack);
        return place;
    }

    private void unmapUnlessEmpty(long start, long end) {
        if (start < end) {
            target.munmap(start, end - start);
        }
    }

    @Override
    public long munmap(long address, long byteSize) {
        return isWithinPage(address) ? -Errno.EINVAL : target.munmap(address, up(byteSize));
    }

    @Override
    public long mremap(long oldAddress, long oldByteSize, long newByteSize, int flags, long newAddress) {
        boolean isFixed = (flags & Linux.MREMAP_FIXED) != 0;
        if (isWithinPage(oldAddress) || (isFixed && isWithinPage(newAddress))) {
            return -Errno.EINVAL;
        }
        long oldBytes = up(oldByteSize);
        long newBytes = up(newByteSize);
        if (isFixed || (flags & Linux.MREMAP_MAYMOVE) == 0) {
            return target.mremap(oldAddress, oldBytes, newBytes, flags, newAddress);
        }
        long there = target.mremap(oldAddress, oldBytes, newBytes, 0, 0);
        if (there != -Errno.ENOMEM) {
            return there;
        }
        long place = reserve(newBytes);
        if (Errno.isError(place)) {
            return place;
        }
        long moved = target.mremap(oldAddress, oldBytes, newBytes, flags | Linux.MREMAP_FIXED, place);
        if (Errno.isError(moved)) {
            target.munmap(place, newBytes);
        }
        return moved;
    }

    @Override
    public long mprotect(long address, long byteSize, int protection) {
        return isWithinPage(address) ? -Errno.EINVAL : target.mprotect(address, up(byteSize), protection);
    }

    @Override
    public long madvise(long address, long byteSize, int advice) {
        return isWithinPage(address) ? -Errno.EINVAL : target.madvise(address, up(byteSize), advice);
    }

    @Override
    public long mincore(long address, long byteSize, long vectorAddress) {
        if (isWithinPage(address)) {
            return -Errno.EINVAL;
        }
        long pageCount = up(byteSize) / pageBytes;
        long each = pageBytes / targetPageBytes;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment vector = arena.allocate(Math.max(1, pageCount * each));
            long result = target.mincore(address, up(byteSize), vector.address());
            for (long page = 0; result == 0 && page < pageCount; page++) {
                int resident = 0;
                for (long part = page * each; part < (page + 1) * each; part++) {
                    resident |= RawMemory.getByte(vector.address() + part) & 1;
                }
                RawMemory.putByte(vectorAddress + page, (byte) resident);
            }
            return result;
        }
    }

    @Override
    public long mlock(long address, long byteSize) {
        long start = Bits.alignDown(address, pageBytes);
        return target.mlock(start, up(address + byteSize - start));
    }

    @Override
    public long mlock2(long address, long byteSize, int flags) {
        long start = Bits.alignDown(address, pageBytes);
        return target.mlock2(start, up(address + byteSize - start), flags);
    }

    @Override
    public long munlock(long address, long byteSize) {
        long start = Bits.alignDown(address, pageBytes);
        return target.munlock(start, up(address + byteSize - start));
    }
}
