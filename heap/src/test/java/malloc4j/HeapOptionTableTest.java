package malloc4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;

import java.io.IOException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Properties;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Counts where the options of [HeapOption#all] stand, and keeps `docs/heap-options.md` equal to that table.
///
/// `mvn -pl heap test -Dtest=HeapOptionTableTest -Ddocs.regenerate=true` writes the file anew.
class HeapOptionTableTest {
    private static final Path ROOT = Path.of(System.getProperty("basedir", ".")).resolve("..");
    private static final Path FILE = ROOT.resolve("docs/heap-options.md");

    static Stream<HeapOption> options() {
        return HeapOption.all().stream();
    }

    static Stream<HeapOption> optionsWithText() {
        return options().filter(option -> option.textName() != null);
    }

    private static List<String> names() {
        return options().map(HeapOption::name).toList();
    }

    @Test
    void eachOptionIsDescribedOnceAndSetAndToldByAMethodOfItsName() {
        assertThat(names()).doesNotHaveDuplicates();
        assertThat(optionsWithText().map(HeapOption::textName)).doesNotHaveDuplicates();
        assertThat(Arrays.stream(HeapOptions.Builder.class.getMethods())
                        .filter(method -> method.getReturnType() == HeapOptions.Builder.class)
                        .filter(method -> method.getParameterCount() == 1)
                        .map(Method::getName))
                .containsExactlyInAnyOrderElementsOf(names());
        List<String> told = new ArrayList<>();
        for (Class<?> group : groups()) {
            assertThat(HeapOptions.class.getDeclaredClasses())
                    .anyMatch(each -> group == HeapOptions.class || each == group);
            Arrays.stream(group.getDeclaredMethods())
                    .filter(method -> Modifier.isPublic(method.getModifiers()) && method.getParameterCount() == 0)
                    .filter(method -> !groups().contains(method.getReturnType()))
                    .map(Method::getName)
                    .filter(name -> !List.of("hashCode", "toString", "properties", "defaults", "builder", "toBuilder")
                            .contains(name))
                    .forEach(told::add);
        }
        assertThat(told).containsExactlyInAnyOrderElementsOf(names());
        assertThat(options()).allMatch(option -> Arrays.stream(option.group().getMethods())
                .anyMatch(method -> method.getName().equals(option.name())));
    }

    /// The row that describes it, the method that sets it, the method that tells it.
    @ParameterizedTest
    @MethodSource("options")
    void anOptionIsNamedInThreePlaces(HeapOption option) throws IOException {
        Pattern named = Pattern.compile('"' + option.name() + '"');
        long places = 0;
        for (String file : List.of("HeapOption", "HeapOptions", "OptionTexts", "HeapAssembly", "HeapLimits", "Heap")) {
            String source = Files.readString(ROOT.resolve("heap/src/main/java/malloc4j/" + file + ".java"));
            places += named.matcher(source).results().count();
        }
        assertThat(places).isEqualTo(3);
    }

    @ParameterizedTest
    @MethodSource("optionsWithText")
    void anOptionIsTheSameAfterItWasAProperty(HeapOption option) {
        int taken = 0;
        String file = option.name().equals("file") ? "/tmp/x" : null;
        for (String text : file != null
                ? List.of(file)
                : List.of("brk", "exit", "guard", "shared-memory", "12582912", "5G", "-7", "0")) {
            HeapOptions options;
            try {
                options = HeapOptions.builder()
                        .name("common")
                        .option(String.valueOf(option.textName()), text)
                        .build();
            } catch (IllegalArgumentException notForThis) {
                continue;
            }
            taken++;
            Properties properties = new Properties();
            properties.putAll(options.properties());
            boolean isDefault = option.parse(text).equals(option.byDefault());
            assertThat(properties.containsKey("malloc4j." + option.textName())).isEqualTo(!isDefault);
            assertThat(HeapOptions.fromProperties(properties)).isEqualTo(options);
        }
        assertThat(taken).isPositive();
    }

    @ParameterizedTest
    @MethodSource("optionsWithText")
    void whatIsTheDefaultOrHasNoTextIsNoProperty(HeapOption option) {
        HeapOptions options = HeapOptions.builder()
                .name("other")
                .onSoftLimit(() -> {})
                .onHardLimit(wanted -> false)
                .build();
        assertThat(options.properties()).isEmpty();
        @Nullable Object byDefault = option.byDefault();
        if (byDefault != null) {
            assertThat(option.parse(option.print(byDefault))).isEqualTo(byDefault);
            assertThatNullPointerException()
                    .isThrownBy(() -> option.check(null))
                    .withMessage(option.name());
        }
    }

    @Test
    void theDocumentIsTheGeneratedOne() throws IOException {
        String generated = generate();
        if (Boolean.getBoolean("docs.regenerate")) {
            Files.writeString(FILE, generated);
        }
        assertThat(Files.readString(FILE))
                .as("docs/heap-options.md is out of date: run this test with -Ddocs.regenerate=true")
                .isEqualTo(generated);
    }

    private static Set<Class<?>> groups() {
        Set<Class<?>> groups = new LinkedHashSet<>();
        options().forEach(option -> groups.add(option.group()));
        return groups;
    }

    private static String generate() {
        StringBuilder text = new StringBuilder("""
                # Options of a heap

                What `HeapOptions` has: how a heap gets memory, gives it back, and how much it may have.

                - In Java, `HeapOptions.builder()` sets an option by its name.
                - For the common heap an option with a text is a system property: `-Dmalloc4j.hardLimitBytes=1G`. A property
                  that begins with `malloc4j.` and is no option ends in an error, which names the nearest.
                - On the command line, `bench --heap hardLimitBytes=1G`.

                Sizes are whole numbers, in bytes or followed by K, M, G or T, each 1,024 times the one before. In C, `mallopt`
                knows some of them by the name in the last column.

                <!-- Generated from HeapOption.java by HeapOptionTableTest; do not edit.
                     mvn -pl heap test -Dtest=HeapOptionTableTest -Ddocs.regenerate=true -->
                """);
        for (Class<?> group : groups()) {
            String heading = group == HeapOptions.class ? "The heap" : group.getSimpleName();
            String told = group == HeapOptions.class ? "" : "." + heading.toLowerCase(Locale.ROOT) + "()";
            text.append("\n## ")
                    .append(heading)
                    .append("\n\nRead from `HeapOptions")
                    .append(told)
                    .append("`.\n\n");
            text.append("| option | as text | takes | default | effect | in C |\n|---|---|---|---|---|---|\n");
            options().filter(option -> option.group() == group).forEach(option -> text.append(row(option)));
        }
        return text.toString();
    }

    private static String row(HeapOption option) {
        @Nullable Object byDefault = option.byDefault();
        String standard = byDefault == null || byDefault.equals(Long.MAX_VALUE) ? "none" : option.print(byDefault);
        String asText = option.textName() == null ? "" : "`" + option.textName() + "`";
        StringBuilder row = new StringBuilder("|");
        for (String cell :
                List.of("`" + option.name() + "`", asText, option.values(), standard, option.effect(), option.inC())) {
            row.append(cell.isEmpty() ? " |" : " " + cell + " |");
        }
        return row.append('\n').toString();
    }
}
