package malloc4j.docs;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.Field;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import malloc4j.Heap;
import org.jspecify.annotations.Nullable;

/// The documents of the repository, and the code that they speak of.
final class Documents {
    static final Path ROOT = Path.of(System.getProperty("basedir", ".")).resolve("..");

    /// Where the compiled heap is.
    static final Path CLASSES = classes();

    private static final List<Class<?>> TYPES = types();

    private Documents() {}

    static String read(String name) {
        return read(ROOT.resolve(name));
    }

    static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// Every page under docs.
    static List<Path> pages() throws IOException {
        try (Stream<Path> files = Files.walk(ROOT.resolve("docs"))) {
            return files.filter(file -> file.toString().endsWith(".md"))
                    .sorted()
                    .toList();
        }
    }

    /// The classes of the heap with a simple name, nested ones too.
    static List<Class<?>> typesNamed(String simpleName) {
        return TYPES.stream()
                .filter(type -> type.getSimpleName().equals(simpleName))
                .toList();
    }

    /// Whether one of the types has a field, method or nested type of this name.
    static boolean haveMember(List<Class<?>> owners, String name) {
        return owners.stream().anyMatch(type -> Stream.of(
                        Arrays.stream(type.getDeclaredFields()).map(Field::getName),
                        Arrays.stream(type.getMethods()).map(method -> method.getName()),
                        Arrays.stream(type.getDeclaredMethods()).map(method -> method.getName()),
                        Arrays.stream(type.getDeclaredClasses()).map(Class::getSimpleName))
                .flatMap(names -> names)
                .anyMatch(name::equals));
    }

    /// The value of a static number, null when there is no such constant.
    static @Nullable Long constant(String type, String name) throws IllegalAccessException {
        for (Class<?> owner : typesNamed(type)) {
            for (Field field : owner.getDeclaredFields()) {
                if (field.getName().equals(name)) {
                    field.setAccessible(true);
                    return field.get(null) instanceof Number number ? number.longValue() : null;
                }
            }
        }
        return null;
    }

    /// Runs a main class of the test class path in a JVM of its own. Returns what it prints.
    static List<String> java(String... arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.add("--enable-native-access=ALL-UNNAMED");
        command.addAll(List.of(arguments));
        Path output = Files.createTempFile("documents", ".txt");
        try {
            Process process = new ProcessBuilder(command)
                    .redirectErrorStream(true)
                    .redirectOutput(output.toFile())
                    .start();
            if (!process.waitFor(60, TimeUnit.SECONDS)) {
                process.destroyForcibly();
                throw new AssertionError("does not end: " + command);
            }
            if (process.exitValue() != 0) {
                throw new AssertionError(Files.readString(output));
            }
            return Files.readAllLines(output);
        } finally {
            Files.delete(output);
        }
    }

    private static Path classes() {
        return Path.of(
                Heap.class.getProtectionDomain().getCodeSource().getLocation().getPath());
    }

    private static List<Class<?>> types() {
        try (Stream<Path> files = Files.walk(CLASSES)) {
            return files.map(file -> CLASSES.relativize(file).toString())
                    .filter(name -> name.endsWith(".class") && !name.contains("-info"))
                    .<Class<?>>map(name -> load(
                            name.substring(0, name.length() - ".class".length()).replace('/', '.')))
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Class<?> load(String name) {
        try {
            return Class.forName(name, false, Documents.class.getClassLoader());
        } catch (ClassNotFoundException e) {
            throw new AssertionError(e);
        }
    }
}
