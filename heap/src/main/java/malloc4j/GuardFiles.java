package malloc4j;

import java.io.FileInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Objects;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.KernelPath;
import malloc4j.internal.os.Linux;
import malloc4j.internal.os.SystemCalls;
import malloc4j.internal.proc.ProcessStat;
import malloc4j.internal.proc.SystemFiles;
import malloc4j.internal.region.Ground;
import malloc4j.internal.sample.GuardFile;
import malloc4j.internal.sample.Sampler;
import org.jspecify.annotations.Nullable;

/// Makes the file by which `./malloc4j explain` knows what a heap has guarded: new, for its user's eyes only, under a
/// name that nobody has, and with all its room on the disk, because a full one would end the JVM later.
///
/// ```
///   NAME          of the option guardFile, else malloc4j-guards-PID-HEAP in java.io.tmpdir
///   NAME-2 ..-9   where another heap has it, or what has it is no such file
///   NAME.old      what a process that has died left under this name: the number of a process comes again
/// ```
///
/// It is removed when the heap is closed, or the JVM ends in order.
final class GuardFiles {
    /// The value of the option for no file.
    static final String NONE = "none";

    private static final int FLAGS = Linux.O_RDWR | Linux.O_CREAT | Linux.O_EXCL | Linux.O_NOFOLLOW | Linux.O_CLOEXEC;
    private static final int OWNER_ONLY = 0600;
    private static final int MAX_NAMES = 9;
    private static final String OLD = ".old";
    private static final long TICK_NANOS = 10_000_000; // the kernel's, to programs
    private static final double NANOS = 1e9;

    private final SystemCalls calls;
    private final Ground ground;
    private final HeapOptions options;
    private final int heapId;
    private final long pid = ProcessHandle.current().pid();
    private final long startTicks;

    private GuardFiles(SystemCalls calls, Ground ground, HeapOptions options, int heapId) throws IOException {
        this.calls = calls;
        this.ground = ground;
        this.options = options;
        this.heapId = heapId;
        this.startTicks = startTicks("self");
    }

    /// Has a sampler that guards blocks keep a file of them. Returns why it cannot, empty when it does, or nothing is
    /// guarded, or no file is wanted.
    static String keep(SystemCalls calls, Ground ground, HeapOptions options, int heapId, Sampler sampler) {
        GuardFile.Region region = sampler.guardRegion();
        if (region == null || NONE.equals(options.observing().guardFile())) {
            return "";
        }
        try {
            sampler.keep(new GuardFiles(calls, ground, options, heapId).make(region));
            return "";
        } catch (IOException | InvalidPathException refused) {
            return String.valueOf(refused.getMessage());
        } catch (OutOfMemoryError | StackOverflowError | InternalError | IllegalStateException noRoom) {
            return noRoom.toString();
        }
    }

    private GuardFile make(GuardFile.Region region) throws IOException {
        Path path = path();
        int fd = -1;
        for (int number = 1; fd < 0; number++) {
            Path name = number == 1 ? path : Path.of(path + "-" + number);
            fd = create(name, number == MAX_NAMES);
            path = fd < 0 ? path : name;
        }
        try {
            return map(path, fd, region);
        } catch (IOException | RuntimeException | Error refused) {
            long unused = calls.unlink(KernelPath.of(path));
            throw refused;
        } finally {
            long unused = ground.calls().close(fd);
        }
    }

    private Path path() {
        String given = options.observing().guardFile();
        return Path.of(
                given != null
                        ? withPid(given)
                        : System.getProperty("java.io.tmpdir", "/tmp") + "/malloc4j-guards-" + pid + "-" + heapId);
    }

    /// A path in which `%p` stands for the number of this process.
    static String withPid(String path) {
        return path.contains("%p")
                ? path.replace("%p", Long.toString(ProcessHandle.current().pid()))
                : path;
    }

    /// Returns its descriptor, or -1 where the name is taken.
    private int create(Path path, boolean isLast) throws IOException {
        long fd = calls.open(KernelPath.of(path), FLAGS, OWNER_ONLY);
        if (fd == -Errno.EEXIST && setAside(path)) {
            fd = calls.open(KernelPath.of(path), FLAGS, OWNER_ONLY);
        }
        if (fd < 0 && (fd != -Errno.EEXIST || isLast)) {
            throw refusal(path, "open", fd);
        }
        return fd < 0 ? -1 : (int) fd;
    }

    /// Gives what a dead process has left another name. Returns whether that was possible.
    private static boolean setAside(Path path) {
        try {
            if (!Files.isRegularFile(path, LinkOption.NOFOLLOW_LINKS)) { // opening a pipe would wait
                return false;
            }
            ByteBuffer header = ByteBuffer.allocate(GuardFile.HEADER_BYTES).order(ByteOrder.LITTLE_ENDIAN);
            try (FileInputStream in = new FileInputStream(path.toFile())) {
                int unused = in.readNBytes(header.array(), 0, GuardFile.HEADER_BYTES);
            }
            long writer = header.getLong(GuardFile.PID);
            if (header.getLong(0) != GuardFile.MAGIC || isRunning(writer, header.getLong(GuardFile.START_TICKS))) {
                return false;
            }
            Path unused = Files.move(path, Path.of(path + OLD), StandardCopyOption.ATOMIC_MOVE);
            return true;
        } catch (IOException notOurs) {
            return false;
        }
    }

    private static boolean isRunning(long pid, long startTicks) {
        try {
            return startTicks(Long.toString(pid)) == startTicks;
        } catch (IOException gone) {
            return false;
        }
    }

    private static long startTicks(String process) throws IOException {
        return ProcessStat.read(SystemFiles.LIVE, "/proc/" + process).field(ProcessStat.START_TIME);
    }

    private GuardFile map(Path path, int fd, GuardFile.Region region) throws IOException {
        long byteSize = GuardFile.byteSize(region.slotCount());
        long reserved = -Errno.EINTR;
        while (reserved == -Errno.EINTR) {
            reserved = ground.calls().fallocate(fd, 0, 0, byteSize);
        }
        if (reserved < 0) {
            throw refusal(path, "fallocate of " + byteSize + " bytes", reserved);
        }
        if (!ground.mappings().tryAcquire(1)) {
            throw new FileSystemException(path.toString(), null, "the process has too many mappings");
        }
        long address = ground.calls().mmap(0, byteSize, Linux.PROT_READ | Linux.PROT_WRITE, Linux.MAP_SHARED, fd, 0);
        if (Errno.isError(address)) {
            ground.mappings().release(1);
            throw refusal(path, "mmap", address);
        }
        try {
            return begin(path, address, region);
        } catch (IOException | RuntimeException | Error refused) {
            long unused = ground.calls().munmap(address, byteSize);
            ground.mappings().release(1);
            throw refused;
        }
    }

    private GuardFile begin(Path path, long address, GuardFile.Region region) throws IOException {
        long elapsed = uptimeNanos() - startTicks * TICK_NANOS;
        long started = ground.nanoTime() - elapsed;
        GuardFile file = new GuardFile(ground, address, region.slotCount(), started, removerAtExit(path));
        String name = options.name();
        file.begin(new GuardFile.Writer(pid, startTicks, elapsed, System.currentTimeMillis(), heapId, name), region);
        return file;
    }

    /// Removes it, unless something else has its name now; by itself when the JVM ends.
    private Runnable removerAtExit(Path path) throws IOException {
        Object key = key(path);
        SystemCalls files = calls; // not this, which has the options: they may lead to the heap
        Runnable remover = () -> {
            try {
                if (Objects.equals(key, key(path))) {
                    long unused = files.unlink(KernelPath.of(path));
                }
            } catch (IOException gone) {
                // then there is nothing to remove
            }
        };
        Thread hook = ground.unstarted("malloc4j-guard-file", remover);
        Runtime.getRuntime().addShutdownHook(hook);
        return () -> {
            remover.run();
            try {
                boolean unused = Runtime.getRuntime().removeShutdownHook(hook);
            } catch (IllegalStateException jvmIsEnding) {
                // it runs, and finds nothing
            }
        };
    }

    private static @Nullable Object key(Path path) throws IOException {
        return Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS)
                .fileKey();
    }

    private static long uptimeNanos() throws IOException {
        String text = SystemFiles.LIVE.text("/proc/uptime");
        return (long) (Double.parseDouble(text.substring(0, text.indexOf(' '))) * NANOS);
    }

    private static FileSystemException refusal(Path path, String call, long result) {
        return new FileSystemException(path.toString(), null, call + ": " + Errno.name(result));
    }
}
