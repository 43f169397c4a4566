package malloc4j;

import java.time.Duration;
import java.util.Objects;
import java.util.Properties;
import java.util.function.LongPredicate;
import malloc4j.observe.Probe;
import org.jspecify.annotations.Nullable;

/// How a heap gets memory, gives it back, and how much it may have: the whole policy in one place.
///
/// | option | default | what it does | in C |
/// |---|---|---|---|
/// | `source` | `MMAP` | where extents come from | |
/// | `mmapThresholdBytes` | 32 MiB | from this size a block is a mapping of its own | `M_MMAP_THRESHOLD` |
/// | `trimThresholdBytes` | 256 KiB | free pages that the purger leaves for reuse | `M_TRIM_THRESHOLD` |
/// | `purgeDelay` | 1 s | how long free pages are kept; 0 gives back at every visit, negative never | |
/// | `softLimitBytes` | none | while more is committed, allocating calls `onSoftLimit` | |
/// | `hardLimitBytes` | none | a request that would commit more calls `onHardLimit`, then fails | |
/// | `parent` | none | the heap whose limits count this one too | |
/// | `brkClaimBytes` | 256 MiB | by how much the program break is moved at once | `M_TOP_PAD` |
/// | `file` | | the path for `FILE` | |
/// | `probe` | those found | told what the heap does seldom | |
///
/// For the common heap the same names are system properties with the prefix `malloc4j.`: `-Dmalloc4j.source=brk`,
/// `-Dmalloc4j.hardLimitBytes=1G`, and `-Dmalloc4j.purgeDelayMillis=1000` for the delay. Any other property of that
/// prefix is an error, which names the nearest option.
///
/// The limits count what [malloc4j.observe.HeapStatistics#committedBytes] does, and can be changed while the heap is
/// in use: [Heap#setSoftLimitBytes], [Heap#setHardLimitBytes]. A request is refused only after free memory of the heaps
/// under the limit was given back to the kernel.
///
/// @param name for messages and statistics
/// @param source where extents come from
/// @param file the path when `source` is `FILE`: of a regular file that no other heap has
/// @param mmapThresholdBytes 32,769 to 2^46; blocks of `SHARED_MEMORY` and `FILE` are never mappings of their own
/// @param trimThresholdBytes 0 or more
/// @param purgeDelay any
/// @param softLimitBytes 0 or more, `Long.MAX_VALUE` for none
/// @param hardLimitBytes 0 or more, `Long.MAX_VALUE` for none
/// @param onSoftLimit run while this heap has more than `softLimitBytes`, again and again as long as somebody
///     allocates, never twice at once; on a daemon thread of ours, without a lock held: it may use the heap
/// @param onHardLimit asked before a request is refused because of `hardLimitBytes` of this heap or of one above it,
///     with the bytes that are wanted; it may free blocks, and answers whether to try again, as often as the answer is
///     true and the request still does not fit. Called by the thread that allocates, without a lock of this library
///     held; several threads may be in it at once. Requests that it makes itself are refused without asking it
/// @param parent a heap that outlives this one
/// @param brkClaimBytes 2 MiB to 16 GiB
/// @param probe told what the heap does seldom; where it is null, those that [java.util.ServiceLoader] finds are
public record HeapOptions(
        String name,
        MemorySource source,
        @Nullable String file,
        long mmapThresholdBytes,
        long trimThresholdBytes,
        Duration purgeDelay,
        long softLimitBytes,
        long hardLimitBytes,
        @Nullable Runnable onSoftLimit,
        @Nullable LongPredicate onHardLimit,
        @Nullable Heap parent,
        long brkClaimBytes,
        @Nullable Probe probe) {

    private static final long MIN_MMAP_THRESHOLD = 32_769;
    private static final long MAX_MMAP_THRESHOLD = 1L << 46;
    private static final long MIN_BRK_CLAIM = 2L << 20;
    private static final long MAX_BRK_CLAIM = 16L << 30;

    /// Checks every option.
    ///
    /// @throws IllegalArgumentException if one is out of its range, or `file` is missing or not wanted
    public HeapOptions {
        Objects.requireNonNull(name, "name");
        Objects.requireNonNull(source, "source");
        Objects.requireNonNull(purgeDelay, "purgeDelay");
        check("mmapThresholdBytes", mmapThresholdBytes, MIN_MMAP_THRESHOLD, MAX_MMAP_THRESHOLD);
        check("trimThresholdBytes", trimThresholdBytes, 0, Long.MAX_VALUE);
        check("softLimitBytes", softLimitBytes, 0, Long.MAX_VALUE);
        check("hardLimitBytes", hardLimitBytes, 0, Long.MAX_VALUE);
        check("brkClaimBytes", brkClaimBytes, MIN_BRK_CLAIM, MAX_BRK_CLAIM);
        if ((source == MemorySource.FILE) != (file != null)) {
            throw new IllegalArgumentException(
                    "option file=" + file + " goes with source=FILE only, and source is " + source);
        }
    }

    private static void check(String option, long value, long min, long max) {
        if (value < min || value > max) {
            throw new IllegalArgumentException("option " + option + "=" + value + " is not from " + min + " to " + max);
        }
    }

    /// The defaults of the table above.
    public static HeapOptions defaults() { // no constant: a class without an initialiser cannot be lost
        return new HeapOptions(
                "heap",
                MemorySource.MMAP,
                null,
                32L << 20,
                256L << 10,
                Duration.ofSeconds(1),
                Long.MAX_VALUE,
                Long.MAX_VALUE,
                null,
                null,
                null,
                256L << 20,
                null);
    }

    /// A builder that starts from the defaults.
    public static Builder builder() {
        return new Builder(defaults());
    }

    /// A builder that starts from these options.
    public Builder toBuilder() {
        return new Builder(this);
    }

    /// The purge delay in nanoseconds, the longest that fits when it is longer than 292 years.
    long purgeDelayNanos() {
        try {
            return purgeDelay.toNanos();
        } catch (ArithmeticException tooLong) {
            return purgeDelay.isNegative() ? -1 : Long.MAX_VALUE;
        }
    }

    /// The common heap's options, from properties that begin with `malloc4j.`.
    ///
    /// @throws IllegalArgumentException as [Builder#option] does
    static HeapOptions fromProperties(Properties properties) {
        Builder builder = builder().name("common");
        OptionTexts.setAll(builder, properties);
        return builder.build();
    }

    /// Sets options one by one.
    public static final class Builder {
        private String name;
        private MemorySource source;
        private @Nullable String file;
        private long mmapThresholdBytes;
        private long trimThresholdBytes;
        private Duration purgeDelay;
        private long softLimitBytes;
        private long hardLimitBytes;
        private @Nullable Runnable onSoftLimit;
        private @Nullable LongPredicate onHardLimit;
        private @Nullable Heap parent;
        private long brkClaimBytes;
        private @Nullable Probe probe;

        private Builder(HeapOptions options) {
            name = options.name;
            source = options.source;
            file = options.file;
            mmapThresholdBytes = options.mmapThresholdBytes;
            trimThresholdBytes = options.trimThresholdBytes;
            purgeDelay = options.purgeDelay;
            softLimitBytes = options.softLimitBytes;
            hardLimitBytes = options.hardLimitBytes;
            onSoftLimit = options.onSoftLimit;
            onHardLimit = options.onHardLimit;
            parent = options.parent;
            brkClaimBytes = options.brkClaimBytes;
            probe = options.probe;
        }

        public Builder name(String value) {
            name = value;
            return this;
        }

        public Builder source(MemorySource value) {
            source = value;
            return this;
        }

        /// The path of the file for [MemorySource#FILE], which this sets as the source too. The heap creates the
        /// file, or empties it, once it has a lock on it: one heap of all processes has a file. A symbolic link is
        /// refused; to follow it is to give `path.toRealPath()`.
        ///
        /// Whoever cuts the file takes the memory behind the cut away: touching it throws [InternalError], and the heap
        /// does not grow any more.
        public Builder file(String path) {
            file = path;
            source = MemorySource.FILE;
            return this;
        }

        public Builder mmapThresholdBytes(long value) {
            mmapThresholdBytes = value;
            return this;
        }

        public Builder trimThresholdBytes(long value) {
            trimThresholdBytes = value;
            return this;
        }

        public Builder purgeDelay(Duration value) {
            purgeDelay = value;
            return this;
        }

        public Builder softLimitBytes(long value) {
            softLimitBytes = value;
            return this;
        }

        public Builder hardLimitBytes(long value) {
            hardLimitBytes = value;
            return this;
        }

        public Builder onSoftLimit(Runnable value) {
            onSoftLimit = value;
            return this;
        }

        public Builder onHardLimit(LongPredicate value) {
            onHardLimit = value;
            return this;
        }

        public Builder parent(Heap value) {
            parent = value;
            return this;
        }

        public Builder brkClaimBytes(long value) {
            brkClaimBytes = value;
            return this;
        }

        public Builder probe(Probe value) {
            probe = value;
            return this;
        }

        /// Sets an option by its name and a text, as system properties and command lines give it; the delay is
        /// called `purgeDelayMillis`. Sizes are whole numbers, in bytes or followed by K, M, G or T, which are 1024,
        /// 1024^2 and so on, in either case and with or without `iB`: `64M`, `64MiB`, `67108864`.
        ///
        /// @throws IllegalArgumentException if there is no option of this name, and then it names the nearest, or if
        ///     the text is not what it takes
        public Builder option(String optionName, String text) {
            OptionTexts.set(this, optionName, text);
            return this;
        }

        /// Makes the options.
        ///
        /// @throws IllegalArgumentException as the record's constructor does
        public HeapOptions build() {
            return new HeapOptions(
                    name,
                    source,
                    file,
                    mmapThresholdBytes,
                    trimThresholdBytes,
                    purgeDelay,
                    softLimitBytes,
                    hardLimitBytes,
                    onSoftLimit,
                    onHardLimit,
                    parent,
                    brkClaimBytes,
                    probe);
        }
    }
}
