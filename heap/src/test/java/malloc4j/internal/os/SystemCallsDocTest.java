package malloc4j.internal.os;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaMethodCall;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/// Keeps `docs/system-calls.md` equal to the tables [SystemCall] and [LibraryFunction], and those equal to the code.
///
/// `mvn -pl heap test -Dtest=SystemCallsDocTest -Ddocs.regenerate=true` writes the file anew.
class SystemCallsDocTest {
    private static final Path FILE = Path.of(System.getProperty("basedir", ".")).resolve("../docs/system-calls.md");

    @Test
    void theDocumentIsTheGeneratedOne() throws IOException {
        String generated = generate();
        if (Boolean.getBoolean("docs.regenerate")) {
            Files.createDirectories(FILE.getParent());
            Files.writeString(FILE, generated);
        }
        assertThat(Files.readString(FILE))
                .as("docs/system-calls.md is out of date: run this test with -Ddocs.regenerate=true")
                .isEqualTo(generated);
    }

    @Test
    void everyFlagIsAConstant() {
        Pattern constant = Pattern.compile("\\b[A-Z]+_[A-Z0-9_]+\\b");
        for (SystemCall call : SystemCall.values()) {
            List<String> flags = constant.matcher(call.flags())
                    .results()
                    .map(MatchResult::group)
                    .toList();
            assertThat(FlagNames.constants("").keySet()).as(call.kernelName()).containsAll(flags);
        }
    }

    @Test
    void everyPackageThatMakesACallIsListed() {
        for (JavaClass caller : new ClassFileImporter()
                .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
                .importPackages("malloc4j")) {
            String callerPackage =
                    caller.getPackageName().substring(caller.getPackageName().lastIndexOf('.') + 1);
            for (JavaMethodCall made : caller.getMethodCallsFromSelf()) {
                if (!callerPackage.equals("os") && made.getTargetOwner().isAssignableTo(SystemCalls.class)) {
                    systemCallOf(made.getName()).forEach(call -> assertThat(
                                    Arrays.asList(call.callers().split(", ")))
                            .as(call + " is made by " + made.getOriginOwner().getName())
                            .contains(callerPackage));
                }
            }
        }
    }

    /// The kernel's call behind a method of [SystemCalls]; none for the C library's functions.
    private static List<SystemCall> systemCallOf(String method) {
        String name =
                switch (method) {
                    case "open", "unlink", "link" -> method + "at";
                    case "prlimit" -> "prlimit64";
                    default -> method.replaceAll("([A-Z])", "_$1").toLowerCase(Locale.ROOT);
                };
        return Arrays.stream(SystemCall.values())
                .filter(call -> call.kernelName().equals(name))
                .toList();
    }

    @Test
    void everyMethodIsInTheTables() {
        List<String> libraryFunctions = List.of("sbrk", "sysconf", "awaitCLibraryBreak", "instance");
        for (var method : SystemCalls.class.getMethods()) {
            assertThat(libraryFunctions.contains(method.getName())
                            || systemCallOf(method.getName()).size() == 1)
                    .as(method.getName())
                    .isTrue();
        }
        assertThat(SystemCalls.class.getMethods()).hasSize(SystemCall.values().length + 3);
    }

    private static String generate() {
        StringBuilder text = new StringBuilder("""
                # System calls

                Every call malloc4j makes into the kernel and the C library, with the flags it passes, the packages that
                make it, and what happens when it fails. There are no others: all go through `LinuxCalls`. A JVM makes further
                calls of its own.

                <!-- Generated from SystemCall.java and LibraryFunction.java by SystemCallsDocTest; do not edit.
                     mvn -pl heap test -Dtest=SystemCallsDocTest -Ddocs.regenerate=true -->

                ## The kernel

                All are made through `syscall(2)`, so a seccomp filter or an audit sees exactly these names. Packages:
                `os` is `malloc4j.internal.os`, whose locks wait by the kernel;
                `region` is `malloc4j.internal.region`, where a heap's memory comes from; `span` is `malloc4j.internal.span`,
                which returns free pages; `cache` is `malloc4j.internal.cache`, the caches of threads; `linux` is `malloc4j.linux`, Linux memory for Java, whose calls are made only by
                programs that use it.

                | call | x86-64 | aarch64 | flags | by | for | when it fails |
                |---|---|---|---|---|---|---|
                """);
        for (SystemCall call : SystemCall.values()) {
            row(
                    text,
                    manual(call.kernelName().equals("prlimit64") ? "prlimit" : call.kernelName(), 2, call.kernelName()),
                    call.number(Architecture.X86_64),
                    call.number(Architecture.AARCH64),
                    code(call.flags()),
                    call.callers(),
                    call.purpose(),
                    call.onFailure());
        }
        text.append("""

                ## The C library

                | function | for | when it fails or is missing |
                |---|---|---|
                """);
        for (LibraryFunction function : LibraryFunction.values()) {
            row(
                    text,
                    manual(
                            function == LibraryFunction.MALLINFO2 ? "mallinfo" : function.symbol(),
                            function.manualSection(),
                            function.symbol()),
                    function.purpose(),
                    function.onFailure());
        }
        return text.toString();
    }

    private static void row(StringBuilder text, Object... cells) {
        text.append('|');
        for (Object cell : cells) {
            text.append(' ').append(cell).append(" |");
        }
        text.append('\n');
    }

    private static String manual(String page, int section, String name) {
        return "[`" + name + "`](https://man7.org/linux/man-pages/man" + section + "/" + page + "." + section
                + ".html)";
    }

    private static String code(String flags) {
        return flags.replaceAll("\\b([A-Z]+_[A-Z0-9_]+)\\b", "`$1`");
    }
}
