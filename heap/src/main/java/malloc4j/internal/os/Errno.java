package malloc4j.internal.os;

/// The error numbers of the kernel, and the convention that carries them: a call returns a value of zero or more, or
/// minus one of these numbers.
///
/// The numbers are the same on x86-64 and aarch64. The kernel keeps the last page of the address space free of
/// mappings, so that an address is never mistaken for an error: results from -4095 to -1 are errors, everything else
/// is a value.
///
/// @source `asm-generic/errno-base.h` (1 to 34) and `asm-generic/errno.h` (from 35); `MAX_ERRNO` in `linux/err.h`
public final class Errno {
    /// Operation not permitted.
    public static final int EPERM = 1;
    /// No such file or directory.
    public static final int ENOENT = 2;
    /// No such process.
    public static final int ESRCH = 3;
    /// Interrupted by a signal before anything was done.
    public static final int EINTR = 4;
    /// Input or output error.
    public static final int EIO = 5;
    /// No such device or address.
    public static final int ENXIO = 6;
    /// Not an open descriptor, or one opened for something else.
    public static final int EBADF = 9;
    /// Try again: a limit on locked memory, or a resource that is busy for now.
    public static final int EAGAIN = 11;
    /// Out of memory, address space, mappings, or a limit; or the range is not mapped.
    public static final int ENOMEM = 12;
    /// Permission denied.
    public static final int EACCES = 13;
    /// Bad address: the kernel could not read or write there.
    public static final int EFAULT = 14;
    /// Device or resource busy.
    public static final int EBUSY = 16;
    /// It exists already; of `mmap`, that the range is taken.
    public static final int EEXIST = 17;
    /// No such device, or a file that cannot be mapped.
    public static final int ENODEV = 19;
    /// Not a directory.
    public static final int ENOTDIR = 20;
    /// Is a directory.
    public static final int EISDIR = 21;
    /// An argument the call does not take.
    public static final int EINVAL = 22;
    /// The system has too many open files.
    public static final int ENFILE = 23;
    /// The process has too many open files.
    public static final int EMFILE = 24;
    /// The file is a program that is running.
    public static final int ETXTBSY = 26;
    /// The file would be too large.
    public static final int EFBIG = 27;
    /// No space left on the device.
    public static final int ENOSPC = 28;
    /// Not a file that can be sought in, such as a pipe.
    public static final int ESPIPE = 29;
    /// A read-only file system.
    public static final int EROFS = 30;
    /// The file name is too long.
    public static final int ENAMETOOLONG = 36;
    /// No more locks on files can be had.
    public static final int ENOLCK = 37;
    /// The kernel does not have this call.
    public static final int ENOSYS = 38;
    /// Too many symbolic links.
    public static final int ELOOP = 40;
    /// A value is too large for its type.
    public static final int EOVERFLOW = 75;
    /// The kernel has the call, but not for this file or mapping.
    public static final int EOPNOTSUPP = 95;
    /// The disk quota is used up.
    public static final int EDQUOT = 122;
    /// The page is damaged (hardware memory error).
    public static final int EHWPOISON = 133;

    private static final int MAX_ERRNO = 4095; // linux/err.h: results down to -4095 are errors

    private Errno() {}

    /// Whether a result is an error: from -4095 to -1. Every other `long` is a value, negative ones too.
    public static boolean isError(long result) {
        return result < 0 && result >= -MAX_ERRNO;
    }

    /// An answer of the kernel as a heap may pass it on. Errors by which a heap tells of its own limits, of an
    /// argument, or that it is closed, would name a wrong cause: they become minus `instead`.
    public static long passedOn(long result, int instead) {
        return switch (-Math.clamp(result, -MAX_ERRNO, 0)) {
            case ENOSPC, EDQUOT, EINVAL, EBADF, EOVERFLOW -> -instead;
            default -> result;
        };
    }

    /// The name of an error number: `"ENOMEM"` for 12 and for -12. Numbers not listed here come out as `"errno 200"`.
    ///
    /// @param result an error number, or a result that carries one
    public static String name(long result) {
        long number = result < 0 ? -result : result;
        if (number < 0 || number > MAX_ERRNO) {
            return "errno " + number;
        }
        return switch ((int) number) {
            case EPERM -> "EPERM";
            case ENOENT -> "ENOENT";
            case ESRCH -> "ESRCH";
            case EINTR -> "EINTR";
            case EIO -> "EIO";
            case ENXIO -> "ENXIO";
            case EBADF -> "EBADF";
            case EAGAIN -> "EAGAIN";
            case ENOMEM -> "ENOMEM";
            case EACCES -> "EACCES";
            case EFAULT -> "EFAULT";
            case EBUSY -> "EBUSY";
            case EEXIST -> "EEXIST";
            case ENODEV -> "ENODEV";
            case ENOTDIR -> "ENOTDIR";
            case EISDIR -> "EISDIR";
            case EINVAL -> "EINVAL";
            case ENFILE -> "ENFILE";
            case EMFILE -> "EMFILE";
            case ETXTBSY -> "ETXTBSY";
            case EFBIG -> "EFBIG";
            case ENOSPC -> "ENOSPC";
            case ESPIPE -> "ESPIPE";
            case EROFS -> "EROFS";
            case ENAMETOOLONG -> "ENAMETOOLONG";
            case ENOLCK -> "ENOLCK";
            case ENOSYS -> "ENOSYS";
            case ELOOP -> "ELOOP";
            case EOVERFLOW -> "EOVERFLOW";
            case EOPNOTSUPP -> "EOPNOTSUPP";
            case EDQUOT -> "EDQUOT";
            case EHWPOISON -> "EHWPOISON";
            default -> "errno " + number;
        };
    }

    /// What an error number means in a sentence a user can act on, without a full stop; `"unknown error"` for numbers
    /// not listed here.
    ///
    /// @param result an error number, or a result that carries one
    public static String meaning(long result) {
        long number = result < 0 ? -result : result;
        if (number < 0 || number > MAX_ERRNO) {
            return "unknown error";
        }
        return switch ((int) number) {
            case EPERM -> "operation not permitted";
            case ENOENT -> "no such file or directory";
            case ESRCH -> "no such process";
            case EINTR -> "interrupted by a signal";
            case EIO -> "input or output error";
            case ENXIO -> "no such device or address";
            case EBADF -> "bad file descriptor";
            case EAGAIN -> "resource temporarily unavailable";
            case ENOMEM -> "out of memory, address space, mappings or a limit, or the range is not mapped";
            case EACCES -> "permission denied";
            case EFAULT -> "bad address";
            case EBUSY -> "device or resource busy";
            case EEXIST -> "already exists";
            case ENODEV -> "no such device, or a file that cannot be mapped";
            case ENOTDIR -> "not a directory";
            case EISDIR -> "is a directory";
            case EINVAL -> "invalid argument";
            case ENFILE -> "too many open files in the system";
            case EMFILE -> "too many open files in the process";
            case ETXTBSY -> "the file is a running program";
            case EFBIG -> "file too large";
            case ENOSPC -> "no space left on the device";
            case ESPIPE -> "not a seekable file";
            case EROFS -> "read-only file system";
            case ENAMETOOLONG -> "file name too long";
            case ENOLCK -> "no locks on files available";
            case ENOSYS -> "the kernel does not have this call";
            case ELOOP -> "too many symbolic links";
            case EOVERFLOW -> "value too large for its type";
            case EOPNOTSUPP -> "not supported for this file or mapping";
            case EDQUOT -> "disk quota exceeded";
            case EHWPOISON -> "memory page has a hardware error";
            default -> "unknown error";
        };
    }
}
