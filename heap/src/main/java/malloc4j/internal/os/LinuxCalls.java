package malloc4j.internal.os;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// The system calls of Linux on x86-64 and aarch64, made through the Foreign Function and Memory API.
///
/// ```
/// mmap(…) ── SystemCall.MMAP.number ── syscall(number, 6 words) ── libc's syscall(2) ── kernel
///                                        │ -1: minus the errno captured by that very call
/// sbrk, sysconf, gnu_get_libc_version ── the same signature, other symbols, linked when first used
/// mallinfo2 ─────────────────────────── the one other signature (a struct by value), linked when first used
/// ```
///
/// - One linked signature, `long (long number, long × 6)`, variadic after the first, serves every call, because
///   linking is what start-up pays for: 80 ms of a fresh JVM for the first signature and its first call, 10 ms for a
///   second one, 0.5 ms for another symbol of a signature that is linked (JDK 25.0.3, 2-core Xeon 2.5 GHz, 2026-11).
/// - errno is captured inside the failing call, into a buffer that belongs to this call alone ([CaptureBuffers]).
/// - Nothing is thrown for what the kernel refuses, and nothing is remembered between calls: any thread may make any
///   call at any time, except [#sbrk].
/// - A call that gives something back, `munmap`, `munlock` or `close`, is often all that the caller of a failed one can
///   do. So where the Java heap has no room for the linker's object (40 bytes in JDK 25, until the call is compiled), a
///   reserve is let go and the call made once more; with a collector of regions that may still not be enough.
/// - None of the calls is linked as critical: they take microseconds, may block, and must let the JVM reach a
///   safepoint.
@SuppressWarnings("restricted") // the one class of this package that links and calls native code
public final class LinuxCalls implements SystemCalls {
    private static final int CALLS_UNTIL_CUSTOMIZED = 128; // java.lang.invoke.MethodHandle.CUSTOMIZE_THRESHOLD + 1
    private static final int RESERVE_BYTES = 4096;

    private static volatile @Nullable LinuxCalls instance;
    private static volatile byte @Nullable [] reserve = new byte[RESERVE_BYTES];

    private final Architecture architecture;

    private LinuxCalls(Architecture architecture) {
        this.architecture = architecture;
    }

    /// The system calls of the kernel this process runs on.
    ///
    /// @throws UnsupportedOperationException if this is not Linux on x86-64 or aarch64, naming what it is
    /// @throws IllegalCallerException if the JVM does not grant native access to this library, naming the flag to give
    public static LinuxCalls instance() {
        LinuxCalls known = instance;
        return known != null ? known : create();
    }

    private static LinuxCalls create() {
        String os = System.getProperty("os.name", "");
        String osArch = System.getProperty("os.arch", "");
        int addressBits = (int) ValueLayout.ADDRESS.byteSize() * Byte.SIZE;
        boolean littleEndian = ByteOrder.nativeOrder() == ByteOrder.LITTLE_ENDIAN;
        Architecture architecture = Architecture.of(osArch);
        if (architecture == null || Platform.unsupportedReason(os, osArch, addressBits, littleEndian) != null) {
            throw new UnsupportedOperationException(Platform.current().unsupportedReason());
        }
        requireNativeAccess(LinuxCalls.class.getModule());
        LinuxCalls created = new LinuxCalls(architecture);
        created.useOften();
        instance = created; // two threads may each create one: they have no state, either will do
        return created;
    }

    /// Asks for the cheapest restricted method there is, before a class initialiser asks for an expensive one: a
    /// failure here can be told again at the next attempt, a failure there would become a `NoClassDefFoundError`.
    private static void requireNativeAccess(Module module) {
        try {
            MemorySegment unused = MemorySegment.NULL.reinterpret(0);
        } catch (IllegalCallerException refused) {
            String grantee = module.isNamed() ? module.getName() : "ALL-UNNAMED";
            throw new IllegalCallerException(
                    "malloc4j needs native access: start java with --enable-native-access=" + grantee, refused);
        }
    }

    // The calls, in the order of SystemCalls.

    @Override
    public long mmap(long address, long byteSize, int protection, int flags, int fd, long offset) {
        return call(SystemCall.MMAP, address, byteSize, protection, flags, fd, offset);
    }

    @Override
    public long munmap(long address, long byteSize) {
        return callGivingBack(SystemCall.MUNMAP, address, byteSize);
    }

    @Override
    public long mremap(long oldAddress, long oldByteSize, long newByteSize, int flags, long newAddress) {
        return call(SystemCall.MREMAP, oldAddress, oldByteSize, newByteSize, flags, newAddress, 0);
    }

    @Override
    public long mprotect(long address, long byteSize, int protection) {
        return call(SystemCall.MPROTECT, address, byteSize, protection, 0, 0, 0);
    }

    @Override
    public long madvise(long address, long byteSize, int advice) {
        return call(SystemCall.MADVISE, address, byteSize, advice, 0, 0, 0);
    }

    @Override
    public long mincore(long address, long byteSize, long vectorAddress) {
        return call(SystemCall.MINCORE, address, byteSize, vectorAddress, 0, 0, 0);
    }

    @Override
    public long sbrk(long increment) {
        return invoke(Sbrk.HANDLE, increment, 0, 0, 0, 0, 0, 0);
    }

    @Override
    public long awaitCLibraryBreak() {
        MethodHandle mallinfo = Mallinfo.HANDLE;
        if (mallinfo == null) {
            return -Errno.ENOSYS;
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment unused = (MemorySegment) mallinfo.invokeExact((SegmentAllocator) arena);
            return 0;
        } catch (Throwable thrown) {
            throw impossible(thrown);
        }
    }

    @Override
    public long sysconf(int name) {
        long value = invoke(Sysconf.HANDLE, name, 0, 0, 0, 0, 0, 0);
        return Errno.isError(value) ? -Errno.EINVAL : value; // "no limit" leaves errno as it was: it tells nothing
    }

    @Override
    public long prlimit(int pid, int resource, long newLimitAddress, long oldLimitAddress) {
        return call(SystemCall.PRLIMIT64, pid, resource, newLimitAddress, oldLimitAddress, 0, 0);
    }

    @Override
    public long memfdCreate(String name, int flags) {
        return callWithString(SystemCall.MEMFD_CREATE, name, flags);
    }

    @Override
    public long open(String path, int flags, int mode) {
        return callWithString(SystemCall.OPENAT, path, flags, mode);
    }

    @Override
    public long close(int fd) {
        return callGivingBack(SystemCall.CLOSE, fd, 0);
    }

    @Override
    public long unlink(String path) {
        return callWithString(SystemCall.UNLINKAT, path, 0, 0);
    }

    @Override
    public long link(String path, String newPath, int flags) {
        if (path.indexOf('\0') >= 0 || newPath.indexOf('\0') >= 0) {
            return -Errno.EINVAL; // the kernel would see a shorter path
        }
        try (Arena arena = Arena.ofConfined()) {
            long from = bytes(arena, path);
            long to = bytes(arena, newPath);
            return call(SystemCall.LINKAT, Linux.AT_FDCWD, from, Linux.AT_FDCWD, to, flags, 0);
        }
    }

    @Override
    public long statx(int fd, String path, int flags, int mask, long statusAddress) {
        if (path.indexOf('\0') >= 0) {
            return -Errno.EINVAL; // the kernel would see a shorter path
        }
        try (Arena arena = Arena.ofConfined()) {
            long address = bytes(arena, path);
            return call(SystemCall.STATX, fd, address, flags, mask, statusAddress, 0);
        }
    }

    @Override
    public long fchmod(int fd, int mode) {
        return call(SystemCall.FCHMOD, fd, mode, 0, 0, 0, 0);
    }

    @Override
    public long getdents64(int fd, long bufferAddress, long bufferByteSize) {
        return call(SystemCall.GETDENTS64, fd, bufferAddress, bufferByteSize, 0, 0, 0);
    }

    @Override
    public long ftruncate(int fd, long byteSize) {
        return call(SystemCall.FTRUNCATE, fd, byteSize, 0, 0, 0, 0);
    }

    @Override
    public long lseek(int fd, long offset, int whence) {
        return call(SystemCall.LSEEK, fd, offset, whence, 0, 0, 0);
    }

    @Override
    public long fstatfs(int fd, long statfsAddress) {
        return call(SystemCall.FSTATFS, fd, statfsAddress, 0, 0, 0, 0);
    }

    @Override
    public long fallocate(int fd, int mode, long offset, long byteSize) {
        return call(SystemCall.FALLOCATE, fd, mode, offset, byteSize, 0, 0);
    }

    @Override
    public long fcntl(int fd, int command, long argument) {
        return call(SystemCall.FCNTL, fd, command, argument, 0, 0, 0);
    }

    @Override
    public long msync(long address, long byteSize, int flags) {
        return call(SystemCall.MSYNC, address, byteSize, flags, 0, 0, 0);
    }

    @Override
    public long mlock(long address, long byteSize) {
        return call(SystemCall.MLOCK, address, byteSize, 0, 0, 0, 0);
    }

    @Override
    public long mlock2(long address, long byteSize, int flags) {
        return call(SystemCall.MLOCK2, address, byteSize, flags, 0, 0, 0);
    }

    @Override
    public long munlock(long address, long byteSize) {
        return callGivingBack(SystemCall.MUNLOCK, address, byteSize);
    }

    @Override
    public long mlockall(int flags) {
        return call(SystemCall.MLOCKALL, flags, 0, 0, 0, 0, 0);
    }

    @Override
    public long munlockall() {
        return call(SystemCall.MUNLOCKALL, 0, 0, 0, 0, 0, 0);
    }

    @Override
    public long memfdSecret(int flags) {
        return call(SystemCall.MEMFD_SECRET, flags, 0, 0, 0, 0, 0);
    }

    @Override
    public long schedYield() {
        return callUnread(SystemCall.SCHED_YIELD, 0);
    }

    @Override
    public long nanosleep(long requestAddress) {
        return callUnread(SystemCall.NANOSLEEP, requestAddress);
    }

    @Override
    public long perfEventOpen(long attributeAddress, int pid, int cpu, int groupFd, int flags) {
        return call(SystemCall.PERF_EVENT_OPEN, attributeAddress, pid, cpu, groupFd, flags, 0);
    }

    @Override
    public long membarrier(int command, int flags) {
        return call(SystemCall.MEMBARRIER, command, flags, 0, 0, 0, 0);
    }

    /// The version glibc gives of itself, such as `"2.36"`; empty where the C library is another one or native access
    /// is not granted.
    static String glibcVersion() {
        Optional<MemorySegment> symbol =
                Linker.nativeLinker().defaultLookup().find(LibraryFunction.GNU_GET_LIBC_VERSION.symbol());
        if (symbol.isEmpty()) {
            return "";
        }
        try {
            long address = invoke(link(symbol.get()), 0, 0, 0, 0, 0, 0, 0);
            return MemorySegment.ofAddress(address).reinterpret(64).getString(0); // "2.36": far below 64 bytes
        } catch (IllegalCallerException refused) {
            return "";
        }
    }

    // The way down.

    /// Links what system calls are made by, for which the Java heap may have no room later: the JDK makes a class at
    /// the 128th call of a method handle, and where it cannot, tries again at each one after that. By a call that does
    /// nothing, refused or not.
    private void useOften() {
        for (int call = 0; call <= CALLS_UNTIL_CUSTOMIZED; call++) {
            long unused = callUnread(SystemCall.MEMBARRIER, Linux.MEMBARRIER_CMD_QUERY);
        }
    }

    private long callWithString(SystemCall call, String name, int flags) {
        if (name.indexOf('\0') >= 0) {
            return -Errno.EINVAL; // the kernel would see a shorter name
        }
        try (Arena arena = Arena.ofConfined()) {
            return call(call, bytes(arena, name), flags, 0, 0, 0, 0);
        }
    }

    private long callWithString(SystemCall call, String path, int flags, int mode) {
        if (path.indexOf('\0') >= 0) {
            return -Errno.EINVAL; // the kernel would see a shorter path
        }
        try (Arena arena = Arena.ofConfined()) {
            long address = bytes(arena, path);
            return call(call, Linux.AT_FDCWD, address, flags, mode, 0, 0);
        }
    }

    /// The address of a string's bytes, with a zero behind them.
    private static long bytes(Arena arena, String path) {
        byte[] bytes = KernelPath.encode(path);
        MemorySegment copy = arena.allocate(bytes.length + 1L); // zeroed
        MemorySegment.copy(bytes, 0, copy, ValueLayout.JAVA_BYTE, 0, bytes.length);
        return copy.address();
    }

    private long call(SystemCall call, long a, long b, long c, long d, long e, long f) {
        return invoke(Syscall.HANDLE, call.number(architecture), a, b, c, d, e, f);
    }

    private long callGivingBack(SystemCall call, long a, long b) {
        long result = call(call, a, b, 0, 0, 0, 0);
        if (result == -Errno.ENOMEM && reserve != null) {
            reserve = null;
            result = call(call, a, b, 0, 0, 0, 0);
        } else if (reserve == null) {
            refillReserve();
        }
        return result;
    }

    private static void refillReserve() {
        try {
            reserve = new byte[RESERVE_BYTES];
        } catch (OutOfMemoryError full) {
            // the next call that gives something back tries again
        }
    }

    /// A call that many threads make at a time and whose errno nobody reads: they share one buffer for it, so that
    /// the call makes no object even when there are more callers than [CaptureBuffers] has.
    private long callUnread(SystemCall call, long argument) {
        try {
            return (long) Syscall.HANDLE.invokeExact(
                    CaptureBuffers.UNREAD, (long) call.number(architecture), argument, 0L, 0L, 0L, 0L, 0L);
        } catch (OutOfMemoryError full) {
            return -Errno.ENOMEM; // as of any other call: it was not made
        } catch (Throwable thrown) {
            throw impossible(thrown);
        }
    }

    /// Calls a C function that reports failure as -1 and errno. Returns what it returns, or minus errno.
    private static long invoke(MethodHandle function, long a, long b, long c, long d, long e, long f, long g) {
        int buffer = CaptureBuffers.claim();
        while (buffer == CaptureBuffers.NONE) {
            MemorySegment own = bufferOrNull();
            if (own != null) {
                return invoke(function, own, a, b, c, d, e, f, g);
            }
            instance().schedYield(); // until one of the calls under way is over
            buffer = CaptureBuffers.claim();
        }
        try {
            return invoke(function, CaptureBuffers.get(buffer), a, b, c, d, e, f, g);
        } finally {
            CaptureBuffers.release(buffer);
        }
    }

    /// A buffer for one call, or null when there is no room for that.
    private static @Nullable MemorySegment bufferOrNull() {
        try {
            return Arena.ofAuto().allocate(Linker.Option.captureStateLayout());
        } catch (OutOfMemoryError full) {
            return null;
        }
    }

    private static long invoke(
            MethodHandle function, MemorySegment errno, long a, long b, long c, long d, long e, long f, long g) {
        try {
            long result = (long) function.invokeExact(errno, a, b, c, d, e, f, g);
            return result == -1 ? -errnoOf(errno) : result;
        } catch (OutOfMemoryError full) {
            // The linker's code makes objects while it is interpreted, all of them before it calls: so nothing was
            // done, and whoever asked is answered as by a kernel that had no memory.
            return -Errno.ENOMEM;
        } catch (Throwable thrown) {
            throw impossible(thrown);
        }
    }

    private static int errnoOf(MemorySegment captured) {
        int errno = captured.get(JAVA_INT, 0); // on Linux the captured state is errno alone
        return errno != 0 ? errno : Errno.EINVAL; // 0 after a failure: only sysconf, asked for what has no value
    }

    /// A downcall throws nothing of its own; what comes out is an error of the JVM, which passes as it is.
    private static Error impossible(Throwable thrown) {
        if (thrown instanceof Error error) {
            throw error;
        }
        throw new AssertionError(thrown);
    }

    /// For how long a thread sleeps that waits for others and keeps its carrier.
    public static final class Pause {
        private static final long MUTEX_NANOS = 100_000;
        private static final long MILLISECOND_NANOS = 1_000_000;
        private static final int LONGEST = 6;

        /// The address of a `struct timespec` for who waits for a [Mutex].
        static final long REQUEST = timespec(MUTEX_NANOS);

        private static final long[] MILLISECONDS = milliseconds();

        private Pause() {}

        private static long[] milliseconds() {
            long[] requests = new long[LONGEST + 1];
            for (int pause = 0; pause <= LONGEST; pause++) {
                requests[pause] = timespec(MILLISECOND_NANOS << pause);
            }
            return requests;
        }

        private static long timespec(long nanos) {
            MemorySegment request = Arena.global().allocate(2 * JAVA_LONG.byteSize(), JAVA_LONG.byteAlignment());
            request.set(JAVA_LONG, JAVA_LONG.byteSize(), nanos);
            return request.address();
        }

        /// Sleeps 1 ms, the next time 2, then 4 and so on to 64 at most, or until a signal.
        ///
        /// @param pause how often the caller has slept before
        public static void sleep(int pause) {
            instance().nanosleep(MILLISECONDS[Math.min(pause, LONGEST)]);
        }
    }

    // The functions of the C library, each linked when its holder is first used.

    /// Links a function of the C library with the one signature that all but [Mallinfo] share: `syscall(2)`'s.
    ///
    /// A function with fewer parameters may be called by it: the surplus arguments lie in registers (the seventh on
    /// x86-64 on the stack, which the caller clears), where the callee does not look. An `int` parameter takes the low
    /// half of its register in both calling conventions.
    ///
    /// @source [syscall(2)](https://man7.org/linux/man-pages/man2/syscall.2.html); System V ABI for AMD64, 3.2.3;
    ///     AAPCS64, 6.8.2
    private static MethodHandle link(MemorySegment symbol) {
        FunctionDescriptor sevenWords = FunctionDescriptor.of(
                JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG);
        return Linker.nativeLinker()
                .downcallHandle(
                        symbol, sevenWords, Linker.Option.firstVariadicArg(1), Linker.Option.captureCallState("errno"));
    }

    private static MethodHandle link(LibraryFunction function) {
        return link(Linker.nativeLinker().defaultLookup().findOrThrow(function.symbol()));
    }

    /// `munmap` as a function of six words, of which the first two matter, for whoever outlives this class; it knows
    /// none of this library's.
    public static MethodHandle unmapping() {
        MemorySegment errno = Arena.global().allocate(Linker.Option.captureStateLayout());
        long number = SystemCall.MUNMAP.number(instance().architecture);
        return MethodHandles.insertArguments(Syscall.HANDLE, 0, errno, number);
    }

    private static final class Syscall {
        static final MethodHandle HANDLE = link(LibraryFunction.SYSCALL);
    }

    private static final class Sbrk {
        static final MethodHandle HANDLE = link(LibraryFunction.SBRK);
    }

    private static final class Sysconf {
        static final MethodHandle HANDLE = link(LibraryFunction.SYSCONF);
    }

    /// `struct mallinfo2 mallinfo2(void)`, ten `size_t`; before glibc 2.33 `mallinfo`, ten `int`; null where there is
    /// neither, as in musl.
    private static final class Mallinfo {
        static final @Nullable MethodHandle HANDLE =
                linkFirst(Linker.nativeLinker().defaultLookup());

        private static @Nullable MethodHandle linkFirst(SymbolLookup symbols) {
            Optional<MemorySegment> newer = symbols.find(LibraryFunction.MALLINFO2.symbol());
            if (newer.isPresent()) {
                return linkReturning(newer.get(), JAVA_LONG);
            }
            Optional<MemorySegment> older = symbols.find(LibraryFunction.MALLINFO.symbol());
            return older.isPresent() ? linkReturning(older.get(), JAVA_INT) : null;
        }

        private static MethodHandle linkReturning(MemorySegment symbol, ValueLayout field) {
            MemoryLayout[] fields = new MemoryLayout[10];
            Arrays.fill(fields, field);
            return Linker.nativeLinker()
                    .downcallHandle(symbol, FunctionDescriptor.of(MemoryLayout.structLayout(fields)));
        }
    }
}
