package malloc4j.linux;

import java.nio.charset.StandardCharsets;
import java.util.Objects;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.Linux;
import malloc4j.internal.os.SystemCalls;
import malloc4j.internal.proc.LivingThread;
import malloc4j.internal.proc.SystemFiles;
import malloc4j.linux.SharedMemory.Access;

/// Shared memory without a name: a memory file, which other processes reach through `/proc/PID/fd` of one that has
/// it.
///
/// Opening that path is a new opening of the same file, with its own access and its own locks, not a second number
/// for the same opening. Nothing else than the two numbers has to be told, so a pipe, a socket or an argument will
/// do.
///
/// Concurrency: no state but the kernel's.
final class AnonymousMemory {
    private static final int MAX_LABEL_BYTES = 249; // NAME_MAX less "memfd:"

    private AnonymousMemory() {}

    static SharedMemory create(SystemCalls calls, String label, long byteSize, SharedMemoryOptions options) {
        int labelBytes = label.getBytes(StandardCharsets.UTF_8).length;
        if (labelBytes > MAX_LABEL_BYTES || label.indexOf('\0') >= 0) {
            throw new IllegalArgumentException("label \"" + label + "\" has " + labelBytes
                    + " bytes in UTF-8, more than " + MAX_LABEL_BYTES + ", or a zero character");
        }
        SharedMemory.checkByteSize(byteSize, options);
        if (options.persistent()) {
            throw new IllegalArgumentException("option persistent is for named memory only");
        }
        int huge = options.hugePageBytes() == 0
                ? 0
                : Linux.MFD_HUGETLB | Long.numberOfTrailingZeros(options.hugePageBytes()) << Linux.MFD_HUGE_SHIFT;
        int flags = Linux.MFD_CLOEXEC | Linux.MFD_ALLOW_SEALING | huge;
        long fd = calls.memfdCreate(label, flags | Linux.MFD_NOEXEC_SEAL);
        if (fd == -Errno.EINVAL) { // Linux before 6.3
            fd = calls.memfdCreate(label, flags);
        }
        if (fd < 0) {
            String advice = huge != 0
                    ? "the kernel has no pool of these huge pages: see /sys/kernel/mm/hugepages"
                    : "see memfd_create(2)";
            throw new SystemCallException("memfd_create(label=" + label + ")", fd, advice);
        }
        SharedMemory memory = null;
        boolean complete = false;
        try {
            memory = new SharedMemory(calls, (int) fd, null, ownPath((int) fd), Access.READ_WRITE, true, options);
            memory.setMode(options.mode());
            memory.initialise(byteSize, options.contents());
            complete = true;
            return memory;
        } finally {
            if (!complete) {
                SharedMemory.abandon(calls, (int) fd, memory);
            }
        }
    }

    static SharedMemory openProcess(SystemCalls calls, long pid, int fd, Access access) {
        if (pid <= 0 || fd < 0) {
            throw new IllegalArgumentException("pid=" + pid + " is not above 0, or fd=" + fd + " is below 0");
        }
        Objects.requireNonNull(access, "access");
        String path = LivingThread.directory(SystemFiles.LIVE, "/proc/" + pid) + "/fd/" + fd;
        FileStatus status = FileStatus.of(calls, path, 0);
        if (status != null && !status.isRegular()) { // before it is opened: to open a pipe or a device has effects
            throw notMemory(path);
        }
        long own = calls.open(path, access.openFlags() | Linux.O_CLOEXEC | Linux.O_NONBLOCK, 0);
        if (own < 0) {
            String advice = own == -Errno.ENOENT
                    ? "the process has ended, or closed it"
                    : "it must be a process of this user, and the memory's mode must allow the access";
            throw new SystemCallException("open(path=" + path + ", " + access + ")", own, advice);
        }
        boolean isMemory = false;
        try {
            long seals = calls.fcntl((int) own, Linux.F_GET_SEALS, 0);
            if (seals == -Errno.EINVAL) {
                throw notMemory(path);
            }
            SharedMemory.checkSeals(own, seals);
            SharedMemory memory = new SharedMemory(
                    calls, (int) own, null, ownPath((int) own), access, false, SharedMemoryOptions.defaults());
            isMemory = true;
            return memory;
        } finally {
            if (!isMemory) {
                calls.close((int) own);
            }
        }
    }

    private static IllegalStateException notMemory(String path) {
        return new IllegalStateException(path + " is not shared memory");
    }

    private static String ownPath(int fd) {
        return "/proc/" + ProcessHandle.current().pid() + "/fd/" + fd;
    }
}
