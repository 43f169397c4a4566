package malloc4j.internal.os;

/// The system calls this library makes, one method each, in the kernel's own terms.
///
/// Every method returns what the kernel returns: a value of zero or more, or minus `errno` (see [Errno]). Nothing
/// is thrown and nothing is retried; the level that asked decides. Two classes implement it: [LinuxCalls], and a
/// recording fake in the tests that can fail the n-th call.
///
/// Lengths and offsets are bytes, addresses are absolute. Constants are in [Linux].
public interface SystemCalls {
    /// Maps memory or a file. Returns the address, or minus errno.
    ///
    /// @source [mmap(2)](https://man7.org/linux/man-pages/man2/mmap.2.html)
    long mmap(long address, long byteSize, int protection, int flags, int fd, long offset);

    /// Removes the mappings in a range. Returns 0, or minus errno.
    ///
    /// @source [munmap(2)](https://man7.org/linux/man-pages/man2/munmap.2.html)
    long munmap(long address, long byteSize);

    /// Grows, shrinks or moves a mapping. Returns the new address, or minus errno.
    ///
    /// @source [mremap(2)](https://man7.org/linux/man-pages/man2/mremap.2.html)
    long mremap(long oldAddress, long oldByteSize, long newByteSize, int flags, long newAddress);

    /// Sets the protection of a range. Returns 0, or minus errno.
    ///
    /// @source [mprotect(2)](https://man7.org/linux/man-pages/man2/mprotect.2.html)
    long mprotect(long address, long byteSize, int protection);

    /// Advises the kernel about a range. Returns 0, or minus errno.
    ///
    /// @source [madvise(2)](https://man7.org/linux/man-pages/man2/madvise.2.html)
    long madvise(long address, long byteSize, int advice);

    /// Writes one byte a page at `vectorAddress`, its lowest bit set where the page is resident. Returns 0, or
    /// minus errno.
    ///
    /// @source [mincore(2)](https://man7.org/linux/man-pages/man2/mincore.2.html)
    long mincore(long address, long byteSize, long vectorAddress);

    /// Moves the program break through the C library, so that its own idea of the break stays true. Returns the
    /// break before the move, or minus errno. Not safe against other threads that move the break at the same time.
    ///
    /// @source [sbrk(2)](https://man7.org/linux/man-pages/man2/sbrk.2.html)
    long sbrk(long increment);

    /// Waits until no thread is inside the C library's own use of `sbrk`: takes and releases the lock of each of
    /// its malloc arenas in turn, which is what `mallinfo2` does. Returns 0, or minus `ENOSYS` where there is no
    /// such call.
    ///
    /// @source [mallinfo2(3)](https://man7.org/linux/man-pages/man3/mallinfo.3.html)
    long awaitCLibraryBreak();

    /// Reads a system configuration value, such as the page size. Returns it, or minus errno.
    ///
    /// @source [sysconf(3)](https://man7.org/linux/man-pages/man3/sysconf.3.html)
    long sysconf(int name);

    /// Reads and sets a resource limit of a process; each non-zero address points to two 64-bit words, soft and
    /// hard. Returns 0, or minus errno.
    ///
    /// @source [prlimit(2)](https://man7.org/linux/man-pages/man2/prlimit.2.html)
    long prlimit(int pid, int resource, long newLimitAddress, long oldLimitAddress);

    /// Creates an anonymous memory file. Returns its descriptor, or minus errno.
    ///
    /// @source [memfd_create(2)](https://man7.org/linux/man-pages/man2/memfd_create.2.html)
    long memfdCreate(String name, int flags);

    /// Opens a file. Returns its descriptor, or minus errno.
    ///
    /// @source [open(2)](https://man7.org/linux/man-pages/man2/open.2.html)
    long open(String path, int flags, int mode);

    /// Closes a descriptor. Returns 0, or minus errno.
    ///
    /// @source [close(2)](https://man7.org/linux/man-pages/man2/close.2.html)
    long close(int fd);

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

    /// Sets a file's length. Returns 0, or minus errno.
    ///
    /// @source [ftruncate(2)](https://man7.org/linux/man-pages/man2/ftruncate.2.html)
    long ftruncate(int fd, long byteSize);

    /// Moves a descriptor's place in its file; from `SEEK_END` by 0 bytes it tells the file's length. Returns the
    /// place, or minus errno.
    ///
    /// @source [lseek(2)](https://man7.org/linux/man-pages/man2/lseek.2.html)
    long lseek(int fd, long offset, int whence);

    /// Tells about the file system that a file is on, as `struct statfs` at `statfsAddress`. Returns 0, or minus
    /// errno.
    ///
    /// @source [fstatfs(2)](https://man7.org/linux/man-pages/man2/fstatfs.2.html)
    long fstatfs(int fd, long statfsAddress);

    /// Allocates, frees (`FALLOC_FL_PUNCH_HOLE`) or zeroes a range of a file. Returns 0, or minus errno.
    ///
    /// @source [fallocate(2)](https://man7.org/linux/man-pages/man2/fallocate.2.html)
    long fallocate(int fd, int mode, long offset, long byteSize);

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

    /// Locks a range into memory; with `MLOCK_ONFAULT` each page only when it is first touched. Returns 0, or minus
    /// errno.
    ///
    /// @source [mlock2(2)](https://man7.org/linux/man-pages/man2/mlock2.2.html)
    long mlock2(long address, long byteSize, int flags);

    /// Unlocks a range. Returns 0, or minus errno.
    ///
    /// @source [munlock(2)](https://man7.org/linux/man-pages/man2/munlock.2.html)
    long munlock(long address, long byteSize);

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
