package malloc4j.linux;

import java.lang.invoke.VarHandle;
import java.util.List;
import malloc4j.internal.memory.Bits;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.Linux;
import malloc4j.internal.os.SystemCalls;
import malloc4j.internal.region.FixedMapping;
import malloc4j.internal.region.Ground;
import org.jspecify.annotations.Nullable;

/// The mapping under one [SecretMemory]: data pages between two guard pages.
///
/// ```
///   base             data                                    data + dataBytes
///   | guard page     | data pages                            | guard page     |
///   | SIGBUS         | memfd_secret, or anonymous and mlock  | SIGBUS         |
/// ```
///
/// The guards are pages of an empty memory file. Whoever touches a page past a file's end is sent `SIGBUS`, which
/// HotSpot turns into an `InternalError` in the thread that did it; a page without rights would mean `SIGSEGV`, by
/// which HotSpot ends the process. Segments are bounds-checked and never get there: the guards are for code that
/// uses bare addresses. Native code ends the process by either. Where there is no memory file, the guards are pages
/// without rights.
///
/// Mapped over is only what this object itself has mapped a moment before. Where the kernel refuses that, the guard's
/// addresses may be somebody else's from then on (see [FixedMapping]): they are left alone, and there is no guard.
///
/// Not thread-safe: [SecretMemory] calls it under its lock.
final class SecretPages {
    private static final int MAPPINGS = 4; // guard, data, guard, and the rest of a free range that they split off
    private static final int READ_WRITE = Linux.PROT_READ | Linux.PROT_WRITE;

    private final SystemCalls calls;
    private final long pageBytes;
    private final long dataBytes;
    private @Nullable SystemCallException notHidden;
    private long base; // 0 until they are mapped
    private long start; // of what is ours: the base, or above a guard that was lost
    private long end;
    private @Nullable MemoryLock lock;

    private SecretPages(SystemCalls calls, long pageBytes, long dataBytes) {
        this.calls = calls;
        this.pageBytes = pageBytes;
        this.dataBytes = dataBytes;
    }

    /// Maps whole pages for `byteSize` bytes and two guards, all of it readable and writable, and zero.
    ///
    /// @throws SystemCallException if not even anonymous memory can be had, or this library's share of mappings is
    ///     used up
    static SecretPages map(SystemCalls calls, long byteSize) {
        long pageBytes = MemoryLock.pageBytes(calls);
        SecretPages pages = new SecretPages(calls, pageBytes, Bits.alignUp(byteSize, pageBytes));
        if (!Ground.process().mappings().tryAcquire(MAPPINGS)) {
            throw Refusals.budget("mmap(secret, byteSize=" + pages.mappedBytes() + ")");
        }
        boolean complete = false;
        try {
            pages.notHidden = pages.mapHidden();
            if (pages.notHidden != null) {
                pages.mapAnonymous();
            }
            complete = true;
            return pages;
        } finally {
            if (!complete) {
                pages.abandon();
            }
        }
    }

    private void abandon() {
        if (base != 0) {
            calls.munmap(base, mappedBytes());
        }
        Ground.process().mappings().release(MAPPINGS);
    }

    private long mappedBytes() {
        return dataBytes + 2 * pageBytes;
    }

    /// The address of the first data page.
    long data() {
        return base + pageBytes;
    }

    /// The address after the last data page.
    long dataEnd() {
        return data() + dataBytes;
    }

    /// Asks the system for each safeguard, once. Returns what became of it; throws nothing for a refusal.
    Safeguards guard() {
        SystemCallException guards = mapGuards();
        boolean catchable = guards == null;
        if (!catchable) {
            SystemCallException denied = denyGuards();
            guards = end - start < mappedBytes() ? guards : denied;
        }
        return new Safeguards(List.of(
                new Safeguards.Grant(
                        Safeguard.GUARD_PAGES, catchable ? "an empty memory file" : "mprotect(PROT_NONE)", guards),
                notHidden == null ? new Safeguards.Grant(Safeguard.LOCKED, "memfd_secret", null) : lock(),
                new Safeguards.Grant(
                        Safeguard.NOT_DUMPED, "madvise(MADV_DONTDUMP)", advise(Linux.MADV_DONTDUMP, "MADV_DONTDUMP")),
                notForked(),
                new Safeguards.Grant(Safeguard.HIDDEN, "memfd_secret", notHidden)));
    }

    /// Sets the rights to the data pages, a combination of `PROT_` flags. Makes no object once they are set.
    void protect(int protection) {
        long result = calls.mprotect(data(), dataBytes, protection);
        if (Errno.isError(result)) {
            String rights = protection == Linux.PROT_NONE
                    ? "PROT_NONE"
                    : protection == Linux.PROT_READ ? "PROT_READ" : "PROT_READ|PROT_WRITE";
            throw new SystemCallException(
                    call("mprotect", data(), dataBytes, rights),
                    result,
                    "the pages keep the rights they had; vm.max_map_count may be reached");
        }
    }

    /// Overwrites the data pages, which are writable, with zeroes, and makes no object for it. The compiler cannot
    /// leave the stores out: a system call follows, which for all it knows reads memory.
    void wipe() {
        RawMemory.clear(data(), dataBytes);
        VarHandle.fullFence();
    }

    /// Gives everything back. Where it fails, it may be called again. Makes no object once the pages are gone.
    void unmap() {
        long byteSize = end - start;
        long result = lock == null ? calls.munmap(start, byteSize) : lock.unmap(start, byteSize);
        if (Errno.isError(result)) {
            throw new SystemCallException(
                    "munmap(address=0x" + Long.toHexString(start) + ", byteSize=" + byteSize + ")",
                    result,
                    "the secret is wiped, but its pages are still mapped: close it again");
        }
        Ground.process().mappings().release(MAPPINGS);
    }

    /// Returns null, or why they are not hidden, and so not mapped.
    private @Nullable SystemCallException mapHidden() {
        long file = calls.memfdSecret(Linux.O_CLOEXEC);
        if (Errno.isError(file)) {
            return new SystemCallException(
                    "memfd_secret(O_CLOEXEC)",
                    file,
                    "it needs Linux 5.14 with CONFIG_SECRETMEM, and on some kernels secretmem.enable=1 at boot");
        }
        int fd = (int) file;
        try {
            long sized = calls.ftruncate(fd, mappedBytes());
            if (Errno.isError(sized)) {
                return new SystemCallException(
                        "ftruncate(memfd_secret, byteSize=" + mappedBytes() + ")", sized, "see ftruncate(2)");
            }
            long mapped = calls.mmap(0, mappedBytes(), READ_WRITE, Linux.MAP_SHARED, fd, 0);
            if (Errno.isError(mapped)) {
                return new SystemCallException(
                        "mmap(memfd_secret, byteSize=" + mappedBytes() + ")",
                        mapped,
                        MemoryLock.advice(calls, mappedBytes())); // such pages are locked, and count as such
            }
            note(mapped);
            return null;
        } finally {
            calls.close(fd);
        }
    }

    private void mapAnonymous() {
        long mapped = calls.mmap(0, mappedBytes(), READ_WRITE, Linux.MAP_PRIVATE | Linux.MAP_ANONYMOUS, -1, 0);
        if (Errno.isError(mapped)) {
            throw new SystemCallException(
                    "mmap(anonymous, byteSize=" + mappedBytes() + ")",
                    mapped,
                    "memory, RLIMIT_AS, RLIMIT_DATA or vm.max_map_count is exhausted");
        }
        note(mapped);
    }

    private void note(long mapped) {
        base = mapped;
        start = mapped;
        end = mapped + mappedBytes();
    }

    private @Nullable SystemCallException mapGuards() {
        long file = calls.memfdCreate("malloc4j-guard", Linux.MFD_CLOEXEC);
        if (Errno.isError(file)) {
            return new SystemCallException("memfd_create(malloc4j-guard)", file, "see memfd_create(2)");
        }
        int fd = (int) file;
        try {
            SystemCallException below = mapGuard(base, fd);
            return below != null ? below : mapGuard(dataEnd(), fd);
        } finally {
            calls.close(fd);
        }
    }

    private @Nullable SystemCallException mapGuard(long address, int fd) {
        int flags = Linux.MAP_SHARED | Linux.MAP_FIXED;
        long mapped = calls.mmap(address, pageBytes, READ_WRITE, flags, fd, 0);
        if (Errno.isError(mapped)) {
            leaveIfLost(address);
        }
        return refusal("mmap", address, pageBytes, "MAP_FIXED", mapped, "vm.max_map_count may be reached");
    }

    private void leaveIfLost(long guard) {
        String rights = notHidden == null ? "rw-s" : "rw-p";
        if (FixedMapping.stateAfterRefusal(calls, guard, pageBytes, rights) != FixedMapping.LOST) {
            return;
        }
        if (guard == base) {
            start = data();
        } else {
            end = dataEnd();
        }
    }

    private @Nullable SystemCallException denyGuards() {
        SystemCallException below = start == base ? denyGuard(base) : null;
        return below != null || end == dataEnd() ? below : denyGuard(dataEnd());
    }

    private @Nullable SystemCallException denyGuard(long address) {
        long result = calls.mprotect(address, pageBytes, Linux.PROT_NONE);
        return refusal("mprotect", address, pageBytes, "PROT_NONE", result, "vm.max_map_count may be reached");
    }

    private Safeguards.Grant lock() {
        try {
            lock = MemoryLock.lock(calls, data(), dataBytes, false, this);
            return new Safeguards.Grant(Safeguard.LOCKED, "mlock", null);
        } catch (SystemCallException refused) {
            return new Safeguards.Grant(Safeguard.LOCKED, "mlock", refused);
        }
    }

    /// Pages of a file, as those of `memfd_secret`, are not wiped in a child, only left out.
    private Safeguards.Grant notForked() {
        SystemCallException wiped = advise(Linux.MADV_WIPEONFORK, "MADV_WIPEONFORK");
        return wiped == null
                ? new Safeguards.Grant(Safeguard.NOT_FORKED, "madvise(MADV_WIPEONFORK)", null)
                : new Safeguards.Grant(
                        Safeguard.NOT_FORKED, "madvise(MADV_DONTFORK)", advise(Linux.MADV_DONTFORK, "MADV_DONTFORK"));
    }

    private @Nullable SystemCallException advise(int advice, String name) {
        long result = calls.madvise(data(), dataBytes, advice);
        return refusal("madvise", data(), dataBytes, name, result, "see madvise(2)");
    }

    private static String call(String name, long address, long byteSize, String flags) {
        return name + "(address=0x" + Long.toHexString(address) + ", byteSize=" + byteSize + ", " + flags + ")";
    }

    /// What a call's result says: null where it was not refused.
    private static @Nullable SystemCallException refusal(
            String name, long address, long byteSize, String flags, long result, String advice) {
        return Errno.isError(result)
                ? new SystemCallException(call(name, address, byteSize, flags), result, advice)
                : null;
    }
}
