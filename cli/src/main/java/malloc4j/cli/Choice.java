package malloc4j.cli;

import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.TypeConversionException;

/// Turns a word of the command line into a constant of an enum that shows itself as that word (`toString`).
/// picocli's own conversion would name the Java constants in its messages.
public abstract class Choice<E extends Enum<E>> implements ITypeConverter<E> {
    private final Class<E> type;
    private final Predicate<E> offered;

    protected Choice(Class<E> type) {
        this(type, any -> true);
    }

    /// @param offered the constants that may be chosen
    protected Choice(Class<E> type, Predicate<E> offered) {
        this.type = type;
        this.offered = offered;
    }

    @Override
    public final E convert(String word) {
        return choices()
                .filter(choice -> choice.toString().equals(word))
                .findFirst()
                .orElseThrow(() -> new TypeConversionException("'" + word + "' is none of " + words()));
    }

    /// Turns the words of a parameter that takes any number into constants, each once; no words into all of them.
    /// As its converter, picocli would take a wrong word for one that nobody asked for.
    ///
    /// @throws ParameterException naming `paramLabel` and the first word that is none
    public final Set<E> convertAll(CommandLine commandLine, String paramLabel, List<String> words) {
        Set<E> chosen = new LinkedHashSet<>();
        for (String word : words) {
            try {
                chosen.add(convert(word));
            } catch (TypeConversionException wrong) {
                throw new ParameterException(commandLine, paramLabel + ": " + wrong.getMessage(), wrong);
            }
        }
        return words.isEmpty() ? choices().collect(Collectors.toCollection(LinkedHashSet::new)) : chosen;
    }

    private Stream<E> choices() {
        return Arrays.stream(type.getEnumConstants()).filter(offered);
    }

    private String words() {
        return choices().map(Enum::toString).collect(Collectors.joining(", "));
    }
}
