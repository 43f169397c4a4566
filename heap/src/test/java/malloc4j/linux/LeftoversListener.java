package malloc4j.linux;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.platform.launcher.LauncherSession;
import org.junit.platform.launcher.LauncherSessionListener;

/// Ends the test run with a failure when tests have left memory behind. The JUnit platform finds this class by
/// `META-INF/services` and calls it after the last test of every engine.
///
/// What a listener throws is only logged, so the JVM is stopped: a test JVM that ends before its time is a failed
/// build. What was left is in [#REPORT].
public final class LeftoversListener implements LauncherSessionListener {
    private static final Path REPORT = Path.of("target", "surefire-reports", "leftovers.txt");
    private static final int EXIT_LEFTOVERS = 66;

    @Override
    public void launcherSessionClosed(LauncherSession session) {
        List<String> left;
        try {
            left = Leftovers.find();
        } catch (IOException | InterruptedException | AssertionError unknown) {
            left = List.of("nobody knows: " + unknown);
        }
        if (!left.isEmpty()) {
            try {
                report("The tests have left behind:\n  " + String.join("\n  ", left) + "\n");
            } finally {
                Runtime.getRuntime().halt(EXIT_LEFTOVERS);
            }
        }
    }

    private static void report(String text) {
        new PrintStream(new FileOutputStream(FileDescriptor.err), true, StandardCharsets.UTF_8).println(text);
        try {
            Files.createDirectories(REPORT.getParent());
            Files.writeString(REPORT, text);
        } catch (IOException unwritable) {
            throw new UncheckedIOException(unwritable);
        }
    }
}
