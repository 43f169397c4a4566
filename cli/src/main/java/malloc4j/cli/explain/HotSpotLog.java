package malloc4j.cli.explain;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import malloc4j.cli.CliException;
import malloc4j.cli.explain.Crash.Mapping;
import org.jspecify.annotations.Nullable;

/// The `hs_err_pid*.log` that HotSpot writes when it dies.
///
/// ```
///   #  SIGBUS (0x7) at pc=0x00007fa6b0216058, pid=21059, tid=21060
///   Time: Mon Nov 30 06:38:24 2026 UTC elapsed time: 1.233807 seconds (0d 0h 0m 1s)
///   siginfo: si_signo: 7 (SIGBUS), si_code: 2 (BUS_ADRERR), si_addr: 0x00007ea183904f90
///   Dynamic libraries:
///   7ea17ee08000-7ea187e00000 rw-s 00000000 00:01 233                        /memfd:malloc4j-guard (deleted)
///   jvm_args: -Dmalloc4j.guardEvery=1
/// ```
final class HotSpotLog {
    private static final int MAX_BYTES = 64 << 20;
    private static final int HEAD_LETTERS = 4096;
    private static final Pattern HEADLINE =
            Pattern.compile("^# {1,3}(\\S.{0,200}?)(?: at pc=.*)?, pid=(\\d{1,18})", Pattern.MULTILINE);
    private static final Pattern SIGNAL = Pattern.compile(
            "^siginfo: si_signo: \\d+ \\((\\w+)\\), si_code: -?\\d+ \\((\\w+)\\)(?:, si_addr: 0x([0-9a-fA-F]{1,16}))?",
            Pattern.MULTILINE);
    private static final Pattern ELAPSED = Pattern.compile("elapsed time: (\\d{1,12}\\.\\d{1,9}) seconds");
    private static final Pattern ARGUMENTS =
            Pattern.compile("^(JAVA_TOOL_OPTIONS=|jvm_args: |_JAVA_OPTIONS=)(.*)$", Pattern.MULTILINE);
    private static final Pattern MAPPING = Pattern.compile(
            "^([0-9a-f]{1,16})-([0-9a-f]{1,16}) (\\S{4}) [0-9a-f]+ \\S+ \\d+[ \\t]*(.*)$", Pattern.MULTILINE);
    private static final String FROM_KERNEL = "SI_KERNEL"; // then the address is not told

    private HotSpotLog() {}

    static Crash read(Path path, RandomAccessFile file) throws IOException {
        byte[] bytes = new byte[(int) Math.min(file.length(), MAX_BYTES)];
        file.readFully(bytes);
        String text = new String(bytes, StandardCharsets.UTF_8);
        String head = text.substring(0, Math.min(text.length(), HEAD_LETTERS));
        if (!head.contains("Java Runtime Environment")) {
            throw CliException.problem(
                    path + ": is neither a log that HotSpot leaves (hs_err_pid*.log) nor a core file");
        }
        Matcher headline = HEADLINE.matcher(head);
        if (!headline.find()) {
            throw CliException.problem(path + ": has no line with a pid: it is cut, or no log of HotSpot");
        }
        Matcher signal = SIGNAL.matcher(text);
        boolean hasSignal = signal.find();
        return new Crash(
                hasSignal ? signal.group(1) : headline.group(1),
                Long.parseLong(headline.group(2)),
                hasSignal ? address(signal) : null,
                elapsedNanos(text),
                arguments(text),
                mappings(text));
    }

    private static @Nullable Long address(Matcher signal) {
        String address = signal.group(3);
        return address == null || signal.group(2).equals(FROM_KERNEL) ? null : Long.parseUnsignedLong(address, 16);
    }

    private static long elapsedNanos(String text) {
        Matcher elapsed = ELAPSED.matcher(text);
        return elapsed.find()
                ? Math.round(Double.parseDouble(elapsed.group(1)) * TimeUnit.SECONDS.toNanos(1))
                : Crash.UNKNOWN;
    }

    /// The last counts where one is given twice.
    private static String arguments(String text) {
        List<String> variables = new ArrayList<>();
        List<String> overriding = new ArrayList<>();
        Matcher line = ARGUMENTS.matcher(text);
        while (line.find()) {
            (line.group(1).startsWith("_") ? overriding : variables).add(line.group(2));
        }
        variables.addAll(overriding);
        return String.join(" ", variables);
    }

    private static List<Mapping> mappings(String text) {
        List<Mapping> mappings = new ArrayList<>();
        Matcher line = MAPPING.matcher(text);
        while (line.find()) {
            mappings.add(new Mapping(
                    Long.parseUnsignedLong(line.group(1), 16),
                    Long.parseUnsignedLong(line.group(2), 16),
                    line.group(3),
                    line.group(4).strip()));
        }
        return mappings;
    }
}
