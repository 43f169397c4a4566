package malloc4j.process;

import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import malloc4j.internal.proc.SystemFiles;

/// Why the kernel does not let this process read another one, and what to do: what `PTRACE_MODE_READ` asks, in its
/// order.
///
/// @source [ptrace(2)](https://man7.org/linux/man-pages/man2/ptrace.2.html), "Ptrace access mode checking"
final class ReadPermission {
    private static final String ROOT = "root (CAP_SYS_PTRACE)";

    private ReadPermission() {}

    /// What to do about a refusal.
    ///
    /// @param directory of the process that may not be read, such as `/proc/4711`
    static String advice(SystemFiles files, String directory) {
        try {
            List<String> theirs = files.lines(directory + "/status");
            List<String> ours = files.lines("/proc/self/status");
            return advice(theirs, ours);
        } catch (IOException | NumberFormatException untold) {
            return "run as the user of that process, or as " + ROOT;
        }
    }

    private static String advice(List<String> theirs, List<String> ours) {
        String user = word(ours, "Uid:", 1);
        if (user.equals("0")) {
            return "the user is root but may not trace it: add CAP_SYS_PTRACE, as by docker run --cap-add=SYS_PTRACE, or"
                    + " look from the user namespace that it is in";
        }
        if (!areAll(theirs, "Uid:", user)) {
            return "run as the user of that process, or as " + ROOT;
        }
        if (!areAll(theirs, "Gid:", word(ours, "Gid:", 1))) {
            return "it is of the same user and of another group: run as that group, or as " + ROOT;
        }
        if ((capabilities(theirs, "CapPrm:") & ~capabilities(ours, "CapEff:")) != 0) {
            return "it is of the same user and has more capabilities: run as " + ROOT;
        }
        return "it is of the same user and does not let itself be read (not dumpable: it called prctl, or changed its user"
                + " or program by set-user-ID, or its program may not be read): run as "
                + ROOT;
    }

    /// Whether the real, effective and saved number are all `number`.
    private static boolean areAll(List<String> status, String name, String number) {
        return number.equals(word(status, name, 0))
                && number.equals(word(status, name, 1))
                && number.equals(word(status, name, 2));
    }

    private static long capabilities(List<String> status, String name) {
        return Long.parseUnsignedLong(word(status, name, 0), 16);
    }

    /// The word at `index` behind a name; empty where there is none.
    private static String word(List<String> status, String name, int index) {
        return status.stream()
                .filter(line -> line.startsWith(name))
                .flatMap(line -> Arrays.stream(
                                line.substring(name.length()).strip().split("\\s+", -1))
                        .skip(index)
                        .limit(1))
                .findFirst()
                .orElse("");
    }
}
