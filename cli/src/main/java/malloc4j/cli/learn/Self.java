package malloc4j.cli.learn;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/// What the kernel says of this process.
final class Self {
    private static final int MINOR_FAULTS = 7; // of proc_pid_stat(5), counted from behind the name

    private Self() {}

    /// A size in `/proc/self/status`, such as `VmSize`.
    static long status(String key) {
        return kibibytes("/proc/self/status", key);
    }

    /// What is in memory, to the page.
    static long residentBytes() {
        return kibibytes("/proc/self/smaps_rollup", "Rss");
    }

    /// How many page faults this thread has had that needed no disk.
    static long minorFaults() {
        String stat = String.join(" ", lines("/proc/thread-self/stat"));
        return Long.parseLong(stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1)[MINOR_FAULTS]);
    }

    /// The first line of a file of the kernel's, or `unknown`.
    static String word(String file) {
        try {
            return Files.readString(Path.of(file)).strip();
        } catch (IOException unreadable) {
            return "unknown";
        }
    }

    private static long kibibytes(String file, String key) {
        return lines(file).stream()
                .filter(line -> line.startsWith(key + ":"))
                .mapToLong(line -> Long.parseLong(line.replaceAll("[^0-9]", "")) << 10)
                .findFirst()
                .orElse(0);
    }

    private static List<String> lines(String file) {
        try {
            return Files.readAllLines(Path.of(file), StandardCharsets.ISO_8859_1);
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }
}
