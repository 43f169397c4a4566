package malloc4j.internal.os;

/// All system calls that this library makes, one method each, in the kernel's own terms: those of a heap, and here
/// those for files, locks, limits and waiting threads.
///
/// As [MemoryCalls] says, each returns a value of zero or more, or minus `errno`. Two classes implement it:
/// [LinuxCalls], and a recording fake in the tests that can fail the n-th call.
public interface SystemCalls extends MemoryCalls {
    /// Reads and sets a resource limit of a process; each non-zero address points to two 64-bit words, soft and
    /// hard. Returns 0, or minus errno.
    ///
    /// @source [prlimit(2)](https://man7.org/linux/man-pages/man2/prlimit.2.html)
    long prlimit(int pid, int resource, long newLimitAddress, long oldLimitAddress);

    /// Opens a file. Returns its descriptor, or minus errno.
    ///
    /// @source [open(2)](https://man7.org/linux/man-pages/man2/open.2.html)
    long open(String path, int flags, int mode);

    /// Removes a file's name. Returns 0, or minus errno.
    ///
    /// @source [unlink(2)](https://man7.org/linux/man-pages/man2/unlink.2.html)
    long unlink(String path);

    /// Gives the file at a path one more name, which must not exist; with `AT_SYMLINK_FOLLOW`, `/proc/self/fd/N`
    /// stands for an open file that has none yet. Returns 0, or minus errno.
    ///
    /// @source [linkat(2)](https://man7.org/linux/man-pages/man2/linkat.2.html)
    long link(String path, String newPath, int flags);

    /// Writes what the kernel knows of a file, 256 bytes of `struct statx`, to `statusAddress`: of the file at
    /// `path`, or with `AT_EMPTY_PATH` and an empty one of the descriptor. Returns 0, or minus errno.
    ///
    /// @source [statx(2)](https://man7.org/linux/man-pages/man2/statx.2.html)
    long statx(int fd, String path, int flags, int mask, long statusAddress);

    /// Sets the mode of an open file. Returns 0, or minus errno.
    ///
    /// @source [fchmod(2)](https://man7.org/linux/man-pages/man2/fchmod.2.html)
    long fchmod(int fd, int mode);

    /// Writes the next entries of an open directory, each a `struct linux_dirent64`, to `bufferAddress`. Returns
    /// how many bytes it wrote, 0 at the end, or minus errno.
    ///
    /// @source [getdents64(2)](https://man7.org/linux/man-pages/man2/getdents.2.html)
    long getdents64(int fd, long bufferAddress, long bufferByteSize);

    /// Tells about the file system that a file is on, as `struct statfs` at `statfsAddress`. Returns 0, or minus
    /// errno.
    ///
    /// @source [fstatfs(2)](https://man7.org/linux/man-pages/man2/fstatfs.2.html)
    long fstatfs(int fd, long statfsAddress);

    /// Manipulates a descriptor; `argument` is what `command` takes, 0 where it takes nothing. Returns a value that
    /// depends on `command`, or minus errno.
    ///
    /// @source [fcntl(2)](https://man7.org/linux/man-pages/man2/fcntl.2.html)
    long fcntl(int fd, int command, long argument);

    /// Writes the changed pages of a file mapping back to the file. Returns 0, or minus errno.
    ///
    /// @source [msync(2)](https://man7.org/linux/man-pages/man2/msync.2.html)
    long msync(long address, long byteSize, int flags);

    /// Locks a range into memory and makes it resident. Returns 0, or minus errno.
    ///
    /// @source [mlock(2)](https://man7.org/linux/man-pages/man2/mlock.2.html)
    long mlock(long address, long byteSize);

    /// Locks all memory of the process, the Java heap's too. Returns 0, or minus errno.
    ///
    /// @source [mlockall(2)](https://man7.org/linux/man-pages/man2/mlockall.2.html)
    long mlockall(int flags);

    /// Unlocks all memory of the process. Returns 0, or minus errno.
    ///
    /// @source [munlockall(2)](https://man7.org/linux/man-pages/man2/munlockall.2.html)
    long munlockall();

    /// Creates a memory file whose pages the kernel itself cannot reach. Returns its descriptor, or minus errno.
    ///
    /// @source [memfd_secret(2)](https://man7.org/linux/man-pages/man2/memfd_secret.2.html)
    long memfdSecret(int flags);

    /// Lets another thread run on this processor, if one waits for it. Returns 0.
    ///
    /// @source [sched_yield(2)](https://man7.org/linux/man-pages/man2/sched_yield.2.html)
    long schedYield();

    /// Sleeps, on the carrier where the thread is a virtual one. Returns 0, or -1 when a signal ended it early.
    ///
    /// @param requestAddress of a `struct timespec`, two words: seconds and nanoseconds
    /// @source [nanosleep(2)](https://man7.org/linux/man-pages/man2/nanosleep.2.html)
    long nanosleep(long requestAddress);
}
