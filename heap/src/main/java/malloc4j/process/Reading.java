package malloc4j.process;

import java.util.Optional;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// One thing asked of the kernel: its value, or why there is none, such as an older kernel or a file that may not
/// be read.
///
/// @param value null when it is not known
/// @param whyNot why, in a few words; empty when the value is known
/// @since 0.1.0
public record Reading<T>(@Nullable T value, String whyNot) {
    /// A value that was read.
    public static <T> Reading<T> of(T value) {
        return new Reading<>(value, "");
    }

    /// No value.
    public static <T> Reading<T> unknown(String whyNot) {
        return new Reading<>(null, whyNot);
    }

    public boolean isKnown() {
        return value != null;
    }

    /// The value.
    ///
    /// @throws IllegalStateException saying why it is not known
    public T get() {
        if (value == null) {
            throw new IllegalStateException("not known: " + whyNot);
        }
        return value;
    }

    /// The value, or `other` when it is not known.
    public T orElse(T other) {
        return value == null ? other : value;
    }

    public Optional<T> toOptional() {
        return Optional.ofNullable(value);
    }

    /// The value turned into another one, or unknown for the same reason.
    public <R> Reading<R> map(Function<? super T, ? extends R> function) {
        return value == null ? unknown(whyNot) : of(function.apply(value));
    }

    /// The value as text, or the reason.
    @Override
    public String toString() {
        return value == null ? "unknown: " + whyNot : value.toString();
    }
}
