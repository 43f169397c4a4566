package malloc4j.internal.proc;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import malloc4j.internal.region.RootRecord;
import malloc4j.observe.HeapBook;
import malloc4j.observe.MappedRange;

/// Opens what [BooksReader] reads: a living process, or a core.
public final class OutsideReader {
    private OutsideReader() {}

    /// What was read, and of whom.
    ///
    /// @param pid 0 where a core does not tell
    /// @param roots how many copies of the library there are
    /// @param otherVersions of roots that cannot be read
    /// @param missingBytes of the books that should be there and are not
    /// @param untold how many heaps and huge blocks had no room in the root, ever
    public record Result(
            long pid,
            String name,
            List<HeapBook> heaps,
            int roots,
            Set<Integer> otherVersions,
            long missingBytes,
            long untold) {}

    /// Reads the books of a living process.
    ///
    /// @param process its directory, such as `/proc/4711`
    /// @throws NoSuchFileException if there is no such process
    /// @throws ProcessEndedException if it ended meanwhile
    /// @throws IOException if this one may not read it
    public static Result ofProcess(SystemFiles files, String process) throws IOException {
        ProcessStat first = ProcessStat.read(files, process);
        try {
            Result result = read(files, process, first);
            ProcessStat last = ProcessStat.read(files, process);
            boolean isOther = last.field(ProcessStat.START_TIME) != first.field(ProcessStat.START_TIME);
            if (isOther || (last.hasEnded() && !LivingThread.hasMemory(files, process))) {
                throw new ProcessEndedException(process); // or another one has its number by now
            }
            return result;
        } catch (ProcessEndedException | AccessDeniedException told) {
            throw told;
        } catch (IOException failure) {
            if (!LivingThread.hasMemory(files, process)) {
                throw new ProcessEndedException(process, failure);
            }
            throw failure;
        }
    }

    private static Result read(SystemFiles files, String process, ProcessStat stat) throws IOException {
        String directory = LivingThread.directory(files, process);
        Mappings mappings = new Mappings();
        if (stat.hasEnded() && !LivingThread.hasMemory(files, process)) {
            throw new ProcessEndedException(process);
        }
        if (LivingThread.hasMemory(files, process)) { // else a kernel thread
            try (InputStream maps = files.open(directory + "/maps")) {
                Smaps.Summary unused = Smaps.read(maps, mappings::append);
            }
        }
        if (mappings.stream().noneMatch(OutsideReader::isRoot)) {
            return new Result(stat.pid(), stat.name(), List.of(), 0, Set.of(), 0, 0);
        }
        long pageBytes = pageBytes(files, directory);
        try (PageStates states = PageStates.open(files, directory, pageBytes);
                ProcessMemory memory = ProcessMemory.open(files, directory, states)) {
            BooksReader.Books books = BooksReader.read(memory, mappings, pageBytes);
            List<HeapBook> heaps = new ArrayList<>();
            for (BooksReader.Found heap : books.heaps()) {
                heaps.add(heap.withResident(residentBytes(states, heap.ranges(), pageBytes)));
            }
            return result(stat.pid(), stat.name(), heaps, books);
        }
    }

    private static boolean isRoot(MappedRange range) {
        return range.path().equals(RootRecord.MAPPING);
    }

    private static long pageBytes(SystemFiles files, String directory) {
        try {
            long told = AuxiliaryVector.read(files, directory + "/auxv").value(AuxiliaryVector.AT_PAGESZ);
            return CoreImage.isPage(told) ? told : CoreImage.DEFAULT_PAGE_BYTES;
        } catch (IOException unreadable) {
            return CoreImage.DEFAULT_PAGE_BYTES;
        }
    }

    private static long residentBytes(PageStates states, List<BooksReader.Range> ranges, long pageBytes) {
        long pages = 0;
        for (BooksReader.Range range : ranges) {
            PageStates.Count count = states.count(range.address(), range.byteSize());
            if (count == null) {
                return -1;
            }
            pages += count.present();
        }
        return pages * pageBytes;
    }

    /// Reads the books of a core.
    ///
    /// @throws BrokenCoreException if it is none, or one that cannot be understood
    /// @throws IOException if it cannot be read
    public static Result ofCore(Path file) throws IOException {
        try (CoreImage core = CoreImage.open(file)) {
            ProcessMemory memory = ProcessMemory.of(core);
            BooksReader.Books books = BooksReader.read(memory, core.mappings(), core.pageBytes());
            List<HeapBook> heaps =
                    books.heaps().stream().map(BooksReader.Found::book).toList();
            return result(core.pid(), core.name(), heaps, books);
        } catch (FileNotFoundException refused) {
            throw new FileSystemException(file.toString(), null, refused.getMessage());
        }
    }

    private static Result result(long pid, String name, List<HeapBook> heaps, BooksReader.Books books) {
        return new Result(pid, name, heaps, books.roots(), books.otherVersions(), books.missingBytes(), books.untold());
    }
}
