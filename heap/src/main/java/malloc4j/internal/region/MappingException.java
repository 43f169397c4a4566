package malloc4j.internal.region;

import malloc4j.internal.os.Errno;

/// A call that a heap's source needs in order to exist was refused.
public final class MappingException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /// @param call the call with its arguments
    /// @param result what it returned, minus errno
    MappingException(String call, long result) {
        super(call + " failed: " + Errno.name(result));
    }
}
