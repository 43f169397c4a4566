package malloc4j.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.memory.Sizes;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.Linux;
import malloc4j.internal.os.SystemCalls;

/// One of the kernel's limits of this process, as `prlimit` tells it, in bytes; [#NONE] where there is none.
///
/// @param soft what the kernel enforces
/// @param hard what the process may raise `soft` to
/// @source [getrlimit(2)](https://man7.org/linux/man-pages/man2/getrlimit.2.html)
record Rlimit(long soft, long hard) {
    static final long NONE = Long.MAX_VALUE;

    /// Reads a limit, such as [Linux#RLIMIT_MEMLOCK].
    ///
    /// @param name its name, for the message
    static Rlimit read(SystemCalls calls, int resource, String name) {
        try (Arena arena = Arena.ofConfined()) {
            long words = arena.allocate(ValueLayout.JAVA_LONG, 2).address();
            long result = calls.prlimit(0, resource, 0, words);
            if (Errno.isError(result)) {
                throw new SystemCallException("prlimit(" + name + ")", result, "see prlimit(2)");
            }
            return new Rlimit(bytes(RawMemory.getLong(words)), bytes(RawMemory.getLong(words + Long.BYTES)));
        }
    }

    private static long bytes(long word) {
        return word == Linux.RLIM_INFINITY || word < 0 ? NONE : word;
    }

    /// How a person reads a limit.
    static String text(long bytes) {
        return bytes == NONE ? "no limit" : Sizes.exact(bytes);
    }
}
