package malloc4j.cli.picture;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import malloc4j.cli.space.NativeMemory;
import malloc4j.cli.space.Part;
import malloc4j.cli.space.Parts;
import malloc4j.cli.space.ProcessSpace;
import malloc4j.process.AddressSpace;

/// What holds a process's memory, for people: a sentence, and a table with bars.
public final class PartsPicture {
    private static final int PERCENT = 100;
    private static final int TELLING = 3; // parts that the sentence names
    private static final double MUCH_UNKNOWN = 0.05;
    private static final int WIDE = 72; // letters that all columns take
    private static final int MAX_BAR = 30;
    private static final int MIN_BAR = 4;
    private static final int NAME_LETTERS = 22;
    private static final int FIGURES_LETTERS = 18; // resident and share, with the blanks between

    private final ProcessSpace process;
    private final List<Part> parts;

    public PartsPicture(ProcessSpace process) {
        this.process = process;
        this.parts = Parts.of(process);
    }

    /// What holds most of it, in a sentence.
    public String verdict() {
        AddressSpace space = process.space();
        String who = "Process " + space.pid() + " (" + Texts.printable(space.name()) + ") ";
        long all = space.total().residentBytes();
        if (all == 0) {
            return who + "has no memory of its own: a kernel thread, or a process that has ended.";
        }
        List<String> named = new ArrayList<>();
        long rest = all;
        for (Part part : parts.subList(0, Math.min(TELLING, parts.size()))) {
            if (part.residentBytes() > 0) {
                rest -= part.residentBytes();
                named.add(label(part) + " " + share(part.residentBytes(), all));
            }
        }
        return who + "has " + Texts.size(all) + " in memory: " + String.join(", ", named)
                + (rest > 0 ? ", the rest " + share(rest, all) : "") + ".";
    }

    private static String label(Part part) {
        return part.name().equals(Part.UNKNOWN) ? "memory of unknown owners" : Texts.printable(part.name());
    }

    private static String share(long bytes, long all) {
        double percent = (double) PERCENT * bytes / all;
        return String.format(Locale.ROOT, percent > 0 && percent < 1 ? "%.1f %%" : "%.0f %%", percent);
    }

    /// The parts, the largest first, and their sum. Parts of which nothing is in memory are left out.
    ///
    /// @param columns how many letters a line has room for: on a narrow terminal there are fewer columns
    public String table(int columns) {
        boolean isWide = columns >= WIDE;
        boolean hasBooks = process.books().isOn();
        int bar = Math.min(MAX_BAR, columns - NAME_LETTERS - FIGURES_LETTERS - (isWide ? WIDE - 2 * MAX_BAR : 0));
        List<String> headings = new ArrayList<>(List.of("part", " resident", " share"));
        if (isWide) {
            headings.add(" committed");
        }
        if (isWide && hasBooks) {
            headings.add(" NMT");
        }
        headings.add("");
        var table = new Texts.Table(headings.toArray(String[]::new));
        long all = process.space().total().residentBytes();
        long committed = 0;
        for (Part part : parts) {
            committed += part.committedBytes();
            if (part.residentBytes() > 0) {
                List<String> cells = figures(part.name(), part.residentBytes(), all);
                if (isWide) {
                    cells.add(Texts.size(part.committedBytes()));
                }
                if (isWide && hasBooks) {
                    cells.add(
                            part.nmtBytes().isPresent()
                                    ? Texts.size(part.nmtBytes().getAsLong())
                                    : "");
                }
                cells.add(bar(part.residentBytes(), all, bar));
                table.add(cells.toArray(String[]::new));
            }
        }
        List<String> sum = figures("all", all, all);
        if (isWide) {
            sum.add(Texts.size(committed));
        }
        while (sum.size() < headings.size()) {
            sum.add("");
        }
        table.add(sum.toArray(String[]::new));
        return table.toString(columns);
    }

    private static List<String> figures(String name, long bytes, long all) {
        String shown = Texts.printable(name);
        return new ArrayList<>(List.of(
                shown.length() > NAME_LETTERS ? shown.substring(0, NAME_LETTERS - 2) + ".." : shown,
                Texts.size(bytes),
                share(bytes, all)));
    }

    private static String bar(long bytes, long all, int letters) {
        return letters < MIN_BAR ? "" : "#".repeat((int) Math.ceil((double) letters * bytes / all));
    }

    /// What could not be told, and what would tell it.
    public List<String> notes() {
        List<String> notes = new ArrayList<>(process.notes());
        AddressSpace space = process.space();
        long changed = space.rollup()
                .map(rollup -> space.total().residentBytes() - rollup.residentBytes())
                .orElse(0L);
        if (changed != 0) {
            notes.add("it changed by " + Texts.size(Math.abs(changed)) + " while it was read");
        }
        if (unknown() > MUCH_UNKNOWN * space.total().residentBytes()) {
            notes.add(
                    "unknown is private memory that the program or a library has mapped itself, as allocators other than"
                            + " glibc's do");
        }
        boolean isJvm =
                space.mappings().stream().anyMatch(range -> range.fileName().equals("libjvm.so"));
        if (process.books().isOn()) {
            notes.add(books());
        } else if (isJvm) {
            notes.add("direct buffers, and what the JVM itself has by malloc, are among glibc's blocks: with"
                    + " -XX:NativeMemoryTracking=summary it tells how much");
        }
        return notes;
    }

    private long unknown() {
        return parts.stream()
                .filter(part -> part.name().equals(Part.UNKNOWN))
                .mapToLong(Part::residentBytes)
                .sum();
    }

    private String books() {
        long malloc = 0;
        for (NativeMemory.Category category : process.books().categories().values()) {
            malloc += category.mallocBytes();
        }
        long buffers = process.books().category("Other").mallocBytes();
        return "NMT: by malloc the JVM has " + Texts.size(malloc) + ", of that " + Texts.size(buffers)
                + " direct buffers and the like; the rest is among glibc's blocks"
                + (process.books().ranges().isEmpty()
                        ? "; where the collector's tables are tells -XX:NativeMemoryTracking=detail alone"
                        : "");
    }
}
