package malloc4j.cli.attach;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.Stream;
import malloc4j.cli.CliException;

/// A process as `/proc` tells of it, before anything is asked of it: attaching sends SIGQUIT, of which a process dies
/// that is no JVM, and a JVM that cannot be attached to prints all its stacks.
record JvmProcess(long pid, long userId) {
    private static final String JVM_LIBRARY = "/libjvm.so";
    private static final String NO_ATTACHING = "-XX:+DisableAttachMechanism";
    private static final int EFFECTIVE = 1; // of the user's four numbers
    private static final long ROOT = 0;

    /// Reads what `/proc` tells.
    ///
    /// @throws CliException if it cannot be attached to, with the reason
    static JvmProcess of(long pid) {
        if (pid <= 0) {
            throw CliException.wrongUsage("pid " + pid + ": must be 1 or more");
        }
        if (pid == ProcessHandle.current().pid()) {
            throw CliException.wrongUsage("process " + pid + " is this command itself: name another");
        }
        try {
            return check(pid, status("/proc/" + pid));
        } catch (NoSuchFileException gone) {
            throw CliException.wrongUsage("process " + pid + ": there is no process with this number");
        } catch (IOException unreadable) {
            throw CliException.cannot("process " + pid + " cannot be read: run as its user, or as root");
        }
    }

    private static JvmProcess check(long pid, Map<String, String> status) throws IOException {
        String state = status.getOrDefault("State", "");
        String group = status.getOrDefault("Tgid", "");
        if (!group.equals(Long.toString(pid))) {
            throw CliException.wrongUsage("process " + pid + ": this is a thread of process " + group);
        }
        if (state.startsWith("Z") || state.startsWith("X")) {
            throw CliException.wrongUsage("process " + pid + " has ended");
        }
        long userId = effectiveUser(status);
        long ownUserId = effectiveUser(status("/proc/self"));
        if (ownUserId != ROOT && ownUserId != userId) {
            throw CliException.cannot("process " + pid + " is of another user: run as that user, or as root");
        }
        Path folder = Path.of("/proc", Long.toString(pid));
        if (!hasJvm(folder)) {
            throw CliException.wrongUsage("process " + pid + " is no JVM");
        }
        if (isAttachingDisabled(folder)) {
            throw new NoAnswerException(
                    "process " + pid + " runs with " + NO_ATTACHING + ", which keeps every tool out",
                    "it runs with " + NO_ATTACHING);
        }
        if (state.startsWith("T") || state.startsWith("t")) {
            throw new NoAnswerException(
                    "process " + pid + " is stopped: let it go on (kill -CONT " + pid + ") and try again",
                    "it is stopped");
        }
        return new JvmProcess(pid, userId);
    }

    /// The folder that both it and this command can name, as this command does: `/tmp`, which is another one in a
    /// container or with a private one.
    Path temporaryFolder() {
        return Path.of("/proc", Long.toString(pid), "root", "tmp");
    }

    private static Map<String, String> status(String process) throws IOException {
        Map<String, String> status = new HashMap<>();
        try (Stream<String> lines = Files.lines(Path.of(process, "status"), StandardCharsets.ISO_8859_1)) {
            lines.map(line -> line.split(":\\s*", 2))
                    .filter(parts -> parts.length == 2)
                    .forEach(parts -> status.put(parts[0], parts[1]));
        }
        return status;
    }

    private static long effectiveUser(Map<String, String> status) throws IOException {
        String[] numbers = status.getOrDefault("Uid", "").split("\\s+", -1);
        if (numbers.length <= EFFECTIVE) {
            throw new IOException("no user in the status");
        }
        return Long.parseLong(numbers[EFFECTIVE]);
    }

    private static boolean hasJvm(Path folder) throws IOException {
        try (Stream<String> mappings = Files.lines(folder.resolve("maps"), StandardCharsets.ISO_8859_1)) {
            return mappings.anyMatch(mapping -> mapping.contains(JVM_LIBRARY));
        }
    }

    /// By its arguments or by a variable of the environment that the JVM takes arguments from.
    private static boolean isAttachingDisabled(Path folder) throws IOException {
        for (String file : new String[] {"cmdline", "environ"}) {
            String text = Files.readString(folder.resolve(file), StandardCharsets.ISO_8859_1);
            if (Arrays.asList(text.split("[\0 =]", -1)).contains(NO_ATTACHING)) {
                return true;
            }
        }
        return false;
    }
}
