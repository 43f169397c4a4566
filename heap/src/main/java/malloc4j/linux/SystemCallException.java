package malloc4j.linux;

import malloc4j.internal.os.Errno;

/// A system call that the kernel refused: which one, with what arguments, why, and what to do about it. Whatever
/// the failed operation had done before is undone, unless its documentation says otherwise.
///
/// ```
/// munmap(file /data/index, byteSize=8192) failed: ENOMEM (out of memory, ...); free memory, ...
/// |-------------- call() ---------------|         |-- errnoName()              |- advice()
/// ```
///
/// @since 0.1.0
public final class SystemCallException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final String call;
    private final int errno;
    private final String advice;

    /// @param call the call with its arguments, sizes in bytes: `mlock(byteSize=65536)`
    /// @param result what it returned, minus errno
    /// @param advice what the caller can do, one clause without a full stop
    public SystemCallException(String call, long result, String advice) {
        super(call + " failed: " + Errno.name(result) + " (" + Errno.meaning(result) + "); " + advice);
        this.call = call;
        this.errno = (int) -result;
        this.advice = advice;
    }

    /// The call with its arguments, sizes in bytes.
    public String call() {
        return call;
    }

    /// The kernel's error number, greater than 0.
    ///
    /// @source [errno(3)](https://man7.org/linux/man-pages/man3/errno.3.html)
    public int errno() {
        return errno;
    }

    /// The kernel's name of it, such as `ENOMEM`.
    public String errnoName() {
        return Errno.name(errno);
    }

    /// What to do about it, one clause.
    public String advice() {
        return advice;
    }
}
