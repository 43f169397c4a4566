package malloc4j;

import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.StringJoiner;
import java.util.function.LongPredicate;
import malloc4j.observe.Probe;
import org.jspecify.annotations.Nullable;

/// An option of a heap: what it is called, what it takes, and what it is where nobody says. [#all] is the table of
/// them: what reads and prints options, checks them, and documents them goes by it, and by nothing else.
///
/// Where an option stands, and nowhere else: its row here, a method of [HeapOptions.Builder] that sets it, and one of
/// its group in [HeapOptions] that tells it.
///
/// This class and those in it have no initialiser: the end of a stack, where a heap may be asked for first, would lose
/// them ([HeapMaker]).
abstract class HeapOption {
    /// The most bytes between two samples.
    static final long MAX_SAMPLE_BYTES = 1L << 40;

    private static volatile @Nullable List<HeapOption> all;

    private final Class<?> group;
    private final String name;
    private final @Nullable Object byDefault;
    private final String effect;
    private final String inC;

    private HeapOption(Class<?> group, String name, @Nullable Object byDefault, String effect, String inC) {
        this.group = group;
        this.name = name;
        this.byDefault = byDefault;
        this.effect = effect;
        this.inC = inC;
    }

    /// Every option; where one has an effect on another, it is before that.
    static List<HeapOption> all() {
        List<HeapOption> known = all;
        if (known == null) {
            known = List.of(
                    new Given(HeapOptions.class, "name", String.class, "heap", "for messages, statistics and events"),
                    new Given(
                            HeapOptions.class,
                            "probe",
                            Probe.class,
                            null,
                            "is told what the heap does seldom; where none is"
                                    + " given, those that `ServiceLoader` finds are"),
                    new SourcePath(
                            HeapOptions.Memory.class,
                            "file",
                            "the file for source `file`, which it makes the source;"
                                    + " a regular one that no other heap has"),
                    new Choice(HeapOptions.Memory.class, "source", MemorySource.MMAP, "where extents come from"),
                    new Size(
                            HeapOptions.Memory.class,
                            "mmapThresholdBytes",
                            32_769,
                            1L << 46,
                            32L << 20,
                            "from this size a block is a mapping of its own; none of sources `shared-memory` and `file` is",
                            "`M_MMAP_THRESHOLD`"),
                    new Size(
                            HeapOptions.Memory.class,
                            "brkClaimBytes",
                            2L << 20,
                            16L << 30,
                            256L << 20,
                            "by how much the program break is moved at once",
                            "`M_TOP_PAD`"),
                    new Delay(
                            HeapOptions.Purging.class,
                            "purgeDelay",
                            Duration.ofSeconds(1),
                            "how long free pages are kept; 0 gives back at every visit, a negative one never"),
                    new Size(
                            HeapOptions.Purging.class,
                            "trimThresholdBytes",
                            0,
                            Long.MAX_VALUE,
                            256L << 10,
                            "free pages that the purger leaves for reuse",
                            "`M_TRIM_THRESHOLD`"),
                    new Size(
                            HeapOptions.Limits.class,
                            "softLimitBytes",
                            0,
                            Long.MAX_VALUE,
                            Long.MAX_VALUE,
                            "while more is committed, allocating calls `onSoftLimit`",
                            ""),
                    new Size(
                            HeapOptions.Limits.class,
                            "hardLimitBytes",
                            0,
                            Long.MAX_VALUE,
                            Long.MAX_VALUE,
                            "a request that would commit more calls `onHardLimit`, then fails",
                            ""),
                    new Given(
                            HeapOptions.Limits.class, "onSoftLimit", Runnable.class, null, "frees memory in good time"),
                    new Given(
                            HeapOptions.Limits.class,
                            "onHardLimit",
                            LongPredicate.class,
                            null,
                            "frees memory that a" + " request wants, and answers whether to try again"),
                    new Given(
                            HeapOptions.Limits.class,
                            "parent",
                            Heap.class,
                            null,
                            "the heap whose limits count this one" + " too, and which outlives it"),
                    new Size(
                            HeapOptions.Observing.class,
                            "profileBytes",
                            0,
                            MAX_SAMPLE_BYTES,
                            0,
                            "mean bytes between two samples of the allocation profile, 0 for none; 512K for programs in use",
                            ""),
                    new Count(
                            HeapOptions.Observing.class,
                            "guardEvery",
                            1L << 40,
                            0,
                            "mean blocks from one between guards to the next, 0 for none, 1 for all; 5000 for programs in use"),
                    new FilePath(
                            HeapOptions.Observing.class,
                            "guardFile",
                            "what is between guards, for `./malloc4j explain` when native code has touched one and the JVM"
                                    + " has died; `%p` is the pid, `none` is for none; where not given,"
                                    + " `malloc4j-guards-PID-HEAP` in `java.io.tmpdir`"),
                    new Choice(
                            HeapOptions.Observing.class,
                            "leaks",
                            LeakCheck.OFF,
                            "whether a heap says in the log, at its end, what was not freed and by whom"),
                    new FilePath(
                            HeapOptions.Observing.class,
                            "record",
                            "the file for a trace of what the program does with the heap, from its first block on;"
                                    + " compressed where its name ends in `.gz`; `%p` is the pid"),
                    new Choice(
                            HeapOptions.Observing.class,
                            "debug",
                            DebugMode.OFF,
                            "whether every block lies between guards or red zones, with the stack that allocated it; slow"),
                    new Size(
                            HeapOptions.Observing.class,
                            "quarantineBytes",
                            0,
                            1L << 46,
                            64L << 20,
                            "how much freed memory a debug heap keeps, to see what is written to it",
                            ""));
            all = known;
        }
        return known;
    }

    final Class<?> group() {
        return group;
    }

    final String name() {
        return name;
    }

    /// What the option is where nobody says, null for nothing.
    final @Nullable Object byDefault() {
        return byDefault;
    }

    /// What it does, in a few words.
    final String effect() {
        return effect;
    }

    /// What C's `mallopt` calls the like of it, or nothing.
    final String inC() {
        return inC;
    }

    /// What it is called where it is given as text, null where it cannot be.
    @Nullable
    String textName() {
        return name;
    }

    /// What it takes, in a few words.
    abstract String values();

    /// Throws [NullPointerException] where there must be a value and is none, [IllegalArgumentException] where the
    /// value is out of range.
    void check(@Nullable Object value) {
        if (value == null && byDefault != null) {
            throw new NullPointerException(name);
        }
    }

    /// Throws [IllegalArgumentException] that goes on after the option and the text: "is no size".
    abstract Object parse(String text);

    /// What [#parse] makes the value of.
    String print(Object value) {
        return value.toString();
    }

    void set(HeapOptions.Builder builder, String text) {
        builder.put(name, parse(text));
    }

    /// Bytes: a whole number, or one of K, M, G or T.
    private static final class Size extends HeapOption {
        private final long min;
        private final long max;

        Size(Class<?> group, String name, long min, long max, long byDefault, String effect, String inC) {
            super(group, name, byDefault, effect, inC);
            this.min = min;
            this.max = max;
        }

        @Override
        String values() {
            String from = OptionTexts.size(min);
            return max == Long.MAX_VALUE ? "from " + from : from + " to " + OptionTexts.size(max);
        }

        @Override
        void check(@Nullable Object value) {
            super.check(value);
            if (value instanceof Long bytes && (bytes < min || bytes > max)) {
                throw new IllegalArgumentException(
                        "option " + name() + "=" + bytes + " is not from " + min + " to " + max);
            }
        }

        @Override
        Object parse(String text) {
            return OptionTexts.bytes(text);
        }

        @Override
        String print(Object value) {
            return OptionTexts.size((Long) value);
        }
    }

    /// A whole number from 0 on.
    private static final class Count extends HeapOption {
        private final long max;

        Count(Class<?> group, String name, long max, long byDefault, String effect) {
            super(group, name, byDefault, effect, "");
            this.max = max;
        }

        @Override
        String values() {
            return "0 to " + max;
        }

        @Override
        void check(@Nullable Object value) {
            super.check(value);
            if (value instanceof Long count && (count < 0 || count > max)) {
                throw new IllegalArgumentException("option " + name() + "=" + count + " is not from 0 to " + max);
            }
        }

        @Override
        Object parse(String text) {
            return OptionTexts.wholeNumber(text);
        }
    }

    /// A duration, as text in milliseconds.
    private static final class Delay extends HeapOption {
        Delay(Class<?> group, String name, Duration byDefault, String effect) {
            super(group, name, byDefault, effect, "");
        }

        @Override
        String textName() {
            return name() + "Millis";
        }

        @Override
        String values() {
            return "any";
        }

        @Override
        Object parse(String text) {
            return Duration.ofMillis(OptionTexts.wholeNumber(text));
        }

        @Override
        String print(Object value) {
            Duration delay = (Duration) value;
            try {
                return Long.toString(delay.toMillis());
            } catch (ArithmeticException tooLong) {
                return Long.toString(delay.isNegative() ? Long.MIN_VALUE : Long.MAX_VALUE);
            }
        }
    }

    /// One of an enum's constants, as text in any case, with `-` for `_`.
    private static final class Choice extends HeapOption {
        Choice(Class<?> group, String name, Enum<?> byDefault, String effect) {
            super(group, name, byDefault, effect, "");
        }

        private Enum<?>[] constants() {
            return ((Enum<?>) byDefaultNotNull()).getDeclaringClass().getEnumConstants();
        }

        private Object byDefaultNotNull() {
            Object value = byDefault();
            if (value == null) {
                throw new AssertionError(name());
            }
            return value;
        }

        @Override
        String values() {
            StringJoiner names = new StringJoiner(", ");
            for (Enum<?> each : constants()) {
                names.add(print(each));
            }
            return names.toString();
        }

        @Override
        Object parse(String text) {
            for (Enum<?> each : constants()) {
                if (each.name().equals(text.strip().toUpperCase(Locale.ROOT).replace('-', '_'))) {
                    return each;
                }
            }
            throw new IllegalArgumentException("is none of " + values());
        }

        @Override
        String print(Object value) {
            return ((Enum<?>) value).name().toLowerCase(Locale.ROOT).replace('_', '-');
        }
    }

    /// A path.
    private static class FilePath extends HeapOption {
        FilePath(Class<?> group, String name, String effect) {
            super(group, name, null, effect, "");
        }

        @Override
        String values() {
            return "a path";
        }

        @Override
        Object parse(String text) {
            return text;
        }
    }

    /// A path, which makes its file the source.
    private static final class SourcePath extends FilePath {
        SourcePath(Class<?> group, String name, String effect) {
            super(group, name, effect);
        }

        @Override
        void set(HeapOptions.Builder builder, String text) {
            builder.file(text);
        }
    }

    /// An object, which has no text.
    private static final class Given extends HeapOption {
        private final Class<?> type;

        Given(Class<?> group, String name, Class<?> type, @Nullable Object byDefault, String effect) {
            super(group, name, byDefault, effect, "");
            this.type = type;
        }

        @Override
        @Nullable
        String textName() {
            return null;
        }

        @Override
        String values() {
            return "a `" + type.getSimpleName() + "`";
        }

        @Override
        Object parse(String text) {
            throw new AssertionError(name() + " has no text");
        }
    }
}
