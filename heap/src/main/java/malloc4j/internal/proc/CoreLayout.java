package malloc4j.internal.proc;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// Reads the [ProcessLayout] of a process that has died from its core: what was mapped, and whose it was as far as
/// files' names, this library's records and glibc's own headers tell. What was resident a core does not say.
public final class CoreLayout {
    private CoreLayout() {}

    /// Reads it.
    ///
    /// @throws BrokenCoreException if it is no core, or one that cannot be understood
    /// @throws IOException if it cannot be read
    public static ProcessLayout read(Path file) throws IOException {
        try (CoreImage core = CoreImage.open(file)) {
            Mappings mappings = core.mappings();
            List<String> notes = new ArrayList<>();
            notes.add(
                    "a core does not tell what was resident, where threads had their stacks, nor what the JVM's areas were");
            if (core.isCut()) {
                notes.add("the core file is cut: it ends before what its headers say is in it");
            }
            Labels labels = new Labels(core.pageBytes());
            ProcessMemory memory = ProcessMemory.of(core);
            if (!OtherHeaps.label(memory, mappings, labels, core.pageBytes())) {
                notes.add("not all of malloc4j's memory is told there: some of it is anonymous here");
            }
            CHeap.label(memory, mappings, labels, core.pageBytes(), false);
            int program = mappings.indexAt(core.entry());
            String path = program < 0 ? "" : mappings.get(program).path();
            Names names = new Names(mappings, path, core.entry());
            return new ProcessLayout(
                    core.pid(),
                    core.name(),
                    path,
                    core.pageBytes(),
                    List.copyOf(mappings),
                    List.copyOf(LayoutReader.cut(mappings, labels, names, null)),
                    null,
                    0,
                    core.interpreter(),
                    notes);
        }
    }
}
