package malloc4j.cli.health;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;

/// What the kernel says of itself and of what a process may do, besides the limits of memory.
///
/// @param release as `6.1.0-18-amd64`; empty where it is not told
/// @param perfEventParanoid `kernel.perf_event_paranoid`
/// @param ptraceScope `kernel.yama.ptrace_scope`
/// @param filtersCalls whether system calls are filtered (seccomp)
/// @param capabilities of the process, a bit each
/// @param folder for temporary files, as this process names it
/// @param isFolderWritable whether files can be made there
/// @param folderBytes how much room it has
public record KernelFacts(
        String release,
        OptionalInt perfEventParanoid,
        OptionalInt ptraceScope,
        boolean filtersCalls,
        long capabilities,
        String folder,
        boolean isFolderWritable,
        long folderBytes) {
    private static final String FOLDER = "-Djava.io.tmpdir=";

    /// Of this process.
    static KernelFacts read() {
        return read("self", System.getProperty("java.io.tmpdir", "/tmp"), "");
    }

    /// Of another process.
    static KernelFacts read(long pid) {
        String number = Long.toString(pid);
        String folder = ProcessFacts.texts(Path.of("/proc", number, "cmdline")).stream()
                .filter(argument -> argument.startsWith(FOLDER))
                .map(argument -> argument.substring(FOLDER.length()))
                .reduce("/tmp", (first, last) -> last);
        return read(number, folder, "/proc/" + number + "/root");
    }

    private static KernelFacts read(String process, String folder, String root) {
        File seen = new File(folder.startsWith("/") ? root + folder : "/proc/" + process + "/cwd/" + folder);
        return new KernelFacts(
                text("/proc/sys/kernel/osrelease"),
                number("/proc/sys/kernel/perf_event_paranoid"),
                number("/proc/sys/kernel/yama/ptrace_scope"),
                !status(process, "Seccomp:").equals("0")
                        && !status(process, "Seccomp:").isEmpty(),
                capabilities(status(process, "CapEff:")),
                folder,
                seen.isDirectory() && seen.canWrite(),
                seen.getUsableSpace());
    }

    private static String text(String file) {
        try {
            return Files.readString(Path.of(file), StandardCharsets.ISO_8859_1).strip();
        } catch (IOException missing) {
            return "";
        }
    }

    private static OptionalInt number(String file) {
        String text = text(file);
        return text.matches("-?\\d{1,9}") ? OptionalInt.of(Integer.parseInt(text)) : OptionalInt.empty();
    }

    private static String status(String process, String name) {
        List<String> lines = text("/proc/" + process + "/status").lines().toList();
        return lines.stream()
                .filter(line -> line.startsWith(name))
                .map(line -> line.substring(name.length()).strip())
                .findFirst()
                .orElse("");
    }

    private static long capabilities(String hexadecimal) {
        return hexadecimal.matches("[0-9a-f]{1,16}") ? Long.parseUnsignedLong(hexadecimal, 16) : 0;
    }

    /// Whether the process has a capability.
    boolean has(int capability) {
        return ((capabilities >>> capability) & 1) != 0;
    }

    /// Whether the kernel is this old or older than `major.minor`; false where that is not known.
    boolean isBefore(int major, int minor) {
        String[] parts = release.split("[^0-9]+", 3);
        if (parts.length < 2 || !parts[0].matches("\\d{1,4}") || !parts[1].matches("\\d{1,4}")) {
            return false;
        }
        int thisMajor = Integer.parseInt(parts[0]);
        return thisMajor < major || (thisMajor == major && Integer.parseInt(parts[1]) < minor);
    }
}
