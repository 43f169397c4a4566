package malloc4j.cli.space;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import malloc4j.observe.AreaKind;
import malloc4j.observe.OwnedRange;

/// What a JVM's own books say, its native memory tracking: the answer to `jcmd PID VM.native_memory`, as text.
///
/// ```
/// -                 Java Heap (reserved=65536KB, committed=21504KB)
///                             (mmap: reserved=65536KB, committed=21504KB)
/// [0x00000000fc000000 - 0x0000000100000000] reserved 65536KB for Java Heap from       where it keeps details
/// ```
///
/// @param categories by the JVM's names of them
/// @param ranges what of them has addresses of its own
public record NativeMemory(Map<String, Category> categories, List<OwnedRange> ranges) {
    /// Nothing: it keeps no books.
    public static final NativeMemory NONE = new NativeMemory(Map.of(), List.of());

    private static final int KIB_SHIFT = 10;
    private static final Pattern CATEGORY =
            Pattern.compile("^-\\s+(\\S.*?) \\(reserved=\\d{1,15}KB, committed=\\d{1,15}KB[,)].*");
    private static final Pattern MALLOC = Pattern.compile("^\\s+\\(malloc=(\\d{1,15})KB.*");
    private static final Pattern MAPPED =
            Pattern.compile("^\\s+\\((?:mmap|stack): reserved=\\d{1,15}KB, committed=(\\d{1,15})KB.*");
    private static final Pattern RANGE =
            Pattern.compile("^\\[0x([0-9a-f]{1,16}) - 0x([0-9a-f]{1,16})\\] reserved.* for (\\S.*?)(?: from)?$");

    /// Those whose addresses nobody tells but the books, or not all of them.
    private static final Map<String, AreaKind> KINDS =
            Map.of("GC", AreaKind.GC_TABLES, "Metaspace", AreaKind.METASPACE, "Class", AreaKind.CLASS_SPACE);

    /// One category.
    ///
    /// @param mallocBytes the part of it that the C library's malloc has given
    /// @param mappedBytes the part of it that is committed in mappings; of stacks, what is in memory
    public record Category(long mallocBytes, long mappedBytes) {
        static final Category NONE = new Category(0, 0);
    }

    /// Reads the answer.
    ///
    /// @param text of `VM.native_memory summary`, `detail`, or both
    static NativeMemory parse(String text) {
        Map<String, Category> categories = new LinkedHashMap<>();
        List<OwnedRange> ranges = new ArrayList<>();
        String current = "";
        for (String line : text.lines().toList()) {
            Matcher category = CATEGORY.matcher(line);
            Matcher malloc = MALLOC.matcher(line);
            Matcher mapped = MAPPED.matcher(line);
            Matcher range = RANGE.matcher(line);
            if (category.matches()) {
                current = category.group(1).strip();
                categories.put(current, Category.NONE);
            } else if (malloc.matches() && categories.containsKey(current)) {
                long bytes = bytes(malloc.group(1));
                categories.computeIfPresent(current, (unused, found) -> new Category(bytes, found.mappedBytes()));
            } else if (mapped.matches() && categories.containsKey(current)) {
                long bytes = bytes(mapped.group(1));
                categories.computeIfPresent(current, (unused, found) -> new Category(found.mallocBytes(), bytes));
            } else if (range.matches()) {
                current = ""; // below are its pieces, not a category's
                addRange(ranges, range);
            }
        }
        return new NativeMemory(categories, List.copyOf(ranges));
    }

    private static void addRange(List<OwnedRange> ranges, Matcher range) {
        long start = Long.parseUnsignedLong(range.group(1), 16);
        long end = Long.parseUnsignedLong(range.group(2), 16);
        AreaKind kind = KINDS.get(range.group(3).strip());
        if (kind != null && start > 0 && end > start) {
            ranges.add(new OwnedRange(start, end - start, kind, "", ""));
        }
    }

    private static long bytes(String kib) {
        return Long.parseLong(kib) << KIB_SHIFT;
    }

    /// Whether the JVM keeps books.
    public boolean isOn() {
        return !categories.isEmpty();
    }

    /// One category, nothing where there is none of that name.
    public Category category(String name) {
        return categories.getOrDefault(name, Category.NONE);
    }
}
