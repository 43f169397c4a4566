package malloc4j.cli;

import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/// What a command looks at: a process by its number, or `self`; or the core file of one that has died, by its path. A
/// file that is called like a number is named `./4711`.
///
/// @param pid 0 for a core
public record Target(long pid, @Nullable Path file) {
    /// From what was typed.
    public static final class Converter implements ITypeConverter<Target> {
        @Override
        public Target convert(String value) {
            if (value.equals("self")) {
                return new Target(ProcessHandle.current().pid(), null);
            }
            if (value.matches("-?\\d+")) {
                return new Target(new ProcessNumber().convert(value), null);
            }
            return new Target(0, path(value));
        }

        /// Opening a pipe would wait.
        private static Path path(String value) {
            Path path;
            try {
                path = Path.of(value);
            } catch (InvalidPathException wrong) {
                throw wrong("'" + value.replaceAll("\\p{Cntrl}", "?") + "' is no path");
            }
            if (value.isBlank() || Files.notExists(path)) {
                throw wrong("'" + value + "' is neither a process's number nor self, and there is no such file");
            }
            if (!Files.isRegularFile(path)) {
                throw wrong(value + ": is no regular file");
            }
            return path;
        }

        private static TypeConversionException wrong(String message) {
            return new TypeConversionException(message);
        }
    }

    /// Whether it is a core.
    public boolean isCore() {
        return file != null;
    }

    /// The core.
    ///
    /// @throws IllegalStateException if it is a process
    public Path core() {
        if (file == null) {
            throw new IllegalStateException("process " + pid + " is no core");
        }
        return file;
    }

    /// As it was typed.
    @Override
    public String toString() {
        return file == null ? Long.toString(pid) : file.toString();
    }
}
