package malloc4j.internal.os;

/// The system calls that a heap makes: for memory, and for the file behind shared memory, which it is given open.
///
/// Every method returns what the kernel returns: a value of zero or more, or minus `errno` (see [Errno]). Nothing
/// is thrown and nothing is retried; the level that asked decides.
///
/// Lengths and offsets are bytes, addresses are absolute. Constants are in [Linux].
public interface MemoryCalls {
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

    /// Creates an anonymous memory file. Returns its descriptor, or minus errno.
    ///
    /// @source [memfd_create(2)](https://man7.org/linux/man-pages/man2/memfd_create.2.html)
    long memfdCreate(String name, int flags);

    /// Closes a descriptor. Returns 0, or minus errno.
    ///
    /// @source [close(2)](https://man7.org/linux/man-pages/man2/close.2.html)
    long close(int fd);

    /// Sets a file's length. Returns 0, or minus errno.
    ///
    /// @source [ftruncate(2)](https://man7.org/linux/man-pages/man2/ftruncate.2.html)
    long ftruncate(int fd, long byteSize);

    /// Moves a descriptor's place in its file; from `SEEK_END` by 0 bytes it tells the file's length. Returns the
    /// place, or minus errno.
    ///
    /// @source [lseek(2)](https://man7.org/linux/man-pages/man2/lseek.2.html)
    long lseek(int fd, long offset, int whence);

    /// Allocates, frees (`FALLOC_FL_PUNCH_HOLE`) or zeroes a range of a file. Returns 0, or minus errno.
    ///
    /// @source [fallocate(2)](https://man7.org/linux/man-pages/man2/fallocate.2.html)
    long fallocate(int fd, int mode, long offset, long byteSize);

    /// Locks a range into memory; with `MLOCK_ONFAULT` each page only when it is first touched. Returns 0, or minus
    /// errno.
    ///
    /// @source [mlock2(2)](https://man7.org/linux/man-pages/man2/mlock2.2.html)
    long mlock2(long address, long byteSize, int flags);

    /// Unlocks a range. Returns 0, or minus errno.
    ///
    /// @source [munlock(2)](https://man7.org/linux/man-pages/man2/munlock.2.html)
    long munlock(long address, long byteSize);

    /// Opens a counter of what the current thread does, `pid` 0, as the `struct perf_event_attr` at `attributeAddress`
    /// says. Returns its descriptor, or minus errno.
    ///
    /// @source [perf_event_open(2)](https://man7.org/linux/man-pages/man2/perf_event_open.2.html)
    long perfEventOpen(long attributeAddress, int pid, int cpu, int groupFd, int flags);

    /// Makes every running thread of the process pass a full memory barrier, or asks to be allowed to. Returns 0, or
    /// minus errno: `EPERM` before the process has registered.
    ///
    /// @source [membarrier(2)](https://man7.org/linux/man-pages/man2/membarrier.2.html)
    long membarrier(int command, int flags);
}
