package malloc4j.cli.picture;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import malloc4j.cli.space.Part;
import malloc4j.cli.space.Parts;
import malloc4j.cli.space.ProcessMap;
import malloc4j.observe.Area;
import malloc4j.observe.AreaKind.Group;
import malloc4j.process.AddressSpace;

/// A [ProcessMap] as an SVG document: the addresses as one column, the highest at the top, cut at wide gaps.
///
/// ```
///   verdict
///   mappings [##----------] of the limit     legend: colour, group, resident
///
///   STACK        +--------+  7ffd...  132 KiB   32 KiB   thread stacks
///                : gap    :
///   MMAP ZONE    |####    |  7f4c...  28 MiB    22 MiB   shared libraries
/// ```
///
/// A range is the taller the larger it is, by the logarithm of its size; how far it is filled is how much of it is in
/// memory. Each has its addresses in a title that browsers show under the pointer.
public final class MapSvg {
    private static final int WIDTH = 900;
    private static final int LEFT = 150; // of the column
    private static final int COLUMN = 220;
    private static final int TEXT = LEFT + COLUMN + 14;
    private static final int LINE = 15;
    private static final int TITLE_LETTERS = 92;
    private static final int GAP_HEIGHT = 26;
    private static final double LABEL_HEIGHT = 12.5;
    private static final int PAGE_BYTES = 4096;
    private static final double LEAST_HEIGHT = 3;
    private static final double HEIGHT_OF_DOUBLING = 1.7;

    /// Okabe and Ito's colours, told apart by people who do not see all colours.
    private static final Map<Group, String> COLOURS = new EnumMap<>(Map.of(
            Group.JVM, "#d55e00",
            Group.MALLOC4J, "#009e73",
            Group.C_HEAP, "#cc79a7",
            Group.LIBRARIES, "#56b4e9",
            Group.FILES, "#0072b2",
            Group.STACKS, "#e69f00",
            Group.PROGRAM, "#000000",
            Group.KERNEL, "#777777",
            Group.ANONYMOUS, "#a08060"));

    private final ProcessMap map;
    private final StringBuilder body = new StringBuilder();
    private final IdentityHashMap<Area, String> names = new IdentityHashMap<>();
    private double y;

    /// Areas of one part, one behind the other, with no other part between them.
    private static final class Run {
        private final String name;
        private final Group group;
        private long start;
        private final long end;
        private long byteSize;
        private long residentBytes;

        Run(String name, Area top) {
            this.name = name;
            this.group = top.kind().group();
            this.end = top.end();
            add(top);
        }

        void add(Area area) {
            start = area.address();
            byteSize += area.byteSize();
            residentBytes += area.use().residentBytes();
        }
    }

    private MapSvg(ProcessMap map) {
        this.map = map;
        List<String> all = Parts.names(map.process());
        List<Area> areas = map.process().space().areas();
        for (int index = 0; index < all.size(); index++) {
            names.put(areas.get(index), all.get(index));
        }
    }

    /// The document.
    public static String of(ProcessMap map) {
        return new MapSvg(map).svg();
    }

    private String svg() {
        title();
        mappings();
        legend();
        headings();
        AddressSpace space = map.process().space();
        long above = 0;
        for (Zone zone : Zone.of(space)) {
            if (above != 0) {
                gap(above - zone.end());
            }
            zone(zone);
            above = zone.start();
        }
        y += LINE;
        return String.format(
                        Locale.ROOT,
                        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %.0f\" width=\"%d\" height=\"%.0f\""
                                + " font-family=\"sans-serif\" font-size=\"12\">%n",
                        WIDTH,
                        y,
                        WIDTH,
                        y)
                + String.format(Locale.ROOT, "<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>%n")
                + body
                + "</svg>\n";
    }

    private void title() {
        y = 12;
        for (String line : Texts.wrapped(MapPicture.verdict(map), TITLE_LETTERS).split("\n", -1)) {
            y += 20;
            text(20, y, "font-size=\"15\" font-weight=\"bold\"", line.strip());
        }
    }

    private void mappings() {
        y += 28;
        long max = Math.max(1, map.maxMappings().orElse((long) map.mappings()));
        double used = Math.min(1, (double) map.mappings() / max);
        text(20, y, "", "mappings");
        rect(LEFT, y - 11, COLUMN, 14, "#eeeeee", "");
        rect(LEFT, y - 11, Math.max(1, COLUMN * used), 14, "#0072b2", "");
        text(TEXT, y, "", String.format(Locale.ROOT, "%,d of at most %,d (vm.max_map_count)", map.mappings(), max));
    }

    private void legend() {
        y += 26;
        text(20, y, "", "in memory");
        Map<Group, Long> resident = new EnumMap<>(Group.class);
        for (Part part : map.parts()) {
            resident.merge(part.group(), part.residentBytes(), Long::sum);
        }
        int x = LEFT;
        for (Map.Entry<Group, Long> entry : resident.entrySet()) {
            String label = label(entry.getKey()) + " " + Texts.size(entry.getValue());
            int width = 26 + 7 * label.length();
            if (x + width > WIDTH - 20) {
                x = LEFT;
                y += 20;
            }
            rect(x, y - 11, 14, 14, colour(entry.getKey()), "");
            text(x + 19, y, "", label);
            x += width;
        }
    }

    private static String label(Group group) {
        return group == Group.ANONYMOUS ? Part.UNKNOWN : group.label();
    }

    private static String colour(Group group) {
        return COLOURS.getOrDefault(group, "#777777");
    }

    private void headings() {
        y += 34;
        String grey = "fill=\"#555555\"";
        text(TEXT, y, grey, "from address");
        text(TEXT + 190, y, grey + " text-anchor=\"end\"", "mapped");
        text(TEXT + 270, y, grey + " text-anchor=\"end\"", "in memory");
        text(TEXT + 290, y, grey, "owner");
        y += 14;
    }

    private void gap(long bytes) {
        boolean cannotBe = bytes < 0 || bytes > 1L << 62;
        line(LEFT, y, LEFT, y + GAP_HEIGHT);
        line(LEFT + COLUMN, y, LEFT + COLUMN, y + GAP_HEIGHT);
        text(
                LEFT + COLUMN / 2.0,
                y + GAP_HEIGHT / 2.0 + 4,
                "fill=\"#555555\" text-anchor=\"middle\"",
                (cannotBe ? "not for programs: " : "gap of ") + Texts.size(bytes));
        y += GAP_HEIGHT;
    }

    private void zone(Zone zone) {
        double top = y;
        double lastLabel = 0;
        List<Run> runs = runs(zone);
        for (Run run : runs) {
            double height = Math.max(runs.size() == 1 ? LINE : LEAST_HEIGHT, height(run.byteSize));
            double center = y + height / 2 + 4;
            box(run, height);
            if (center - lastLabel >= LABEL_HEIGHT) {
                label(run, center);
                lastLabel = center;
            }
            y += height;
        }
        text(
                LEFT - 12,
                top + 11,
                "font-weight=\"bold\" text-anchor=\"end\"",
                zone.name().toUpperCase(Locale.ROOT));
        body.append(String.format(
                Locale.ROOT,
                "<rect x=\"%d\" y=\"%.1f\" width=\"%d\" height=\"%.1f\" fill=\"none\" stroke=\"#333333\"/>%n",
                LEFT,
                top,
                COLUMN,
                y - top));
    }

    private static double height(long byteSize) {
        return LEAST_HEIGHT + HEIGHT_OF_DOUBLING * Math.log((double) byteSize / PAGE_BYTES) / Math.log(2);
    }

    private void box(Run run, double height) {
        double filled = (double) COLUMN * run.residentBytes / run.byteSize;
        String tip = String.format(
                Locale.ROOT,
                "%s-%s %s, %s in memory: %s",
                Texts.hex(run.start),
                Texts.hex(run.end),
                Texts.size(run.byteSize),
                Texts.size(run.residentBytes),
                run.name);
        body.append(String.format(Locale.ROOT, "<g><title>%s</title>%n", escaped(tip)));
        rect(LEFT, y, COLUMN, height, colour(run.group), " fill-opacity=\"0.22\" stroke=\"#ffffff\"");
        if (filled > 0) {
            rect(LEFT, y + 0.5, Math.max(1, filled), height - 1, colour(run.group), "");
        }
        body.append(String.format(Locale.ROOT, "</g>%n"));
    }

    private void label(Run run, double at) {
        text(TEXT, at, "font-family=\"monospace\" font-size=\"11\"", Texts.hex(run.start));
        text(TEXT + 190, at, "text-anchor=\"end\" font-size=\"11\"", Texts.size(run.byteSize));
        text(TEXT + 270, at, "text-anchor=\"end\" font-size=\"11\"", Texts.size(run.residentBytes));
        text(TEXT + 290, at, "font-size=\"11\"", run.name);
    }

    private List<Run> runs(Zone zone) {
        List<Run> runs = new ArrayList<>();
        for (Area area : zone.areas()) {
            String name = names.getOrDefault(area, Part.UNKNOWN);
            if (!runs.isEmpty() && runs.getLast().name.equals(name)) {
                runs.getLast().add(area);
            } else {
                runs.add(new Run(name, area));
            }
        }
        return runs;
    }

    // SVG.

    private void rect(double x, double top, double width, double height, String fill, String more) {
        body.append(String.format(
                Locale.ROOT,
                "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\"%s/>%n",
                x,
                top,
                width,
                height,
                fill,
                more));
    }

    private void line(double x, double top, double toX, double bottom) {
        body.append(String.format(
                Locale.ROOT,
                "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"#333333\" stroke-dasharray=\"2 3\"/>%n",
                x,
                top,
                toX,
                bottom));
    }

    private void text(double x, double baseline, String attributes, String text) {
        body.append(String.format(
                Locale.ROOT, "<text x=\"%.1f\" y=\"%.1f\" %s>%s</text>%n", x, baseline, attributes, escaped(text)));
    }

    private static String escaped(String text) {
        return Texts.printable(text)
                .replace("&", "&amp;")
                .replace("<", "&lt;")
                .replace(">", "&gt;")
                .replace("\"", "&quot;");
    }
}
