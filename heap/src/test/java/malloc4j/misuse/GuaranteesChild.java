package malloc4j.misuse;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import malloc4j.internal.memory.Sizes;

/// Tries one case of the table in a JVM of its own.
final class GuaranteesChild {
    private GuaranteesChild() {}

    /// Tries it.
    ///
    /// @param arguments the mode, and the case as it prints itself, and the file for the address that is
    ///     concerned: what a JVM prints before it dies it may write over
    public static void main(String[] arguments) throws Exception {
        Guarantee.Tried tried = (Guarantee.Tried) Guarantees.all().stream()
                .filter(each -> each.toString().equals(arguments[1]))
                .findFirst()
                .orElseThrow();
        try (Scene scene = new Scene(Mode.valueOf(arguments[0]))) {
            scene.tellConcern(address -> write(Path.of(arguments[2]), Sizes.hex(address)));
            tried.act().run(scene);
            scene.heap().verify();
            if (!scene.heap().findDamage().isEmpty()) {
                throw new AssertionError("damage where none was done");
            }
        }
        System.out.println("done");
    }

    private static void write(Path file, String text) {
        try {
            Files.writeString(file, text);
        } catch (IOException unwritable) {
            throw new UncheckedIOException(unwritable);
        }
    }
}
