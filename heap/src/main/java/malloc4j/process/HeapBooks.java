package malloc4j.process;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import malloc4j.internal.memory.Sizes;
import malloc4j.internal.proc.BrokenCoreException;
import malloc4j.internal.proc.OutsideReader;
import malloc4j.internal.proc.SystemFiles;
import malloc4j.observe.HeapBook;

/// The heaps of another process as their books tell, which are memory and are read from outside: the process need not
/// answer. It may be stopped, hang in native code or at a safepoint, let nobody attach, or have died and left a core
/// file. Nothing in it is run, stopped or changed.
///
/// ```java
/// import malloc4j.observe.HeapBook;
/// import malloc4j.process.HeapBooks;
///
/// void main() {
///     long pid = ProcessHandle.current().pid(); // or any other's, that stands still
///     for (HeapBook heap : HeapBooks.of(pid).heaps()) {
///         IO.println(heap.name() + ": " + heap.liveBlocks() + " live blocks");
///     }
/// }
/// ```
///
/// Of a process that stands still the numbers are those that [malloc4j.Heap#footprint] and [malloc4j.Heap#snapshot]
/// would give in it. One that runs on changes while it is read: then sums hold all the same, and what was changing
/// hands counts as that.
///
/// A living process must be one that this process may trace (`PTRACE_MODE_ATTACH`, see `yama.ptrace_scope`). Needs no
/// native access. Cost: some milliseconds, and 30 for each GiB of heap; ten times that in a JVM that has just begun.
///
/// @since 0.1.0
public final class HeapBooks {
    private final long pid;
    private final String name;
    private final boolean isCore;
    private final OutsideReader.Result result;

    private HeapBooks(long pid, String name, boolean isCore, OutsideReader.Result result) {
        this.pid = pid;
        this.name = name;
        this.isCore = isCore;
        this.result = result;
    }

    /// Reads the books of a living process.
    ///
    /// @param pid its number, 1 or more
    /// @throws IllegalArgumentException if `pid` is below 1
    /// @throws UnreadableProcessException if there is no such process (`ENOENT`), it ended while it was read
    ///     (`ESRCH`), or this one may not read its memory (`EACCES`)
    public static HeapBooks of(long pid) {
        if (pid < 1) {
            throw new IllegalArgumentException("pid " + pid + ": must be 1 or more");
        }
        String directory = "/proc/" + pid;
        try {
            OutsideReader.Result result = OutsideReader.ofProcess(SystemFiles.LIVE, directory);
            return new HeapBooks(pid, result.name(), false, result);
        } catch (IOException failure) {
            throw UnreadableProcessException.of(SystemFiles.LIVE, directory, "mem", failure);
        }
    }

    /// Reads the books of a process that has died from its core file.
    ///
    /// @throws UnreadableCoreException if it is no core, or one that cannot be understood
    /// @throws IOException if it cannot be read
    public static HeapBooks ofCore(Path core) throws IOException {
        try {
            OutsideReader.Result result = OutsideReader.ofCore(core);
            return new HeapBooks(result.pid(), result.name(), true, result);
        } catch (BrokenCoreException broken) {
            throw new UnreadableCoreException(String.valueOf(broken.getMessage()));
        }
    }

    /// The number of the process, 0 where a core does not tell.
    public long pid() {
        return pid;
    }

    /// Its name, up to 15 letters.
    public String name() {
        return name;
    }

    /// Whether this is of a core file, of which nobody can tell what was resident.
    public boolean isCore() {
        return isCore;
    }

    /// The open heaps, of each copy of the library the oldest first.
    public List<HeapBook> heaps() {
        return result.heaps();
    }

    /// How many copies of the library there are: one for each class loader that has it, and has made a heap.
    public int libraries() {
        return result.roots();
    }

    /// The versions that such copies' books are written in, of those that cannot be read here.
    public Set<Integer> otherVersions() {
        return result.otherVersions();
    }

    /// How many bytes of the books should be there and are not, as in a core that was cut: then the heaps are told in
    /// part.
    public long missingBytes() {
        return result.missingBytes();
    }

    /// What could not be told, a sentence each.
    public List<String> notes() {
        List<String> notes = new ArrayList<>();
        if (result.missingBytes() > 0) {
            notes.add("of the books " + Sizes.text(result.missingBytes())
                    + (isCore
                            ? " are not in the core file (cut, or kept out by coredump_filter)"
                            : " could not be read")
                    + ": the heaps are told in part");
        }
        if (!result.otherVersions().isEmpty() && !heaps().isEmpty()) {
            notes.add("another copy of malloc4j there keeps its books as a version that is unknown here");
        }
        if (result.untold() > 0) {
            notes.add(String.format(
                    Locale.ROOT,
                    "%,d heaps or huge blocks had no room in the books: some may be missing",
                    result.untold()));
        }
        return notes;
    }

    /// One line.
    @Override
    public String toString() {
        return "HeapBooks[pid=" + pid + ", name=" + name.replaceAll("[\\p{Cc}\\p{Cf}]", "?") + ", isCore=" + isCore
                + ", heaps=" + heaps().size() + "]";
    }
}
