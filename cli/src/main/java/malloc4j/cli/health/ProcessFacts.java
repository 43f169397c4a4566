package malloc4j.cli.health;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import malloc4j.cli.space.ProcessSpace;
import malloc4j.observe.Area;
import malloc4j.observe.AreaKind;
import malloc4j.process.AddressSpace;

/// What a process is and was told, as far as memory goes.
///
/// @param name up to 15 letters
/// @param arguments its command line
/// @param environment its variables, `NAME=value`
/// @param residentBytes what it has in memory
/// @param arenaHeaps how many heaps of 64 MiB glibc's arenas have
/// @param arenaBytes their addresses
/// @param arenaResidentBytes what of them is in memory
/// @param javaHeapBytes addresses of the Java heap: what it may grow to; 0 for none
/// @param isJvm whether it runs HotSpot
/// @param javaVersion as its installation says, `17.0.9`; empty where it does not
/// @param hasMalloc4j whether it uses malloc4j
/// @param processors of the machine
public record ProcessFacts(
        String name,
        List<String> arguments,
        List<String> environment,
        long residentBytes,
        int arenaHeaps,
        long arenaBytes,
        long arenaResidentBytes,
        long javaHeapBytes,
        boolean isJvm,
        String javaVersion,
        boolean hasMalloc4j,
        int processors) {
    private static final int ARENA_HEAP_SHIFT = 26;
    private static final Pattern VERSION = Pattern.compile("(?m)^JAVA_VERSION=\"([0-9][^\"]{0,40})\"");

    static ProcessFacts read(long pid) {
        Path process = Path.of("/proc", Long.toString(pid));
        AddressSpace space = ProcessSpace.of(pid, false).space();
        AddressSpace.Sum arenas = space.sum(AreaKind.C_ARENA);
        return new ProcessFacts(
                space.name(),
                texts(process.resolve("cmdline")),
                texts(process.resolve("environ")),
                space.total().residentBytes(),
                (int) space.areas().stream()
                        .filter(area -> area.kind() == AreaKind.C_ARENA)
                        .mapToLong(Area::address)
                        .map(address -> address >>> ARENA_HEAP_SHIFT)
                        .distinct()
                        .count(),
                arenas.byteSize(),
                arenas.use().residentBytes(),
                space.sum(AreaKind.JAVA_HEAP).byteSize(),
                space.mappings().stream().anyMatch(range -> range.fileName().equals("libjvm.so")),
                javaVersion(process, space.program()),
                ProcessSpace.hasMalloc4j(space),
                Runtime.getRuntime().availableProcessors());
    }

    /// The texts of a file that ends each with a zero byte.
    static List<String> texts(Path file) {
        try {
            List<String> texts = new ArrayList<>();
            for (String text : new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1).split("\0", -1)) {
                if (!text.isEmpty()) {
                    texts.add(text);
                }
            }
            return List.copyOf(texts);
        } catch (IOException unreadable) {
            return List.of();
        }
    }

    /// By the file `release` two levels above `bin/java`.
    private static String javaVersion(Path process, String program) {
        try {
            Path release = Path.of(process + "/root" + program).resolveSibling("../release");
            Matcher version = VERSION.matcher(Files.readString(release, StandardCharsets.ISO_8859_1));
            return version.find() ? version.group(1) : "";
        } catch (IOException | InvalidPathException unreadable) {
            return "";
        }
    }

    /// The first number of the version, 0 where that is not known.
    int javaFeature() {
        String first = javaVersion.replaceFirst("^1\\.", "").replaceFirst("[^0-9].*", "");
        return first.isEmpty() || first.length() > 4 ? 0 : Integer.parseInt(first);
    }

    /// Whether an option stands in the arguments, or in a variable from which a JVM takes some.
    boolean isTold(String option) {
        return arguments.stream().anyMatch(argument -> argument.contains(option))
                || environment.stream().anyMatch(variable -> variable.contains(option));
    }

    /// What a variable of the environment says, empty where it is not set.
    String variable(String name) {
        return environment.stream()
                .filter(variable -> variable.startsWith(name + "="))
                .map(variable -> variable.substring(name.length() + 1))
                .findFirst()
                .orElse("");
    }
}
