package malloc4j.cli.child;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/// What a measurement has to be read with: the machine, from `/proc`, `/sys` and `/etc`. A fact that cannot be read
/// is "unknown".
public final class MachineFacts {
    private static final String UNKNOWN = "unknown";

    private MachineFacts() {}

    public static Machine read() {
        return new Machine(
                field("/etc/os-release", "PRETTY_NAME", "=").replace("\"", ""),
                "Linux " + lines("/proc/sys/kernel/osrelease").findFirst().orElse(UNKNOWN),
                System.getProperty("os.arch"),
                field("/proc/cpuinfo", "model name", ":"),
                Runtime.getRuntime().availableProcessors(),
                memoryBytes(field("/proc/meminfo", "MemTotal", ":")),
                chosen(lines("/sys/kernel/mm/transparent_hugepage/enabled")
                        .findFirst()
                        .orElse(UNKNOWN)),
                System.getProperty("java.vendor.version", "JDK") + " " + Runtime.version());
    }

    private static String field(String file, String key, String separator) {
        return lines(file)
                .filter(line -> line.startsWith(key) && line.contains(separator))
                .findFirst()
                .map(line -> line.substring(line.indexOf(separator) + 1).strip())
                .orElse(UNKNOWN);
    }

    private static long memoryBytes(String total) {
        return total.endsWith(" kB") ? Long.parseLong(total.substring(0, total.length() - 3)) << 10 : 0;
    }

    /// The word in brackets, as in `always [madvise] never`.
    private static String chosen(String choices) {
        int from = choices.indexOf('[');
        int to = choices.indexOf(']');
        return from < 0 || to < from ? choices : choices.substring(from + 1, to);
    }

    private static Stream<String> lines(String file) {
        try {
            return Files.readAllLines(Path.of(file), StandardCharsets.UTF_8).stream();
        } catch (IOException e) {
            return Stream.empty();
        }
    }
}
