package malloc4j;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Properties;
import java.util.StringJoiner;
import java.util.function.LongPredicate;
import malloc4j.observe.Probe;
import org.jspecify.annotations.Nullable;

/// How a heap gets memory, gives it back, and how much it may have: the whole policy in one place. Never changes.
///
/// ```
///   HeapOptions   name, probe
///     memory()    source, file, mmapThresholdBytes, brkClaimBytes
///     purging()   purgeDelay, trimThresholdBytes
///     limits()    softLimitBytes, hardLimitBytes, onSoftLimit, onHardLimit, parent
///     observing() profileBytes, guardEvery, leaks, record, debug, quarantineBytes
/// ```
///
/// What each takes and does, and its default, stands in docs/heap-options.md.
///
/// For the common heap the same names are system properties with the prefix `malloc4j.`: `-Dmalloc4j.source=brk`,
/// `-Dmalloc4j.hardLimitBytes=1G`, and `-Dmalloc4j.purgeDelayMillis=1000` for the delay. Any other property of that
/// prefix is an error, which names the nearest option.
///
/// The limits count what [malloc4j.observe.HeapStatistics#committedBytes] does, and can be changed while the heap is
/// in use: [Heap#setSoftLimitBytes], [Heap#setHardLimitBytes]. A request is refused only after free memory of the heaps
/// under the limit was given back to the kernel.
///
/// @since 0.1.0
public final class HeapOptions {
    private final Map<String, Object> values; // by the name of the option, in the order of HeapOption.all

    private HeapOptions(Map<String, Object> given) {
        values = new LinkedHashMap<>();
        for (HeapOption option : HeapOption.all()) {
            Object value = given.get(option.name());
            option.check(value);
            if (value != null) {
                values.put(option.name(), value);
            }
        }
        if ((memory().source() == MemorySource.FILE) != (memory().file() != null)) {
            throw new IllegalArgumentException("option file=" + memory().file() + " goes with source=FILE only, and"
                    + " source is " + memory().source());
        }
    }

    /// Every option as it is where nobody says.
    public static HeapOptions defaults() { // no constant: a class without an initialiser cannot be lost
        return builder().build();
    }

    /// A builder that starts from the defaults.
    public static Builder builder() {
        Builder builder = new Builder();
        for (HeapOption option : HeapOption.all()) {
            builder.put(option.name(), option.byDefault());
        }
        return builder;
    }

    /// A builder that starts from these options.
    public Builder toBuilder() {
        Builder builder = new Builder();
        builder.values.putAll(values);
        return builder;
    }

    /// The common heap's options, from properties that begin with `malloc4j.`.
    ///
    /// @throws IllegalArgumentException as [Builder#option] does
    static HeapOptions fromProperties(Properties properties) {
        Builder builder = builder().name("common");
        OptionTexts.setAll(builder, properties);
        return builder.build();
    }

    /// The system properties that give the common heap of another JVM these options: what is not the default, and has
    /// a text.
    public Map<String, String> properties() {
        Map<String, String> properties = new LinkedHashMap<>();
        for (HeapOption option : HeapOption.all()) {
            Object value = values.get(option.name());
            if (value != null && option.textName() != null && !value.equals(option.byDefault())) {
                properties.put(OptionTexts.PREFIX + option.textName(), option.print(value));
            }
        }
        return properties;
    }

    private <T> T get(String option, Class<T> type) {
        return Objects.requireNonNull(find(option, type), option);
    }

    private <T> @Nullable T find(String option, Class<T> type) {
        return type.cast(values.get(option));
    }

    /// For messages, statistics and events.
    public String name() {
        return get("name", String.class);
    }

    /// Told what the heap does seldom; null for those that [java.util.ServiceLoader] finds.
    public @Nullable Probe probe() {
        return find("probe", Probe.class);
    }

    /// Where memory comes from.
    public Memory memory() {
        return new Memory();
    }

    /// When memory goes back.
    public Purging purging() {
        return new Purging();
    }

    /// How much there may be.
    public Limits limits() {
        return new Limits();
    }

    /// Where memory comes from.
    public final class Memory {
        private Memory() {}

        /// Where extents come from.
        public MemorySource source() {
            return get("source", MemorySource.class);
        }

        /// The path of the file, null where the source is another.
        public @Nullable String file() {
            return find("file", String.class);
        }

        /// From this size a block is a mapping of its own.
        public long mmapThresholdBytes() {
            return get("mmapThresholdBytes", Long.class);
        }

        /// By how much the program break is moved at once.
        public long brkClaimBytes() {
            return get("brkClaimBytes", Long.class);
        }
    }

    /// When memory goes back.
    public final class Purging {
        private Purging() {}

        /// How long free pages are kept.
        public Duration purgeDelay() {
            return get("purgeDelay", Duration.class);
        }

        /// In nanoseconds, the longest that fits when it is longer than 292 years.
        long purgeDelayNanos() {
            try {
                return purgeDelay().toNanos();
            } catch (ArithmeticException tooLong) {
                return purgeDelay().isNegative() ? -1 : Long.MAX_VALUE;
            }
        }

        /// Free pages that the purger leaves for reuse.
        public long trimThresholdBytes() {
            return get("trimThresholdBytes", Long.class);
        }
    }

    /// How much there may be.
    public final class Limits {
        private Limits() {}

        /// While more is committed, `onSoftLimit` is called; `Long.MAX_VALUE` for none.
        public long softLimitBytes() {
            return get("softLimitBytes", Long.class);
        }

        /// What is never passed; `Long.MAX_VALUE` for none.
        public long hardLimitBytes() {
            return get("hardLimitBytes", Long.class);
        }

        /// What frees memory in good time.
        public @Nullable Runnable onSoftLimit() {
            return find("onSoftLimit", Runnable.class);
        }

        /// What frees memory that a request wants.
        public @Nullable LongPredicate onHardLimit() {
            return find("onHardLimit", LongPredicate.class);
        }

        /// The heap whose limits count this one too.
        public @Nullable Heap parent() {
            return find("parent", Heap.class);
        }
    }

    /// What is to be seen.
    public Observing observing() {
        return new Observing();
    }

    /// What is to be seen.
    public final class Observing {
        private Observing() {}

        /// Mean bytes between two samples of the allocation profile, 0 for none.
        public long profileBytes() {
            return get("profileBytes", Long.class);
        }

        /// Mean number of blocks from one that is guarded to the next, 0 for none.
        public long guardEvery() {
            return get("guardEvery", Long.class);
        }

        /// The file of what is between guards, `none` for none, null for one in `java.io.tmpdir`.
        public @Nullable String guardFile() {
            return find("guardFile", String.class);
        }

        /// When what was not freed is told.
        public LeakCheck leaks() {
            return get("leaks", LeakCheck.class);
        }

        /// The file for a trace, null for none.
        public @Nullable String record() {
            return find("record", String.class);
        }

        /// How blocks are watched while a program is being debugged.
        public DebugMode debug() {
            return get("debug", DebugMode.class);
        }

        /// How much freed memory a debug heap keeps.
        public long quarantineBytes() {
            return get("quarantineBytes", Long.class);
        }

        /// Whether every block is to lie between guards.
        boolean guardsAll() {
            return debug() == DebugMode.GUARD || debug() == DebugMode.FULL;
        }

        /// Whether any block is to lie between guards.
        boolean hasGuards() {
            return guardsAll() || (guardEvery() != 0 && debug() == DebugMode.OFF);
        }
    }

    /// Whether `other` has the same values.
    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof HeapOptions options && values.equals(options.values);
    }

    @Override
    public int hashCode() {
        return values.hashCode();
    }

    /// The name, and what is not the default.
    @Override
    public String toString() {
        StringJoiner text = new StringJoiner(", ", "HeapOptions[", "]");
        text.add(name());
        for (HeapOption option : HeapOption.all()) {
            Object value = values.get(option.name());
            if (value != null && !value.equals(option.byDefault()) && value != name()) {
                String called = option.textName() == null ? option.name() : option.textName();
                text.add(called + "=" + option.print(value));
            }
        }
        return text.toString();
    }

    /// Sets options one by one.
    public static final class Builder {
        private final Map<String, Object> values = new LinkedHashMap<>();

        private Builder() {}

        Builder put(String option, @Nullable Object value) {
            if (value == null) {
                values.remove(option);
            } else {
                values.put(option, value);
            }
            return this;
        }

        /// For messages, statistics and events.
        public Builder name(String value) {
            return put("name", value);
        }

        /// Told what the heap does seldom, in place of those that [java.util.ServiceLoader] finds.
        public Builder probe(Probe value) {
            return put("probe", value);
        }

        /// Where extents come from.
        public Builder source(MemorySource value) {
            return put("source", value);
        }

        /// The path of the file for [MemorySource#FILE], which this sets as the source too. The heap creates the
        /// file, or empties it, once it has a lock on it: one heap of all processes has a file. A symbolic link is
        /// refused; to follow it is to give `path.toRealPath()`.
        ///
        /// Whoever cuts the file takes the memory behind the cut away: touching it throws [InternalError], and the heap
        /// does not grow any more.
        public Builder file(String path) {
            return put("file", path).source(MemorySource.FILE);
        }

        /// From this size a block is a mapping of its own: 32,769 to 2^46. Blocks of `SHARED_MEMORY` and `FILE` never
        /// are.
        public Builder mmapThresholdBytes(long value) {
            return put("mmapThresholdBytes", value);
        }

        /// By how much the program break is moved at once: 2 MiB to 16 GiB.
        public Builder brkClaimBytes(long value) {
            return put("brkClaimBytes", value);
        }

        /// How long free pages are kept: 0 gives back at every visit, a negative one never.
        public Builder purgeDelay(Duration value) {
            return put("purgeDelay", value);
        }

        /// Free pages that the purger leaves for reuse.
        public Builder trimThresholdBytes(long value) {
            return put("trimThresholdBytes", value);
        }

        /// While more is committed, allocating calls `onSoftLimit`; `Long.MAX_VALUE` for none.
        public Builder softLimitBytes(long value) {
            return put("softLimitBytes", value);
        }

        /// A request that would commit more calls `onHardLimit`, then fails; `Long.MAX_VALUE` for none.
        public Builder hardLimitBytes(long value) {
            return put("hardLimitBytes", value);
        }

        /// Run while this heap has more than `softLimitBytes`, again and again as long as somebody allocates, never
        /// twice at once; on a daemon thread of ours, without a lock held: it may use the heap.
        public Builder onSoftLimit(Runnable value) {
            return put("onSoftLimit", value);
        }

        /// Asked before a request is refused because of `hardLimitBytes` of this heap or of one above it, with the
        /// bytes that are wanted; it may free blocks, and answers whether to try again, as often as the answer is true
        /// and the request still does not fit. Called by the thread that allocates, without a lock of this library
        /// held; several threads may be in it at once. Requests that it makes itself are refused without asking it.
        public Builder onHardLimit(LongPredicate value) {
            return put("onHardLimit", value);
        }

        /// A heap that outlives this one, and whose limits count this one too.
        public Builder parent(Heap value) {
            return put("parent", value);
        }

        /// Mean bytes between two samples of the [allocation profile][Heap#profile], from the first block on; 0 for
        /// none. 512 KiB suits programs in use; below 16 KiB it is dense and slow, see [Heap#startProfile].
        public Builder profileBytes(long value) {
            return put("profileBytes", value);
        }

        /// Mean number of blocks of up to 32 KiB from one that lies between guards to the next: 0 for none, 1 for all,
        /// as long as there are slots. 5,000 suits programs in use. See [Heap#explain].
        public Builder guardEvery(long value) {
            return put("guardEvery", value);
        }

        /// The path of the file in which a heap that guards blocks keeps what they are and were, 2 KiB for each of
        /// its slots: `./malloc4j explain` reads it when native code has touched a guard, of which the JVM dies. `%p`
        /// stands for the number of the process, `none` for no file. It is made for this heap, readable by its user
        /// only, and removed when the heap is closed or the JVM ends; where the name is taken, with a number behind it.
        /// If it is not given, `malloc4j-guards-PID-HEAP` in `java.io.tmpdir`.
        public Builder guardFile(String path) {
            return put("guardFile", path);
        }

        /// When what was not freed is told, in the log.
        public Builder leaks(LeakCheck value) {
            return put("leaks", value);
        }

        /// The path of a file for a trace of what the program does with the heap, from its first block on: what
        /// [Heap#startRecording] does later. `%p` in it stands for the number of the process. A heap whose trace cannot
        /// be written is not made.
        public Builder record(String path) {
            return put("record", path);
        }

        /// How blocks are watched while a program is being debugged: all of them, which is slow. Makes `guardEvery` and
        /// `profileBytes` mean nothing.
        public Builder debug(DebugMode value) {
            return put("debug", value);
        }

        /// How many bytes of freed memory a debug heap keeps, so that what touches them harms nobody and is seen.
        public Builder quarantineBytes(long value) {
            return put("quarantineBytes", value);
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
        /// @throws IllegalArgumentException if one is out of its range, or `file` is missing or not wanted
        public HeapOptions build() {
            return new HeapOptions(values);
        }
    }
}
