package malloc4j.internal.proc;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import malloc4j.observe.Area;
import malloc4j.observe.AreaKind;
import malloc4j.observe.MappedRange;
import malloc4j.observe.MemoryUse;
import malloc4j.observe.MemoryUse.Figure;
import malloc4j.observe.OwnedRange;
import org.jspecify.annotations.Nullable;

/// Reads the [ProcessLayout] of a process: its mappings, and whose each byte of them is.
///
/// ```
///   smaps ----> Mappings -------------------------------------+
///   records of our zones ----> OwnAreas  --+                  |
///   another's root record ---> OtherHeaps--|                  |
///   tables of libjvm.so -----> HotSpot   --|                  |
///   stack pointers ----------> Threads   --+--> Labels -------+--> areas: each mapping, cut where the label changes
///   program headers ---------> ElfImage  --|                  |
///   malloc's own headers ----> CHeap     --+                  |
///   what nobody labels: by its name and rights (Names) -------+
/// ```
///
/// The sources speak in this order, the surest first, and the first to label a byte has it.
public final class LayoutReader {
    private static final long DEFAULT_PAGE_BYTES = 4096;

    private static final int ATTEMPTS = 3;

    private final SystemFiles files;
    private final String process;
    private final String directory; // of the process, or of a thread of it that runs
    private final boolean isThisProcess;
    private final List<OwnedRange> told;
    private final ProcessStat identity;
    private final ProcessStat stat;
    private final AuxiliaryVector auxiliary;
    private final long pageBytes;
    private final String program;

    private final Mappings mappings = new Mappings();
    private final List<String> notes = new ArrayList<>();
    private final Map<String, Boolean> deletedNames = new HashMap<>();

    private LayoutReader(SystemFiles files, String process, boolean isThisProcess, List<OwnedRange> told)
            throws IOException {
        this.files = files;
        this.process = process;
        this.isThisProcess = isThisProcess;
        this.told = told;
        this.identity = ProcessStat.read(files, process);
        this.directory = LivingThread.directory(files, process);
        this.stat = ProcessStat.read(files, directory);
        this.auxiliary = readAuxiliary(files, directory);
        long toldPageBytes = auxiliary.value(AuxiliaryVector.AT_PAGESZ);
        this.pageBytes = toldPageBytes == 0 ? DEFAULT_PAGE_BYTES : toldPageBytes;
        this.program = readProgram(files, directory);
    }

    /// Reads a process's layout.
    ///
    /// @param directory of the process, such as `/proc/4711`
    /// @param isThisProcess whether it is the one this runs in, whose zones are known
    /// @param told what was told of it already, which nobody else is asked of
    /// @throws java.nio.file.NoSuchFileException if there is no such process
    /// @throws ProcessEndedException if it ended meanwhile
    /// @throws IOException if this one may not read it
    public static ProcessLayout read(SystemFiles files, String directory, boolean isThisProcess, List<OwnedRange> told)
            throws IOException {
        ProcessStat first = readFirst(files, directory);
        try {
            for (int attempt = 1; ; attempt++) {
                LayoutReader reader = new LayoutReader(files, directory, isThisProcess, told);
                reader.checkIdentity(first);
                ProcessLayout layout = reader.read();
                boolean isWhole = !layout.mappings().isEmpty()
                        || LivingThread.directory(files, directory).equals(reader.directory);
                if (isWhole || attempt == ATTEMPTS) {
                    return layout; // or else its thread has ended while it was read, and another one runs
                }
            }
        } catch (ProcessEndedException ended) {
            throw ended;
        } catch (IOException failure) {
            if (!LivingThread.hasMemory(files, directory)) {
                throw new ProcessEndedException(directory, failure);
            }
            throw failure;
        }
    }

    /// What the process is at first. One that ends between the opening of a file and its reading has no such file after
    /// that.
    private static ProcessStat readFirst(SystemFiles files, String directory) throws IOException {
        try {
            return ProcessStat.read(files, directory);
        } catch (NoSuchFileException | AccessDeniedException told) {
            throw told;
        } catch (IOException failure) {
            if (!files.exists(directory + "/stat")) {
                throw new ProcessEndedException(directory, failure);
            }
            throw failure;
        }
    }

    private ProcessLayout read() throws IOException {
        MemoryUse rollup = readRollup();
        readMappings();
        List<Area> areas = readOwners();
        checkIdentity(ProcessStat.read(files, process));
        return new ProcessLayout(
                identity.pid(),
                identity.name(),
                program,
                pageBytes,
                List.copyOf(mappings),
                areas,
                rollup,
                stat.field(ProcessStat.START_BREAK),
                auxiliary.value(AuxiliaryVector.AT_BASE),
                List.copyOf(notes));
    }

    // What the process is.

    private static AuxiliaryVector readAuxiliary(SystemFiles files, String directory) {
        try {
            return AuxiliaryVector.read(files, directory + "/auxv");
        } catch (IOException unreadable) {
            return AuxiliaryVector.NONE;
        }
    }

    private static String readProgram(SystemFiles files, String directory) {
        try {
            String program = files.link(directory + "/exe");
            boolean isNamed = files.linkCount(directory + "/exe") > 0;
            return isNamed ? program : program.replaceFirst(" \\(deleted\\)$", "");
        } catch (IOException | UnsupportedOperationException unreadable) {
            return ""; // the address of its code tells too
        }
    }

    private void checkIdentity(ProcessStat other) throws IOException {
        if (other.field(ProcessStat.START_TIME) != identity.field(ProcessStat.START_TIME)) {
            throw new ProcessEndedException(process); // another one has its number by now
        }
    }

    // The mappings.

    private void readMappings() throws IOException {
        String file = directory + "/smaps";
        if (!files.exists(file)) {
            notes.add("this kernel has no smaps: nothing tells what the mappings hold");
            file = directory + "/maps";
        }
        try (InputStream in = openMappings(file)) {
            Smaps.Summary summary = Smaps.read(in, range -> mappings.append(named(range)));
            if (summary.unknownLines() > 0) {
                notes.add(summary.unknownLines() + " lines of " + file + " made no sense");
            }
            noteUntold(summary.told());
        }
        if (mappings.overlaps() > 0) {
            notes.add(mappings.overlaps() + " mappings changed while they were read");
        }
    }

    /// The same range, without the kernel's word for a file that is gone where it is there, and its name ends so.
    private MappedRange named(MappedRange range) {
        if (!range.isDeleted() || range.inode() == 0) {
            return range;
        }
        boolean isThere = deletedNames.computeIfAbsent(
                Names.file(range), unused -> isFile(range.name(), range) || isFile(Names.decoded(range.name()), range));
        return isThere ? range.withName() : range;
    }

    private boolean isFile(String path, MappedRange range) {
        return files.isFile(process + "/root" + path, range.inode());
    }

    /// Newer kernels have no such process where one has no memory: a kernel's thread, or what has ended.
    private InputStream openMappings(String file) throws IOException {
        try {
            return files.open(file);
        } catch (AccessDeniedException | NoSuchFileException refused) {
            throw refused;
        } catch (FileSystemException noMemory) {
            if (!LivingThread.hasMemory(files, process)) {
                return InputStream.nullInputStream();
            }
            throw noMemory;
        }
    }

    private void noteUntold(Set<Figure> told) {
        String untold = Set.of(Figure.values()).stream()
                .filter(figure -> !told.contains(figure))
                .sorted()
                .map(Figure::smapsName)
                .collect(Collectors.joining(", "));
        if (!untold.isEmpty() && !told.isEmpty()) {
            notes.add("this kernel does not tell " + untold);
        }
    }

    private @Nullable MemoryUse readRollup() {
        List<MappedRange> whole = new ArrayList<>();
        try (InputStream in = files.open(directory + "/smaps_rollup")) {
            Smaps.Summary unused = Smaps.read(in, whole::add);
        } catch (IOException unreadable) {
            return null; // before Linux 4.14, or a process without memory
        }
        return whole.isEmpty() ? null : whole.getFirst().use();
    }

    // The owners.

    private List<Area> readOwners() throws IOException {
        Labels labels = new Labels(pageBytes);
        told.forEach(range -> labels.add(range.address(), range.end(), range.kind(), range.owner(), range.detail()));
        if (isThisProcess) {
            OwnAreas.label(labels);
        }
        try (PageStates states = PageStates.open(files, directory, pageBytes)) {
            Threads threads = new Threads(files, process);
            if (!directory.equals(process)) {
                threads.leaveOut((int) identity.pid()); // it has ended, and has no stack any more
            }
            labelByMemory(labels, states, threads);
            if (!states.isKnown() && !mappings.isEmpty()) {
                notes.add("not permitted to read " + directory
                        + "/pagemap: what parts of a mapping hold is told by their sizes");
            }
            return List.copyOf(cut(mappings, labels, names(), states));
        }
    }

    /// What the process's memory itself tells, where this process may read it.
    private void labelByMemory(Labels labels, PageStates states, Threads threads) throws IOException {
        if (mappings.isEmpty()) {
            return;
        }
        try (ProcessMemory memory = ProcessMemory.open(files, directory, states)) {
            if (!isThisProcess && !OtherHeaps.label(memory, mappings, labels, pageBytes)) {
                notes.add("not all of malloc4j's memory is told there: some of it is anonymous here");
            }
            labelJvm(memory, threads, labels);
            threads.labelStacks(mappings, labels);
            if (threads.countWithoutStack() > 0) {
                notes.add(threads.countWithoutStack() + " of " + threads.count()
                        + " threads did not tell where their stacks are: they were running, or may not be asked");
            }
            labelBss(memory, labels);
            CHeap.label(memory, mappings, labels, pageBytes);
            labelBesideMetaspace(labels);
        } catch (FileSystemException refused) {
            notes.add("not permitted to read " + directory
                    + "/mem (ptrace): stacks, the JVM's areas, bss and C heaps are anonymous here");
        }
    }

    private void labelJvm(ProcessMemory memory, Threads threads, Labels labels) {
        MappedRange library = HotSpot.library(mappings);
        if (library != null) {
            try {
                ElfImage image = ElfImage.at(memory, library.address(), pageBytes);
                notes.addAll(HotSpot.label(memory, image, mappings, threads, labels));
            } catch (IOException untold) {
                notes.add("the JVM's areas are anonymous here: " + untold.getMessage());
            }
        }
    }

    /// The kernel makes one mapping of metaspace and what the C library has mapped beside it. What neither has told
    /// of it may be either's.
    private void labelBesideMetaspace(Labels labels) {
        for (Labels.Label label : List.copyOf(labels.inOrder())) {
            int index = label.kind() == AreaKind.METASPACE ? mappings.indexAt(label.start()) : -1;
            if (index >= 0 && mappings.get(index).isWritable()) {
                MappedRange range = mappings.get(index);
                labels.add(range.address(), range.end(), AreaKind.ANONYMOUS, "metaspace or C heap", "");
            }
        }
    }

    private void labelBss(ProcessMemory memory, Labels labels) {
        Set<String> executables = Names.executables(mappings);
        Names names = names();
        for (MappedRange range : mappings) {
            if (range.fileOffset() == 0 && executables.contains(Names.file(range))) {
                AreaKind kind = names.isProgram(range) ? AreaKind.PROGRAM_BSS : AreaKind.LIBRARY_BSS;
                for (ElfImage.Range bss : bss(memory, range)) {
                    if (adjoins(range, bss)) {
                        labels.add(bss.start(), bss.end(), kind, range.fileName(), "");
                    }
                }
            }
        }
    }

    private Names names() {
        return new Names(mappings, program, stat.field(ProcessStat.START_CODE));
    }

    /// Whether a range is what a loader makes of an image's bss: memory of no file, without a gap, right behind data of
    /// the image. A file that was only mapped may say anything in its headers.
    private boolean adjoins(MappedRange image, ElfImage.Range bss) {
        int index = mappings.indexAt(bss.start() - 1);
        while (index >= 0 && isPlain(mappings.get(index))) {
            index = mappings.below(index) == null ? -1 : index - 1;
        }
        if (index < 0
                || !mappings.get(index).isOfSameFile(image)
                || mappings.get(index).isExecutable()) {
            return false;
        }
        long end = bss.start();
        while (end < bss.end()) {
            index = mappings.indexAt(end);
            if (index < 0 || !isPlain(mappings.get(index))) {
                return false;
            }
            end = mappings.get(index).end();
        }
        return true;
    }

    private static boolean isPlain(MappedRange range) {
        return range.isAnonymous()
                || range.name().equals("[heap]"); // which follows the program's bss, or is one with it
    }

    private List<ElfImage.Range> bss(ProcessMemory memory, MappedRange first) {
        try {
            return ElfImage.at(memory, first.address(), pageBytes).bss();
        } catch (IOException notAnImage) { // executable data, such as a code cache in a file
            return List.of();
        }
    }

    // Cutting mappings where the owner changes.

    private record Part(long address, long end, AreaKind kind, String owner, String detail) {}

    /// @param states null where nothing is known of pages
    static List<Area> cut(Mappings mappings, Labels labels, Names names, @Nullable PageStates states) {
        List<Area> cut = new ArrayList<>(mappings.size());
        Iterator<Labels.Label> each = labels.inOrder().iterator();
        Labels.@Nullable Label label = each.hasNext() ? each.next() : null;
        List<Part> parts = new ArrayList<>();
        for (MappedRange range : mappings) {
            parts.clear();
            long address = range.address();
            while (Long.compareUnsigned(address, range.end()) < 0) {
                while (label != null && Long.compareUnsigned(label.end(), address) <= 0) {
                    label = each.hasNext() ? each.next() : null;
                }
                Part part = label == null || Long.compareUnsigned(label.start(), address) > 0
                        ? named(range, address, label, names)
                        : labelled(range, address, label);
                parts.add(part);
                address = part.end();
            }
            addAreas(cut, range, parts, states);
        }
        return cut;
    }

    /// What nobody has labelled, up to the next label or the mapping's end.
    private static Part named(MappedRange range, long address, Labels.@Nullable Label next, Names names) {
        long end = next == null ? range.end() : lower(next.start(), range.end());
        return new Part(address, end, names.kind(range), names.owner(range), names.detail(range));
    }

    private static Part labelled(MappedRange range, long address, Labels.Label label) {
        boolean isGuard = label.kind() == AreaKind.STACK && range.isReserved();
        AreaKind kind = isGuard ? AreaKind.STACK_GUARD : label.kind();
        return new Part(address, lower(label.end(), range.end()), kind, label.owner(), label.detail());
    }

    private static long lower(long address, long other) {
        return Long.compareUnsigned(address, other) < 0 ? address : other;
    }

    private static void addAreas(List<Area> areas, MappedRange range, List<Part> parts, @Nullable PageStates states) {
        MemoryUse[] uses;
        if (parts.size() == 1) {
            uses = new MemoryUse[] {range.use()};
        } else {
            uses = divide(range, parts, states);
        }
        for (int index = 0; index < uses.length; index++) {
            Part part = parts.get(index);
            areas.add(new Area(
                    part.address(),
                    part.end() - part.address(),
                    part.kind(),
                    part.owner(),
                    part.detail(),
                    uses[index],
                    range));
        }
    }

    private static MemoryUse[] divide(MappedRange range, List<Part> parts, @Nullable PageStates states) {
        long[] byteSizes = new long[parts.size()];
        long[] present = new long[parts.size()];
        long[] swapped = new long[parts.size()];
        boolean isCounted = states != null && !range.use().equals(MemoryUse.NONE);
        for (int index = 0; index < byteSizes.length; index++) {
            Part part = parts.get(index);
            byteSizes[index] = part.end() - part.address();
            PageStates.Count count =
                    states != null && isCounted ? states.count(part.address(), byteSizes[index]) : null;
            isCounted = count != null;
            present[index] = count == null ? 0 : count.present();
            swapped[index] = count == null ? 0 : count.swapped();
        }
        return Split.divide(range.use(), byteSizes, isCounted ? present : null, isCounted ? swapped : null);
    }
}
