package malloc4j.cli;

import java.util.Arrays;
import java.util.stream.Collectors;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/// Turns a word of the command line into a constant of an enum that shows itself as that word (`toString`).
/// picocli's own conversion would name the Java constants in its messages.
public abstract class Choice<E extends Enum<E>> implements ITypeConverter<E> {
    private final Class<E> type;

    protected Choice(Class<E> type) {
        this.type = type;
    }

    @Override
    public final E convert(String word) {
        return Arrays.stream(type.getEnumConstants())
                .filter(choice -> choice.toString().equals(word))
                .findFirst()
                .orElseThrow(() -> new TypeConversionException("'" + word + "' is none of " + words()));
    }

    private String words() {
        return Arrays.stream(type.getEnumConstants()).map(Enum::toString).collect(Collectors.joining(", "));
    }
}
