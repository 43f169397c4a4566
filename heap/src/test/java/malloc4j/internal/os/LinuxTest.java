package malloc4j.internal.os;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// Compares our constants and numbers with the kernel's headers, where the package `linux-libc-dev` is installed.
class LinuxTest {
    private static final Path INCLUDE = Path.of("/usr/include");
    private static final Pattern DEFINE =
            Pattern.compile("#\\s*define\\s+(\\w+)\\s+(0x[0-9a-fA-F]+|\\d+)[uU]?(?=\\s|$).*");

    private static Map<String, Long> defines(List<Path> headers) throws IOException {
        Map<String, Long> defines = new HashMap<>();
        for (Path header : headers) {
            for (String line : Files.readAllLines(header)) {
                Matcher matcher = DEFINE.matcher(line);
                if (matcher.matches()) {
                    defines.putIfAbsent(matcher.group(1), Long.decode(matcher.group(2)));
                }
            }
        }
        return defines;
    }

    private static List<Path> headersOf(String directory) throws IOException {
        Path path = INCLUDE.resolve(directory);
        assumeTrue(Files.isDirectory(path), "no kernel headers");
        try (Stream<Path> files = Files.list(path)) {
            return files.filter(file -> file.toString().endsWith(".h")).sorted().toList();
        }
    }

    private static void compare(Map<String, Long> ours, Map<String, Long> headers, int atLeast) {
        ours.keySet().retainAll(headers.keySet());
        assertThat(ours).hasSizeGreaterThanOrEqualTo(atLeast);
        assertThat(headers).containsAllEntriesOf(ours);
    }

    @Test
    void constantsAreThoseOfTheHeaders() throws IOException {
        Map<String, Long> headers = defines(headersOf("asm-generic"));
        for (String name : List.of("mman.h", "memfd.h", "falloc.h", "fcntl.h")) {
            defines(List.of(INCLUDE.resolve("linux").resolve(name))).forEach(headers::putIfAbsent);
        }
        Map<String, Long> ours = FlagNames.constants("");
        if (System.getProperty("os.arch").equals("aarch64")) {
            ours.keySet().removeAll(Set.of("O_DIRECT", "O_DIRECTORY", "O_NOFOLLOW")); // the generic header is x86-64's
        }
        compare(ours, headers, 70);
    }

    @Test
    void errnosAreThoseOfTheHeaders() throws Exception {
        Map<String, Long> headers = defines(headersOf("asm-generic"));
        Map<String, Long> ours = new HashMap<>();
        for (var field : Errno.class.getFields()) {
            ours.put(field.getName(), field.getLong(null));
        }
        compare(ours, headers, 30);
    }

    @Test
    void numbersForX8664AreThoseOfTheHeader() throws IOException {
        Path header = INCLUDE.resolve("x86_64-linux-gnu/asm/unistd_64.h");
        assumeTrue(Files.exists(header), "no kernel headers");
        compareNumbers(Architecture.X86_64, defines(List.of(header)));
    }

    @Test
    void numbersForAarch64AreThoseOfTheGenericHeader() throws IOException {
        Path header = INCLUDE.resolve("asm-generic/unistd.h");
        assumeTrue(Files.exists(header), "no kernel headers");
        Map<String, Long> numbers = new HashMap<>();
        defines(List.of(header)).forEach((name, number) -> numbers.put(name.replace("__NR3264_", "__NR_"), number));
        compareNumbers(Architecture.AARCH64, numbers);
    }

    private static void compareNumbers(Architecture architecture, Map<String, Long> header) {
        for (SystemCall call : SystemCall.values()) {
            assertThat(header).containsEntry("__NR_" + call.kernelName(), (long) call.number(architecture));
        }
    }
}
