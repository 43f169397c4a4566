package malloc4j.cli.space;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import malloc4j.observe.Area;
import malloc4j.observe.AreaKind;
import malloc4j.observe.AreaKind.Group;
import malloc4j.observe.MappedRange;
import org.jspecify.annotations.Nullable;

/// Divides a process's memory into [Part]s. Every area is in exactly one, so the parts add up to what all mappings
/// hold.
///
/// Direct buffers are the one part that is no area: they are blocks of the C library's, and only the JVM's books count
/// them. As much as those say is taken off the blocks that glibc has mapped, then off its arenas, then off its main
/// heap.
public final class Parts {
    private static final String US = "malloc4j";
    private static final String GUARDS = "/memfd:malloc4j-guard";
    private static final String GUARDED = US + ": guarded blocks";
    private static final String HEAP = "heap ";
    private static final String MAPPED_BLOCKS = "glibc mapped blocks";
    private static final String ARENAS = "glibc arenas";
    private static final String MAIN_HEAP = "glibc main heap";
    private static final String DIRECT_BUFFERS = "direct buffers";

    /// The parts that the JVM's books count too, and what they call them.
    private static final Map<String, String> BOOKS = Map.of(
            "Java heap", "Java Heap",
            "code cache", "Code",
            "metaspace", "Metaspace",
            "class space", "Class",
            "CDS archive", "Shared class space",
            "GC structures", "GC",
            "thread stacks", "Thread");

    private final ProcessSpace process;
    private final boolean hasGlibc;
    private final Map<String, Sum> sums = new HashMap<>();

    private static final class Sum {
        private final Group group;
        private long residentBytes;
        private long byteSize;
        private long committedBytes;
        private int mappings;
        private @Nullable MappedRange last;

        Sum(Group group) {
            this.group = group;
        }

        void add(Area area) {
            residentBytes += area.use().residentBytes();
            byteSize += area.byteSize();
            committedBytes += area.mapping().isReserved() ? 0 : area.byteSize();
            mappings += area.mapping().equals(last) ? 0 : 1;
            last = area.mapping();
        }
    }

    private Parts(ProcessSpace process) {
        this.process = process;
        this.hasGlibc = process.space().mappings().stream()
                .anyMatch(range -> range.fileName().matches("libc(\\.so\\.6|-2\\.\\d+\\.so)"));
    }

    /// The parts of a process, the largest first.
    public static List<Part> of(ProcessSpace process) {
        Parts parts = new Parts(process);
        List<String> names = names(process);
        for (int index = 0; index < names.size(); index++) {
            parts.add(names.get(index), process.space().areas().get(index));
        }
        parts.takeOffDirectBuffers();
        return parts.sorted();
    }

    /// The name of the part that each area is in, in the order of the areas.
    public static List<String> names(ProcessSpace process) {
        Parts parts = new Parts(process);
        List<String> names = new ArrayList<>();
        List<Area> areas = process.space().areas();
        for (int index = 0; index < areas.size(); index++) {
            names.add(parts.isGuarded(index) ? GUARDED : parts.name(areas.get(index)));
        }
        return names;
    }

    private void add(String name, Area area) {
        sums.computeIfAbsent(name, unused -> new Sum(area.kind().group())).add(area);
    }

    /// What a part is called that an area is in.
    private String name(Area area) {
        AreaKind kind = area.kind();
        return switch (kind) {
            case JAVA_HEAP, METASPACE, CLASS_SPACE, CODE_CACHE, CDS_ARCHIVE, PERFORMANCE_DATA -> kind.label();
            case GC_TABLES -> "GC structures";
            case STACK, STACK_GUARD -> "thread stacks";
            case BREAK -> hasGlibc ? MAIN_HEAP : "brk heap";
            case C_ARENA -> ARENAS;
            case C_LARGE_BLOCK -> MAPPED_BLOCKS;
            case SLAB, LARGE_BLOCK, HUGE_BLOCK, FREE_PAGES -> US + ": " + heap(area.owner());
            case RECORDS, ZONE_RESERVE, MOAT -> US + ": bookkeeping";
            case MAPPED_FILE -> "mapped files";
            case SHARED_MEMORY -> isOurs(area.mapping()) ? GUARDED : "shared memory";
            case SECRET_MEMORY -> "secret memory";
            case ANONYMOUS, RESERVED -> area.owner().isEmpty() ? Part.UNKNOWN : area.owner();
            default ->
                switch (kind.group()) {
                    case PROGRAM -> "program";
                    case LIBRARIES -> "shared libraries";
                    default -> "kernel (vdso)";
                };
        };
    }

    private static boolean isOurs(MappedRange range) {
        return range.path().startsWith(GUARDS);
    }

    /// Whether it is a page among those of our guards: a block that is guarded, and lives.
    private boolean isGuarded(int index) {
        List<Area> areas = process.space().areas();
        Area area = areas.get(index);
        boolean isBehind = index > 0
                && areas.get(index - 1).end() == area.address()
                && isOurs(areas.get(index - 1).mapping());
        boolean isBefore = index + 1 < areas.size()
                && areas.get(index + 1).address() == area.end()
                && isOurs(areas.get(index + 1).mapping());
        return area.kind() == AreaKind.ANONYMOUS && isBehind && isBefore;
    }

    /// A heap's name for the word of its owner, `heap cache (3)`; its number where it has just come or goes, `heap 3`.
    private String heap(String owner) {
        if (!owner.startsWith(HEAP)) {
            return "free pages";
        }
        String heap = owner.substring(HEAP.length());
        return heap.matches("\\d+") ? owner : heap.replaceFirst(" \\(\\d+\\)$", "");
    }

    private void takeOffDirectBuffers() {
        long left = process.books().category("Other").mallocBytes();
        Sum buffers = new Sum(Group.JVM);
        for (String name : List.of(MAPPED_BLOCKS, ARENAS, MAIN_HEAP)) {
            Sum from = sums.get(name);
            if (from != null && left > 0) {
                long bytes =
                        Math.min(left, from.residentBytes) & -process.space().pageBytes();
                buffers.residentBytes += bytes;
                buffers.byteSize += bytes;
                buffers.committedBytes += bytes;
                from.residentBytes -= bytes;
                from.byteSize -= bytes;
                from.committedBytes -= bytes;
                left -= bytes;
            }
        }
        if (buffers.residentBytes > 0) {
            sums.put(DIRECT_BUFFERS, buffers);
        }
    }

    private List<Part> sorted() {
        List<Part> parts = new ArrayList<>();
        sums.forEach((name, sum) -> parts.add(new Part(
                name, sum.group, sum.residentBytes, sum.byteSize, sum.committedBytes, sum.mappings, books(name))));
        parts.sort(Comparator.comparingLong(Part::residentBytes)
                .thenComparingLong(Part::committedBytes)
                .reversed()
                .thenComparing(Part::name));
        return List.copyOf(parts);
    }

    private OptionalLong books(String name) {
        NativeMemory books = process.books();
        if (name.equals(DIRECT_BUFFERS)) {
            return OptionalLong.of(books.category("Other").mallocBytes());
        }
        String category = BOOKS.getOrDefault(name, "");
        return books.categories().containsKey(category)
                ? OptionalLong.of(books.category(category).mappedBytes())
                : OptionalLong.empty();
    }
}
