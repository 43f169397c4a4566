package malloc4j.cli.picture;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Collectors;
import malloc4j.observe.Area;
import malloc4j.observe.AreaKind;
import malloc4j.observe.AreaKind.Group;
import malloc4j.observe.MemoryUse;
import malloc4j.observe.MemoryUse.Figure;
import malloc4j.process.AddressSpace;
import malloc4j.process.AddressSpace.Sum;
import org.jspecify.annotations.Nullable;

/// An [AddressSpace] for people: a drawing of its zones, a table of its areas, and what each owner has. The highest
/// addresses are at the top, as in the books.
public final class LayoutPicture {
    private static final int LEFT = 18; // letters of the drawing up to the inside of its wall
    private static final int INSIDE = 50; // letters between the walls of the drawing
    private static final int NARROW = 41; // the same on a narrow terminal
    private static final int TINY = 21; // the least
    private static final int WIDE_LABELS = 24;
    private static final int NAMES = LEFT + INSIDE + 1 + " program break".length(); // with what stands beside it
    private static final int MAX_CONTENTS = 6;
    private static final long HALF_OF_ADDRESSES = 1L << 62;

    private static final Sum NOTHING = new Sum(0, 0, MemoryUse.NONE);

    private LayoutPicture() {}

    private static Sum plus(Sum one, Sum other) {
        return new Sum(
                one.areaCount() + other.areaCount(),
                one.byteSize() + other.byteSize(),
                one.use().plus(other.use()));
    }

    // The drawing.

    /// A picture of the zones, some 30 lines: what lies in each, and the gaps.
    ///
    /// @param columns how many letters a line has room for, at least 40; below 60 what is in memory is all that is told
    public static String drawing(AddressSpace space, int columns) {
        return new Drawing(columns).of(space);
    }

    /// The lines of a drawing. Where there is no room beside it, the names of edges stand in them.
    private static final class Drawing {
        private final StringBuilder text = new StringBuilder();
        private final boolean isWide;
        private final boolean isTiny;
        private final int inside;
        private final int labels;
        private final String cells;

        Drawing(int columns) {
            isWide = columns >= NAMES;
            isTiny = columns < LEFT + NARROW + 1;
            inside = isWide ? INSIDE : Math.clamp(columns - LEFT - 1, TINY, INSIDE);
            labels = isWide ? WIDE_LABELS : inside - (isTiny ? 11 : 21);
            cells = isWide ? "   %-24s %9s  %9s" : " %-" + labels + "s %9s" + (isTiny ? "" : " %9s");
        }

        String of(AddressSpace space) {
            text.append(" ".repeat(LEFT))
                    .append((isTiny ? cells("", "", "resident") : cells("", "size", "resident")).stripTrailing())
                    .append('\n');
            @Nullable Zone above = null;
            for (Zone box : Zone.of(space)) {
                if (above != null) {
                    line(":", gap(box.end(), above.start()));
                }
                edge(box.end(), top(box, space));
                line("|", " " + box.name().toUpperCase(Locale.ROOT));
                box.contents().entrySet().stream()
                        .sorted(Comparator.comparingLong(entry -> -weight(entry.getValue())))
                        .limit(MAX_CONTENTS)
                        .forEach(entry -> line("|", contents(entry.getKey(), entry.getValue())));
                edge(box.start(), bottom(box, space));
                above = box;
            }
            if (above != null) {
                line(":", gap(0, above.start()));
                edge(0, "");
            }
            return text.toString();
        }

        private String contents(Group group, Sum sum) {
            String label = group == Group.ANONYMOUS ? "anonymous, reserved" : group.label();
            long resident = sum.use().residentBytes();
            return cells(label, Texts.size(sum.byteSize()), resident == 0 ? "" : Texts.size(resident));
        }

        private String gap(long from, long to) {
            long byteSize = to - from;
            boolean cannotBe = byteSize < 0 || byteSize > HALF_OF_ADDRESSES;
            String label = cannotBe ? "not for programs" : "gap";
            return cells(label, Texts.size(byteSize), isTiny ? Texts.size(byteSize) : "");
        }

        private String cells(String label, String size, String resident) {
            String fitted = label.length() <= labels ? label : label.substring(0, labels - 2) + "..";
            return isTiny
                    ? String.format(Locale.ROOT, cells, fitted, resident)
                    : String.format(Locale.ROOT, cells, fitted, size, resident);
        }

        private void edge(long address, String name) {
            String shown = name.isEmpty() || isWide ? "" : "- " + name + " ";
            text.append(String.format(
                    Locale.ROOT, "%16s +%s+", Texts.hex(address), shown + "-".repeat(inside - shown.length())));
            text.append(name.isEmpty() || !isWide ? "" : " " + name).append('\n');
        }

        private void line(String wall, String content) {
            text.append(String.format(Locale.ROOT, "%17s%s%-" + inside + "s%s\n", "", wall, content, wall));
        }
    }

    private static long weight(Sum sum) {
        return Math.max(sum.use().residentBytes() << 8, sum.byteSize() >>> 8);
    }

    private static String top(Zone box, AddressSpace space) {
        return switch (box.place()) {
            case STACK -> "stack top";
            case MMAP -> box.end() == space.bases().mmapTop().orElse(0) ? "mmap top" : "";
            case BREAK -> "program break";
            default -> "";
        };
    }

    private static String bottom(Zone box, AddressSpace space) {
        return switch (box.place()) {
            case BREAK -> box.start() == space.bases().breakStart().orElse(0) ? "break start" : "";
            case PROGRAM -> "program start";
            default -> "";
        };
    }

    // The table.

    /// Areas side by side that are one thing to people.
    private static final class Row {
        private final Area first;
        private long start;
        private final long end;
        private MemoryUse use = MemoryUse.NONE;
        private final TreeSet<String> rights = new TreeSet<>(Comparator.reverseOrder());
        private final TreeSet<String> kinds = new TreeSet<>();
        private final TreeSet<String> details = new TreeSet<>();

        Row(Area top) {
            first = top;
            end = top.end();
            add(top);
        }

        boolean takes(Area area) {
            return area.end() == start && key(area).equals(key(first));
        }

        void add(Area area) {
            start = area.address();
            use = use.plus(area.use());
            rights.add(area.mapping().rights());
            kinds.add(area.kind().label());
            details.add(area.detail());
        }

        private static String key(Area area) {
            return switch (area.kind().group()) {
                case LIBRARIES, PROGRAM, STACKS -> area.kind().group() + area.owner();
                case FILES -> area.kind().label() + directory(area.detail());
                default -> area.kind().label() + area.owner();
            };
        }
    }

    /// A table: what lies side by side and has one owner is one line.
    ///
    /// @param columns how many letters a line has room for, at least 20; what is longer goes on in further lines
    public static String table(AddressSpace space, int columns) {
        MemoryUse total = space.total();
        boolean hasSwap = total.swappedBytes() > 0;
        boolean hasLocked = total.lockedBytes() > 0;
        boolean hasHuge = total.hugeBytes() > 0;
        List<String> headings = new ArrayList<>(List.of("address", " size", " resident", " dirty"));
        if (hasSwap) {
            headings.add(" swapped");
        }
        if (hasLocked) {
            headings.add(" locked");
        }
        if (hasHuge) {
            headings.add(" huge");
        }
        headings.addAll(List.of("rights", "what", "whose"));
        Texts.Table table = new Texts.Table(headings.toArray(String[]::new));
        @Nullable Row above = null;
        for (Row row : rows(space)) {
            if (above != null && above.start != row.end) {
                table.addLine("            . . . " + Texts.size(above.start - row.end));
            }
            List<String> cells = new ArrayList<>(List.of(
                    Texts.hex(row.start),
                    Texts.size(row.end - row.start),
                    Texts.size(row.use.residentBytes()),
                    Texts.size(row.use.dirtyBytes())));
            if (hasSwap) {
                cells.add(Texts.size(row.use.swappedBytes()));
            }
            if (hasLocked) {
                cells.add(Texts.size(row.use.lockedBytes()));
            }
            if (hasHuge) {
                cells.add(Texts.size(row.use.hugeBytes()));
            }
            cells.addAll(List.of(String.join(" ", row.rights), what(row), whose(row)));
            table.add(cells.toArray(String[]::new));
            above = row;
        }
        return table.toString(columns);
    }

    private static List<Row> rows(AddressSpace space) {
        List<Row> rows = new ArrayList<>();
        for (Area area : space.areas().reversed()) {
            if (!rows.isEmpty() && rows.getLast().takes(area)) {
                rows.getLast().add(area);
            } else {
                rows.add(new Row(area));
            }
        }
        return rows;
    }

    private static String what(Row row) {
        return switch (row.first.kind().group()) {
            case LIBRARIES -> "library";
            case PROGRAM -> "program";
            case STACKS -> row.kinds.contains(AreaKind.STACK.label()) ? "stack" : "stack guard";
            default -> row.first.kind().label();
        };
    }

    private static String whose(Row row) {
        String owner = Texts.printable(row.first.owner());
        String detail = Texts.printable(row.first.detail());
        return switch (row.first.kind().group()) {
            case LIBRARIES, PROGRAM -> owner;
            case FILES -> row.details.size() > 1 ? directory(detail) + ", " + row.details.size() + " files" : detail;
            case STACKS -> joined(owner, detail);
            default -> row.details.size() > 1 ? owner : joined(owner, detail);
        };
    }

    private static String joined(String owner, String detail) {
        return owner.isEmpty() || detail.isEmpty() ? owner + detail : owner + ", " + detail;
    }

    private static String directory(String path) {
        return path.substring(0, path.lastIndexOf('/') + 1);
    }

    // The sums.

    /// What each owner has: the groups that hold most come first.
    ///
    /// @param columns as for [#table]
    public static String sums(AddressSpace space, int columns) {
        Map<AreaKind, Sum> sums = space.sums();
        Map<Group, List<AreaKind>> groups = new EnumMap<>(Group.class);
        for (AreaKind kind : sums.keySet()) {
            groups.computeIfAbsent(kind.group(), unused -> new ArrayList<>()).add(kind);
        }
        Texts.Table table = new Texts.Table(
                "", "", " areas", " size", " resident", " proportional", " private", " dirty", " swapped");
        groups.entrySet().stream()
                .sorted(Comparator.comparingLong(entry -> -resident(entry.getValue(), sums)))
                .forEach(entry -> addGroup(table, entry.getKey(), entry.getValue(), sums, space));
        Sum all = sums.values().stream().reduce(NOTHING, LayoutPicture::plus);
        addRow(table, "all", "", all);
        return table.toString(columns);
    }

    private static long resident(List<AreaKind> kinds, Map<AreaKind, Sum> sums) {
        return kinds.stream()
                .mapToLong(kind -> sums.getOrDefault(kind, NOTHING).use().residentBytes())
                .sum();
    }

    private static void addGroup(
            Texts.Table table, Group group, List<AreaKind> kinds, Map<AreaKind, Sum> sums, AddressSpace space) {
        String label = group.label();
        List<AreaKind> sorted = kinds.stream()
                .sorted(Comparator.comparingLong(
                        kind -> -sums.getOrDefault(kind, NOTHING).use().residentBytes()))
                .collect(Collectors.toList());
        for (AreaKind kind : sorted) {
            if (group == Group.MALLOC4J) {
                for (Map.Entry<String, Sum> owner : space.sums(kind).entrySet()) {
                    addRow(
                            table,
                            label,
                            joined(kind.label(), owner.getKey().replaceFirst("^malloc4j$", "")),
                            owner.getValue());
                    label = "";
                }
            } else {
                addRow(table, label, kind.label(), sums.getOrDefault(kind, NOTHING));
            }
            label = "";
        }
    }

    private static void addRow(Texts.Table table, String group, String kind, Sum sum) {
        MemoryUse use = sum.use();
        table.add(
                group,
                kind,
                String.format(Locale.ROOT, "%,d", sum.areaCount()),
                Texts.size(sum.byteSize()),
                Texts.size(use.residentBytes()),
                Texts.size(use.proportionalBytes()),
                Texts.size(use.bytes(Figure.PRIVATE_CLEAN) + use.bytes(Figure.PRIVATE_DIRTY)),
                Texts.size(use.dirtyBytes()),
                Texts.size(use.swappedBytes()));
    }
}
