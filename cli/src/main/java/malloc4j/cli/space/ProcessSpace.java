package malloc4j.cli.space;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import malloc4j.cli.CliException;
import malloc4j.cli.attach.DiagnosticCommands;
import malloc4j.observe.MemoryUse;
import malloc4j.observe.OwnedRange;
import malloc4j.process.AddressSpace;

/// A process's memory with what the process itself was asked: what `who` and `map` show.
///
/// ```
///   /proc/PID  ---------------------->  AddressSpace: whose each byte is
///   the JVM's books, where it keeps any  ---^            NativeMemory
/// ```
///
/// A process that is asked and does not answer is seen from outside all the same, and the notes say so.
///
/// @param space the memory
/// @param books of its JVM
/// @param notes what could not be told, a sentence each
public record ProcessSpace(AddressSpace space, NativeMemory books, List<String> notes) {
    private static final String ROOT = "/memfd:malloc4j-root";
    private static final int READINGS = 4;

    private static final String BOOKS = "-XX:NativeMemoryTracking=";

    /// Where among a JVM's arguments it may be told to keep books out of sight: in a file.
    private static final Pattern ARGUMENT_FILE = Pattern.compile("-XX:Flags=|-XX:VMOptionsFile=|\\x00@");

    /// This process, which need not be asked.
    public static ProcessSpace ofThisProcess() {
        AddressSpace space = AddressSpace.ofThisProcess();
        return new ProcessSpace(space, NativeMemory.NONE, space.notes());
    }

    /// Another process.
    ///
    /// @param asks whether it may be asked; else it is seen from outside alone
    /// @throws malloc4j.process.UnreadableProcessException if it cannot be read
    public static ProcessSpace of(long pid, boolean asks) {
        Answers answers = new Answers();
        if (asks && pid != ProcessHandle.current().pid()) {
            answers.ask(pid);
        }
        AddressSpace space = AddressSpace.of(pid, answers.ranges);
        for (int reading = 1; reading < READINGS && !agrees(space); reading++) {
            space = AddressSpace.of(pid, answers.ranges); // it has changed while it was read
        }
        List<String> notes = new ArrayList<>(answers.notes);
        notes.addAll(space.notes());
        return new ProcessSpace(space, answers.books, notes);
    }

    /// Whether a process uses malloc4j: it has made a heap.
    public static boolean hasMalloc4j(AddressSpace space) {
        return space.mappings().stream().anyMatch(range -> range.path().equals(ROOT));
    }

    private static boolean agrees(AddressSpace space) {
        return space.rollup().map(MemoryUse::residentBytes).orElse(space.total().residentBytes())
                == space.total().residentBytes();
    }

    /// What a process answers.
    private static final class Answers {
        private NativeMemory books = NativeMemory.NONE;
        private final List<OwnedRange> ranges = new ArrayList<>();
        private final List<String> notes = new ArrayList<>();

        void ask(long pid) {
            Path process = Path.of("/proc", Long.toString(pid));
            String mappings = text(process.resolve("maps"));
            if (!mappings.contains("/libjvm.so")) {
                return;
            }
            try {
                String arguments = text(process.resolve("cmdline"));
                if ((arguments + text(process.resolve("environ"))).contains(BOOKS)
                        || ARGUMENT_FILE.matcher(arguments).find()) {
                    askForBooks(DiagnosticCommands.of(pid));
                }
            } catch (CliException refused) {
                notes.add(refused.getMessage());
            }
        }

        private static String text(Path file) {
            try {
                return new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1);
            } catch (IOException unreadable) {
                return ""; // whoever reads the process says why
            }
        }

        private void askForBooks(DiagnosticCommands jvm) {
            String summary = jvm.run("VM.native_memory summary");
            books = NativeMemory.parse(summary);
            if (books.isOn()) {
                books = NativeMemory.parse(summary + jvm.run("VM.native_memory detail"));
                ranges.addAll(books.ranges());
            }
        }
    }
}
