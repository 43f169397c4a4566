package malloc4j.cli.learn;

import java.util.Map;
import malloc4j.cli.child.ChildProcess.Purpose;

/// One matter of how Linux gives memory, shown step by step. A scene is played once, in a process of its own.
public interface Scene {
    /// What it is about.
    Lesson lesson();

    /// Plays it. Texts and claims are the same on every machine; what is measured goes into figures.
    ///
    /// @throws Throwable what escapes as a refusal of the kernel or of a heap ends the scene with that as the reason
    ///     why the rest cannot be shown here
    void play(Stage stage) throws Throwable;

    /// What the child JVM is for: memory and addresses, unless something is timed.
    default Purpose purpose() {
        return Purpose.MEMORY;
    }

    /// Environment variables of the child.
    default Map<String, String> environment() {
        return Map.of();
    }

    /// Its name on the command line.
    default String name() {
        return lesson().name();
    }

    /// What it shows, a sentence without its full stop.
    default String title() {
        return lesson().title();
    }

    /// The same for a list, one line.
    default String teaser() {
        return lesson().teaser();
    }
}
