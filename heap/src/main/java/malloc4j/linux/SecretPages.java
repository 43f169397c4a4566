package malloc4j.linux;

import java.lang.invoke.VarHandle;
import java.util.List;
import java.util.function.Supplier;
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
    private final long base;
    private final @Nullable SystemCallException notHidden;
    private long start; // of what is ours: the base, or above a guard that was lost
    private long end;
    private @Nullable MemoryLock lock;

    private SecretPages(SystemCalls calls, long pageBytes, long dataBytes, Attempt hidden) {
        this.calls = calls;
        this.pageBytes = pageBytes;
        this.dataBytes = dataBytes;
        this.notHidden = hidden.refusal;
        this.base = notHidden == null ? hidden.value : mapAnonymous(calls, dataBytes + 2 * pageBytes);
        this.start = base;
        this.end = base + dataBytes + 2 * pageBytes;
    }

    /// Maps whole pages for `byteSize` bytes and two guards, all of it readable and writable, and zero.
    ///
    /// @throws SystemCallException if not even anonymous memory can be had, or this library's share of mappings is
    ///     used up
    static SecretPages map(SystemCalls calls, long byteSize) {
        long pageBytes = MemoryLock.pageBytes(calls);
        long dataBytes = Bits.alignUp(byteSize, pageBytes);
        long mappedBytes = dataBytes + 2 * pageBytes;
        if (!Ground.process().mappings().tryAcquire(MAPPINGS)) {
            throw Refusals.budget("mmap(secret, byteSize=" + mappedBytes + ")");
        }
        try {
            return new SecretPages(calls, pageBytes, dataBytes, mapHidden(calls, mappedBytes));
        } catch (SystemCallException | Error refused) {
            Ground.process().mappings().release(MAPPINGS);
            throw refused;
        }
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
        Attempt guards = mapGuards();
        boolean catchable = guards.refusal == null;
        if (!catchable) {
            Attempt denied = denyGuards();
            guards = end - start < dataBytes + 2 * pageBytes ? guards : denied;
        }
        return new Safeguards(List.of(
                guards.grant(Safeguard.GUARD_PAGES, catchable ? "an empty memory file" : "mprotect(PROT_NONE)"),
                notHidden == null ? Attempt.DONE.grant(Safeguard.LOCKED, "memfd_secret") : lock(),
                advise(Linux.MADV_DONTDUMP, "MADV_DONTDUMP").grant(Safeguard.NOT_DUMPED, "madvise(MADV_DONTDUMP)"),
                notForked(),
                new Safeguards.Grant(Safeguard.HIDDEN, "memfd_secret", notHidden)));
    }

    /// Sets the rights to the data pages, a combination of `PROT_` flags.
    void protect(int protection) {
        String rights = protection == Linux.PROT_NONE
                ? "PROT_NONE"
                : protection == Linux.PROT_READ ? "PROT_READ" : "PROT_READ|PROT_WRITE";
        Attempt.of(
                        call("mprotect", data(), dataBytes, rights),
                        calls.mprotect(data(), dataBytes, protection),
                        () -> "the pages keep the rights they had; vm.max_map_count may be reached")
                .orThrow();
    }

    /// Overwrites the data pages, which are writable, with zeroes. The compiler cannot leave the stores out: a
    /// system call follows, which for all it knows reads memory.
    void wipe() {
        RawMemory.fill(data(), dataBytes, (byte) 0);
        VarHandle.fullFence();
    }

    /// Gives everything back. Where it fails, it may be called again.
    void unmap() {
        Attempt.of(
                        call("munmap", start, end - start, ""),
                        calls.munmap(start, end - start),
                        () -> "the secret is wiped, but its pages are still mapped: close it again")
                .orThrow();
        if (lock != null) {
            lock.forget(); // the kernel has dropped it with the mapping
        }
        Ground.process().mappings().release(MAPPINGS);
    }

    private static Attempt mapHidden(SystemCalls calls, long mappedBytes) {
        Attempt file = Attempt.of(
                "memfd_secret(O_CLOEXEC)",
                calls.memfdSecret(Linux.O_CLOEXEC),
                () -> "it needs Linux 5.14 with CONFIG_SECRETMEM, and on some kernels secretmem.enable=1 at boot");
        if (file.refusal != null) {
            return file;
        }
        int fd = (int) file.value;
        try {
            Attempt sized = Attempt.of(
                    "ftruncate(memfd_secret, byteSize=" + mappedBytes + ")",
                    calls.ftruncate(fd, mappedBytes),
                    () -> "see ftruncate(2)");
            return sized.refusal != null
                    ? sized
                    : Attempt.of(
                            "mmap(memfd_secret, byteSize=" + mappedBytes + ")",
                            calls.mmap(0, mappedBytes, READ_WRITE, Linux.MAP_SHARED, fd, 0),
                            () -> MemoryLock.advice(calls, mappedBytes)); // such pages are locked, and count as such
        } finally {
            calls.close(fd);
        }
    }

    private static long mapAnonymous(SystemCalls calls, long mappedBytes) {
        int flags = Linux.MAP_PRIVATE | Linux.MAP_ANONYMOUS;
        return Attempt.of(
                        "mmap(anonymous, byteSize=" + mappedBytes + ")",
                        calls.mmap(0, mappedBytes, READ_WRITE, flags, -1, 0),
                        () -> "memory, RLIMIT_AS, RLIMIT_DATA or vm.max_map_count is exhausted")
                .orThrow();
    }

    private Attempt mapGuards() {
        Attempt file = Attempt.of(
                "memfd_create(malloc4j-guard)",
                calls.memfdCreate("malloc4j-guard", Linux.MFD_CLOEXEC),
                () -> "see memfd_create(2)");
        if (file.refusal != null) {
            return file;
        }
        int fd = (int) file.value;
        try {
            Attempt below = mapGuard(base, fd);
            return below.refusal != null ? below : mapGuard(dataEnd(), fd);
        } finally {
            calls.close(fd);
        }
    }

    private Attempt mapGuard(long address, int fd) {
        int flags = Linux.MAP_SHARED | Linux.MAP_FIXED;
        long mapped = calls.mmap(address, pageBytes, READ_WRITE, flags, fd, 0);
        if (Errno.isError(mapped)) {
            leaveIfLost(address);
        }
        return Attempt.of(
                call("mmap", address, pageBytes, "MAP_FIXED"), mapped, () -> "vm.max_map_count may be reached");
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

    private Attempt denyGuards() {
        Attempt below = start == base ? denyGuard(base) : Attempt.DONE;
        return below.refusal != null || end == dataEnd() ? below : denyGuard(dataEnd());
    }

    private Attempt denyGuard(long address) {
        return Attempt.of(
                call("mprotect", address, pageBytes, "PROT_NONE"),
                calls.mprotect(address, pageBytes, Linux.PROT_NONE),
                () -> "vm.max_map_count may be reached");
    }

    private Safeguards.Grant lock() {
        try {
            lock = MemoryLock.lock(calls, data(), dataBytes, false, this);
            return Attempt.DONE.grant(Safeguard.LOCKED, "mlock");
        } catch (SystemCallException refused) {
            return new Safeguards.Grant(Safeguard.LOCKED, "mlock", refused);
        }
    }

    /// Pages of a file, as those of `memfd_secret`, are not wiped in a child, only left out.
    private Safeguards.Grant notForked() {
        Attempt wiped = advise(Linux.MADV_WIPEONFORK, "MADV_WIPEONFORK");
        return wiped.refusal == null
                ? wiped.grant(Safeguard.NOT_FORKED, "madvise(MADV_WIPEONFORK)")
                : advise(Linux.MADV_DONTFORK, "MADV_DONTFORK").grant(Safeguard.NOT_FORKED, "madvise(MADV_DONTFORK)");
    }

    private Attempt advise(int advice, String name) {
        return Attempt.of(
                call("madvise", data(), dataBytes, name),
                calls.madvise(data(), dataBytes, advice),
                () -> "see madvise(2)");
    }

    private static String call(String name, long address, long byteSize, String flags) {
        return name + "(address=0x" + Long.toHexString(address) + ", byteSize=" + byteSize
                + (flags.isEmpty() ? ")" : ", " + flags + ")");
    }

    /// What a system call has returned.
    ///
    /// @param value its value, if it was not refused
    private record Attempt(long value, @Nullable SystemCallException refusal) {
        static final Attempt DONE = new Attempt(0, null);

        /// @param advice what to do about a refusal; asked for only then
        static Attempt of(String call, long result, Supplier<String> advice) {
            return new Attempt(
                    result, Errno.isError(result) ? new SystemCallException(call, result, advice.get()) : null);
        }

        long orThrow() {
            if (refusal != null) {
                throw refusal;
            }
            return value;
        }

        Safeguards.Grant grant(Safeguard safeguard, String means) {
            return new Safeguards.Grant(safeguard, means, refusal);
        }
    }
}
