package malloc4j.internal.os;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static malloc4j.internal.os.Linux.MADV_DONTNEED;
import static malloc4j.internal.os.Linux.MAP_ANONYMOUS;
import static malloc4j.internal.os.Linux.MAP_FIXED_NOREPLACE;
import static malloc4j.internal.os.Linux.MAP_PRIVATE;
import static malloc4j.internal.os.Linux.MAP_SHARED;
import static malloc4j.internal.os.Linux.MREMAP_FIXED;
import static malloc4j.internal.os.Linux.MREMAP_MAYMOVE;
import static malloc4j.internal.os.Linux.PROT_NONE;
import static malloc4j.internal.os.Linux.PROT_READ;
import static malloc4j.internal.os.Linux.PROT_WRITE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.LongSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// On the real kernel: what each call does, and that each failure comes back as its own errno.
@SuppressWarnings("restricted")
class LinuxCallsTest {
    private static final int READ_WRITE = PROT_READ | PROT_WRITE;
    private static final int PRIVATE = MAP_PRIVATE | MAP_ANONYMOUS;
    private static final int UNKNOWN_FLAG = 1 << 20;

    private final LinuxCalls os = LinuxCalls.instance();
    private final long page = os.sysconf(Linux._SC_PAGESIZE);
    private final List<Runnable> cleanUps = new ArrayList<>();

    @AfterEach
    void cleanUp() {
        cleanUps.forEach(Runnable::run);
    }

    private long map(long pageCount, int protection) {
        return map(pageCount, protection, PRIVATE, -1);
    }

    private long map(long pageCount, int protection, int flags, int fd) {
        long address = os.mmap(0, pageCount * page, protection, flags, fd, 0);
        assertThat(address).isPositive();
        cleanUps.add(() -> os.munmap(address, pageCount * page));
        return address;
    }

    /// The address of a page that was mapped a moment ago and is not any more, in the middle of two that are.
    /// An address that nothing is mapped at, and that the kernel gives nobody: below `vm.mmap_min_addr`.
    private long hole() {
        return page;
    }

    private int memoryFile(long pageCount, int flags) {
        int fd = (int) succeeds(os.memfdCreate("LinuxCallsTest", Linux.MFD_CLOEXEC | flags));
        cleanUps.add(() -> os.close(fd));
        assertThat(os.ftruncate(fd, pageCount * page)).isZero();
        return fd;
    }

    private static MemorySegment at(long address, long byteSize) {
        return MemorySegment.ofAddress(address).reinterpret(byteSize);
    }

    private static byte getByte(long address) {
        return at(address, 1).get(JAVA_BYTE, 0);
    }

    private static void putByte(long address, int value) {
        at(address, 1).set(JAVA_BYTE, 0, (byte) value);
    }

    private static long succeeds(long result) {
        assertThat(result).as(() -> Errno.name(result)).isNotNegative();
        return result;
    }

    private static void fails(int errno, long result) {
        assertThat(result).as(() -> Errno.name(result)).isEqualTo(-errno);
    }

    // mmap, munmap

    @Test
    void mmapGivesZeroedMemoryAtAPageBoundary() {
        long address = map(4, READ_WRITE);
        assertThat(address % page).isZero();
        assertThat(at(address, 4 * page).mismatch(MemorySegment.ofArray(new byte[(int) (4 * page)])))
                .isEqualTo(-1);
    }

    @Test
    void mmapFailures() {
        fails(Errno.ENOMEM, os.mmap(0, 1L << 60, PROT_NONE, PRIVATE, -1, 0));
        fails(Errno.EINVAL, os.mmap(0, 0, PROT_NONE, PRIVATE, -1, 0));
        fails(Errno.EBADF, os.mmap(0, page, PROT_NONE, MAP_PRIVATE, -1, 0));
        fails(Errno.EEXIST, os.mmap(map(1, PROT_NONE), page, PROT_NONE, PRIVATE | MAP_FIXED_NOREPLACE, -1, 0));
        fails(Errno.EINVAL, os.mmap(0, page, PROT_READ, MAP_PRIVATE, memoryFile(1, 0), 1));
    }

    @Test
    void mmapReachesFilesAtAnOffset() {
        int fd = memoryFile(2, 0);
        long both = map(2, READ_WRITE, MAP_SHARED, fd);
        putByte(both + page, 7);
        long second = succeeds(os.mmap(0, page, PROT_READ, MAP_SHARED, fd, page));
        assertThat(getByte(second)).isEqualTo((byte) 7);
        succeeds(os.munmap(second, page));
    }

    @Test
    void munmapRemovesTheMapping() {
        fails(Errno.ENOMEM, os.mincore(hole(), page, map(1, READ_WRITE)));
        fails(Errno.EINVAL, os.munmap(1, page));
        fails(Errno.EINVAL, os.munmap(0, 0));
    }

    // mremap

    @Test
    void mremapMovesContentsWithTheMapping() {
        long old = map(1, READ_WRITE);
        putByte(old + page - 1, 9);
        long target = map(8, PROT_NONE);
        long moved = os.mremap(old, page, 4 * page, MREMAP_MAYMOVE | MREMAP_FIXED, target);
        assertThat(moved).isEqualTo(target);
        assertThat(getByte(moved + page - 1)).isEqualTo((byte) 9);
        assertThat(getByte(moved + 4 * page - 1)).isZero();
        assertThat(os.mremap(moved, 4 * page, page, 0, 0)).isEqualTo(moved);
    }

    @Test
    void mremapFailures() {
        long crowded = map(2, READ_WRITE);
        fails(Errno.ENOMEM, os.mremap(crowded, page, 2 * page, 0, 0)); // its neighbour is in the way
        fails(Errno.EFAULT, os.mremap(hole(), page, 2 * page, MREMAP_MAYMOVE, 0));
        fails(Errno.EINVAL, os.mremap(crowded + 1, page, page, MREMAP_MAYMOVE, 0));
    }

    // mprotect, madvise, mincore

    @Test
    void mprotectCommitsAReservation() {
        long address = map(2, PROT_NONE);
        assertThat(os.mprotect(address, page, READ_WRITE)).isZero();
        putByte(address, 1);
        assertThat(getByte(address)).isEqualTo((byte) 1);
    }

    @Test
    void mprotectFailures() {
        fails(Errno.ENOMEM, os.mprotect(hole(), page, READ_WRITE));
        fails(Errno.EINVAL, os.mprotect(1, page, READ_WRITE));
        int fd = (int) succeeds(os.open("/proc/self/exe", Linux.O_RDONLY, 0));
        long readOnly = map(1, PROT_READ, MAP_SHARED, fd);
        fails(Errno.EACCES, os.mprotect(readOnly, page, READ_WRITE));
        succeeds(os.close(fd));
    }

    @Test
    void madviseGivesPagesBackAsZeroes() {
        long address = map(2, READ_WRITE);
        putByte(address, 1);
        putByte(address + page, 2);
        assertThat(os.madvise(address, page, MADV_DONTNEED)).isZero();
        assertThat(getByte(address)).isZero();
        assertThat(getByte(address + page)).isEqualTo((byte) 2);
    }

    @Test
    void madviseFailures() {
        fails(Errno.EINVAL, os.madvise(map(1, READ_WRITE), page, 12345));
        fails(Errno.EINVAL, os.madvise(map(1, READ_WRITE) + 1, page, MADV_DONTNEED));
        fails(Errno.ENOMEM, os.madvise(hole(), page, MADV_DONTNEED));
    }

    @Test
    void mincoreTellsResidentPages() {
        long address = map(3, READ_WRITE);
        assumeTrue(os.madvise(address, 3 * page, Linux.MADV_NOHUGEPAGE) == 0);
        putByte(address + page, 1);
        long vector = map(1, READ_WRITE);
        assertThat(os.mincore(address, 3 * page, vector)).isZero();
        assertThat(List.of(getByte(vector) & 1, getByte(vector + 1) & 1, getByte(vector + 2) & 1))
                .containsExactly(0, 1, 0);
    }

    @Test
    void mincoreFailures() {
        long address = map(1, READ_WRITE);
        fails(Errno.EFAULT, os.mincore(address, page, 1));
        fails(Errno.EINVAL, os.mincore(address + 1, page, address));
        fails(Errno.ENOMEM, os.mincore(hole(), page, address));
    }

    // The C library

    @Test
    void sbrkOfZeroTellsTheBreak() {
        assertThat(os.sbrk(0)).isPositive();
    }

    @Test
    void sbrkBeyondEverythingFailsAndMovesNothing() {
        long before = os.sbrk(0);
        fails(Errno.ENOMEM, os.sbrk(1L << 60));
        assertThat(os.sbrk(0)).isGreaterThanOrEqualTo(before);
    }

    @Test
    void awaitCLibraryBreakReturns() {
        boolean glibc = Platform.current().libc() == Platform.Libc.GLIBC;
        assertThat(os.awaitCLibraryBreak()).isEqualTo(glibc ? 0 : -Errno.ENOSYS);
    }

    @Test
    void sysconfKnowsPagesAndProcessors() {
        assertThat(Long.bitCount(page)).isEqualTo(1);
        assertThat(page).isBetween(4096L, 65536L);
        assertThat(os.sysconf(Linux._SC_NPROCESSORS_ONLN))
                .isGreaterThanOrEqualTo(Runtime.getRuntime().availableProcessors());
        assertThat(os.sysconf(Linux._SC_NPROCESSORS_CONF))
                .isGreaterThanOrEqualTo(os.sysconf(Linux._SC_NPROCESSORS_ONLN));
        assertThat(os.sysconf(Linux._SC_PHYS_PAGES)).isGreaterThan(os.sysconf(Linux._SC_AVPHYS_PAGES));
    }

    @Test
    void sysconfRefusesUnknownNamesWhateverErrnoWasBefore() {
        fails(Errno.EINVAL, os.sysconf(99999));
        fails(Errno.EBADF, os.close(-1));
        int aioMax = 24; // _SC_AIO_MAX: glibc has no limit, answers -1 and leaves errno
        fails(Errno.EINVAL, os.sysconf(aioMax));
    }

    // Limits

    @Test
    void prlimitReadsAndSetsLimits() throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment limits = arena.allocate(16);
            assertThat(os.prlimit(0, Linux.RLIMIT_NOFILE, 0, limits.address())).isZero();
            long soft = limits.get(JAVA_LONG, 0);
            assertThat(Files.readString(Path.of("/proc/self/limits")))
                    .containsPattern("Max open files +" + soft + " +" + limits.get(JAVA_LONG, 8));
            limits.set(JAVA_LONG, 0, soft - 1);
            assertThat(os.prlimit(0, Linux.RLIMIT_NOFILE, limits.address(), 0)).isZero();
            assertThat(Files.readString(Path.of("/proc/self/limits"))).containsPattern("Max open files +" + (soft - 1));
            limits.set(JAVA_LONG, 0, soft);
            assertThat(os.prlimit(0, Linux.RLIMIT_NOFILE, limits.address(), 0)).isZero();
        }
    }

    @Test
    void prlimitFailures() {
        fails(Errno.EINVAL, os.prlimit(0, 99, 0, 0));
        fails(Errno.EFAULT, os.prlimit(0, Linux.RLIMIT_AS, 0, 1));
        fails(Errno.ESRCH, os.prlimit(Integer.MAX_VALUE, Linux.RLIMIT_AS, 0, 0));
    }

    // Files

    @Test
    void memoryFilesAreSharedAndSized() {
        int fd = memoryFile(1, 0);
        long one = map(1, READ_WRITE, MAP_SHARED, fd);
        long other = map(1, PROT_READ, MAP_SHARED, fd);
        putByte(one, 42);
        assertThat(getByte(other)).isEqualTo((byte) 42);
    }

    @Test
    void memfdCreateFailures() {
        fails(Errno.EINVAL, os.memfdCreate("x", UNKNOWN_FLAG));
        fails(Errno.EINVAL, os.memfdCreate("x".repeat(300), 0));
        fails(Errno.EINVAL, os.memfdCreate("cut\0short", 0));
    }

    @Test
    void filesAreOpenedTruncatedAndUnlinked(@TempDir Path directory) throws IOException {
        String path = directory.resolve("f").toString();
        int fd = (int) succeeds(os.open(path, Linux.O_RDWR | Linux.O_CREAT | Linux.O_EXCL | Linux.O_CLOEXEC, 0600));
        assertThat(os.ftruncate(fd, 12345)).isZero();
        assertThat(Files.size(Path.of(path))).isEqualTo(12345);
        assertThat(Files.getPosixFilePermissions(Path.of(path))).hasSize(2);
        assertThat(os.fcntl(fd, Linux.F_GETFD, 0)).isEqualTo(Linux.FD_CLOEXEC);
        assertThat(os.close(fd)).isZero();
        assertThat(os.unlink(path)).isZero();
        assertThat(Files.exists(Path.of(path))).isFalse();
    }

    @Test
    void openFailures(@TempDir Path directory) throws IOException {
        String path = Files.createFile(directory.resolve("f")).toString();
        fails(Errno.ENOENT, os.open(directory + "/absent", Linux.O_RDONLY, 0));
        fails(Errno.EEXIST, os.open(path, Linux.O_RDWR | Linux.O_CREAT | Linux.O_EXCL, 0600));
        fails(Errno.EISDIR, os.open(directory.toString(), Linux.O_RDWR, 0));
        fails(Errno.ENOTDIR, os.open(path, Linux.O_RDONLY | Linux.O_DIRECTORY, 0));
        fails(Errno.EINVAL, os.open(path + "\0", Linux.O_RDONLY, 0));
        fails(Errno.ENAMETOOLONG, os.open("/" + "x".repeat(300), Linux.O_RDONLY, 0));
        String link = Files.createSymbolicLink(directory.resolve("link"), Path.of(path))
                .toString();
        fails(Errno.ELOOP, os.open(link, Linux.O_RDONLY | Linux.O_NOFOLLOW, 0));
    }

    @Test
    void filesWithoutANameAreOpened(@TempDir Path directory) {
        long fd = os.open(directory.toString(), Linux.O_RDWR | Linux.O_TMPFILE, 0600);
        assumeTrue(fd != -Errno.EOPNOTSUPP, "this file system has no O_TMPFILE");
        succeeds(fd);
        succeeds(os.close((int) fd));
    }

    @Test
    void closeUnlinkAndFtruncateFailures(@TempDir Path directory) {
        fails(Errno.EBADF, os.close(-1));
        fails(Errno.ENOENT, os.unlink(directory + "/absent"));
        fails(Errno.EISDIR, os.unlink(directory.toString()));
        fails(Errno.EINVAL, os.unlink(directory + "/a\0b"));
        fails(Errno.EBADF, os.ftruncate(-1, 0));
        fails(Errno.EINVAL, os.ftruncate(memoryFile(1, 0), -1));
    }

    @Test
    void fallocatePunchesHoles() {
        int fd = memoryFile(2, 0);
        long address = map(2, READ_WRITE, MAP_SHARED, fd);
        putByte(address, 1);
        putByte(address + page, 2);
        assertThat(os.fallocate(fd, Linux.FALLOC_FL_PUNCH_HOLE | Linux.FALLOC_FL_KEEP_SIZE, 0, page))
                .isZero();
        assertThat(getByte(address)).isZero();
        assertThat(getByte(address + page)).isEqualTo((byte) 2);
        fails(Errno.EBADF, os.fallocate(-1, 0, 0, page));
        fails(Errno.EINVAL, os.fallocate(fd, 0, 0, 0));
        fails(Errno.EOPNOTSUPP, os.fallocate(fd, Linux.FALLOC_FL_PUNCH_HOLE, 0, page));
    }

    @Test
    void fcntlSealsMemoryFiles() {
        int fd = memoryFile(1, Linux.MFD_ALLOW_SEALING);
        assertThat(os.fcntl(fd, Linux.F_ADD_SEALS, Linux.F_SEAL_GROW | Linux.F_SEAL_SHRINK))
                .isZero();
        assertThat(os.fcntl(fd, Linux.F_GET_SEALS, 0)).isEqualTo(Linux.F_SEAL_GROW | Linux.F_SEAL_SHRINK);
        fails(Errno.EPERM, os.ftruncate(fd, 2 * page));
        fails(Errno.EBADF, os.fcntl(-1, Linux.F_GET_SEALS, 0));
        fails(Errno.EINVAL, os.fcntl(fd, 99999, 0));
    }

    @Test
    void msyncAcceptsFileMappings() {
        long address = map(1, READ_WRITE, MAP_SHARED, memoryFile(1, 0));
        assertThat(os.msync(address, page, Linux.MS_SYNC)).isZero();
        fails(Errno.EINVAL, os.msync(address, page, Linux.MS_SYNC | Linux.MS_ASYNC));
        fails(Errno.ENOMEM, os.msync(hole(), page, Linux.MS_SYNC));
    }

    // Locked and secret memory

    @Test
    void mlockMakesPagesResidentAndMlock2WhenTouched() throws IOException {
        long address = map(2, READ_WRITE);
        long vector = map(1, READ_WRITE);
        long locked = os.mlock(address, page);
        assumeTrue(locked != -Errno.ENOMEM && locked != -Errno.EPERM, "RLIMIT_MEMLOCK is too low");
        assertThat(locked).isZero();
        assertThat(os.mlock2(address + page, page, Linux.MLOCK_ONFAULT)).isZero();
        assertThat(os.mincore(address, 2 * page, vector)).isZero();
        assertThat(getByte(vector) & 1).isEqualTo(1);
        assertThat(Files.readString(Path.of("/proc/self/status")))
                .containsPattern("VmLck:\\s+" + 2 * page / 1024 + " kB");
        assertThat(os.munlock(address, 2 * page)).isZero();
        assertThat(Files.readString(Path.of("/proc/self/status"))).containsPattern("VmLck:\\s+0 kB");
    }

    @Test
    void mlockFailures() {
        long hole = hole();
        fails(Errno.ENOMEM, os.mlock(hole, page));
        fails(Errno.ENOMEM, os.mlock2(hole, page, 0));
        fails(Errno.ENOMEM, os.munlock(hole, page));
        fails(Errno.EINVAL, os.mlock2(hole, page, UNKNOWN_FLAG));
        fails(Errno.EINVAL, os.mlockall(0));
        fails(Errno.EINVAL, os.mlockall(UNKNOWN_FLAG));
        assertThat(os.munlockall()).isZero();
    }

    @Test
    void secretMemoryWhereTheKernelHasIt() {
        long fd = os.memfdSecret(Linux.O_CLOEXEC);
        assumeTrue(fd != -Errno.ENOSYS, "no memfd_secret");
        succeeds(fd);
        assertThat(os.ftruncate((int) fd, page)).isZero();
        assertThat(os.close((int) fd)).isZero();
        fails(Errno.EINVAL, os.memfdSecret(UNKNOWN_FLAG));
    }

    // errno and threads

    @Test
    void eachThreadGetsTheErrnoOfItsOwnCall() throws Exception {
        long hole = hole();
        try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
            runAll(
                    threads,
                    List.of(
                            new Failing(Errno.EBADF, () -> os.close(-1)),
                            new Failing(Errno.EINVAL, () -> os.munmap(1, page)),
                            new Failing(Errno.ENOMEM, () -> os.mprotect(hole, page, READ_WRITE)),
                            new Failing(Errno.EFAULT, () -> os.mremap(hole, page, 2 * page, MREMAP_MAYMOVE, 0))));
        }
    }

    @Test
    void virtualThreadsToo() throws Exception {
        List<Failing> failing = new ArrayList<>();
        for (int number = 0; number < 8; number++) {
            failing.add(new Failing(Errno.EBADF, () -> os.close(-1)));
            failing.add(new Failing(Errno.EINVAL, () -> os.munmap(1, page)));
        }
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            runAll(threads, failing);
        }
    }

    private record Failing(int errno, LongSupplier call) {}

    private static void runAll(ExecutorService threads, List<Failing> failing) throws Exception {
        CountDownLatch start = new CountDownLatch(failing.size());
        List<Future<Long>> wrong = new ArrayList<>();
        for (Failing one : failing) {
            wrong.add(threads.submit(() -> {
                start.countDown();
                start.await();
                long count = 0;
                for (int round = 0; round < 100_000; round++) {
                    count += one.call.getAsLong() == -one.errno ? 0 : 1;
                }
                return count;
            }));
        }
        for (Future<Long> count : wrong) {
            assertThat(count.get()).isZero();
        }
    }

    @Test
    void moreCallsThanBuffersStillHaveTheirErrno() {
        List<Integer> claimed = new ArrayList<>();
        for (int index = CaptureBuffers.claim(); index != CaptureBuffers.NONE; index = CaptureBuffers.claim()) {
            claimed.add(index);
        }
        try {
            assertThat(claimed).doesNotHaveDuplicates();
            fails(Errno.EBADF, os.close(-1));
            fails(Errno.EINVAL, os.munmap(1, page));
        } finally {
            claimed.forEach(CaptureBuffers::release);
        }
        assertThat(claimed).hasSize(64);
    }

    @Test
    void instanceIsOne() {
        assertThat(LinuxCalls.instance()).isSameAs(os);
    }
}
