package malloc4j.linux;

import java.lang.foreign.MemorySegment;
import java.util.function.Consumer;
import malloc4j.internal.memory.Sizes;
import org.jspecify.annotations.Nullable;

/// How shared memory is created.
///
/// | option | default | what it does |
/// |---|---|---|
/// | `mode` | `0600` | who may open it |
/// | `reserve` | true | every page is allocated at once, so that touching one cannot fail later |
/// | `persistent` | false | the name stays behind on purpose: never stale, and no locks are taken |
/// | `hugePageBytes` | 0 | pages from the kernel's pool of huge pages, anonymous memory only |
/// | `contents` | none | fills the memory before any other process can see it |
///
/// **Why `reserve` is on.** Without it the kernel takes a page when it is first touched, and when the file system
/// is full then (a container's `/dev/shm` is often 64 MiB), the answer is a signal: a Java process gets an
/// `InternalError` at some access, a C process dies. With it creation fails at once, with `ENOSPC` or `ENOMEM`. The
/// price is the whole size in memory from the start; switch it off for memory that is large and thinly used.
///
/// **The mode and the umask.** As with `shm_open`, the process's umask takes permissions away from a named
/// segment's mode: with the usual `0022`, `0666` becomes `0644`. [SharedMemory#setMode] sets a mode as it is given.
/// For anonymous memory there is no umask.
///
/// @param mode permission bits, 0 to 0777 (octal)
/// @param hugePageBytes 0 for normal pages, or a power of two that the kernel has a pool of: 2 MiB, 1 GiB
/// @since 0.1.0
public record SharedMemoryOptions(
        int mode,
        boolean reserve,
        boolean persistent,
        long hugePageBytes,
        @Nullable Consumer<MemorySegment> contents) {

    private static final int MAX_MODE = 0777;
    private static final long MIN_HUGE_PAGE_BYTES = 64 << 10; // the smallest there is, on aarch64
    private static final SharedMemoryOptions DEFAULTS = new SharedMemoryOptions(0600, true, false, 0, null);

    /// Checks every option.
    ///
    /// @throws IllegalArgumentException if one is out of its range
    public SharedMemoryOptions {
        checkMode(mode);
        boolean isPowerOfTwo = Long.bitCount(hugePageBytes) == 1;
        if (hugePageBytes != 0 && (!isPowerOfTwo || hugePageBytes < MIN_HUGE_PAGE_BYTES)) {
            throw new IllegalArgumentException("option hugePageBytes=" + hugePageBytes
                    + " is neither 0 nor a power of two of at least " + MIN_HUGE_PAGE_BYTES);
        }
    }

    static void checkMode(int mode) {
        if (mode < 0 || mode > MAX_MODE) {
            throw new IllegalArgumentException(
                    "mode 0" + Integer.toOctalString(mode) + " is not from 0 to 0777 (octal)");
        }
    }

    @Override
    public String toString() {
        return "SharedMemoryOptions[mode=0" + Integer.toOctalString(mode) + ", reserve=" + reserve + ", persistent="
                + persistent + ", hugePageBytes=" + Sizes.text(hugePageBytes) + ", contents=" + contents + "]";
    }

    /// The defaults of the table above.
    public static SharedMemoryOptions defaults() {
        return DEFAULTS;
    }

    /// A builder that starts from the defaults.
    public static Builder builder() {
        return new Builder(DEFAULTS);
    }

    /// Sets options one by one.
    public static final class Builder {
        private int mode;
        private boolean reserve;
        private boolean persistent;
        private long hugePageBytes;
        private @Nullable Consumer<MemorySegment> contents;

        private Builder(SharedMemoryOptions options) {
            mode = options.mode;
            reserve = options.reserve;
            persistent = options.persistent;
            hugePageBytes = options.hugePageBytes;
            contents = options.contents;
        }

        public Builder mode(int value) {
            mode = value;
            return this;
        }

        public Builder reserve(boolean value) {
            reserve = value;
            return this;
        }

        public Builder persistent(boolean value) {
            persistent = value;
            return this;
        }

        public Builder hugePageBytes(long value) {
            hugePageBytes = value;
            return this;
        }

        /// What writes the first contents: it is given the whole memory, zeroed, before that has a name. What it
        /// throws passes through, and nothing is left behind.
        public Builder contents(Consumer<MemorySegment> value) {
            contents = value;
            return this;
        }

        /// Makes the options.
        ///
        /// @throws IllegalArgumentException as the record's constructor does
        public SharedMemoryOptions build() {
            return new SharedMemoryOptions(mode, reserve, persistent, hugePageBytes, contents);
        }
    }
}
