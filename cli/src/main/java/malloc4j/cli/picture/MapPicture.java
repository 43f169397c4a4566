package malloc4j.cli.picture;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Predicate;
import malloc4j.cli.space.Part;
import malloc4j.cli.space.ProcessMap;
import malloc4j.process.AddressSpace;

/// A [ProcessMap] for people, beside the drawing of its zones: a sentence, who has which addresses, and guards.
public final class MapPicture {
    private static final int PERCENT = 100;
    private static final int WIDE = 60;

    private MapPicture() {}

    /// What there is, in a sentence.
    public static String verdict(ProcessMap map) {
        AddressSpace space = map.process().space();
        String who = "Process " + space.pid() + " (" + Texts.printable(space.name()) + ") ";
        if (space.mappings().isEmpty()) {
            return who + "has no memory of its own: a kernel thread, or a process that has ended.";
        }
        if (map.isCore()) {
            return "Core of process " + space.pid() + " (" + Texts.printable(space.name()) + "): it had "
                    + Texts.size(
                            map.parts().stream().mapToLong(Part::committedBytes).sum())
                    + " of memory, in " + mappings(map) + "; how much of it was resident a core does not tell.";
        }
        long unknown = sum(map, part -> part.name().equals(Part.UNKNOWN));
        return who + "has " + Texts.size(space.total().residentBytes()) + " in memory, in " + mappings(map)
                + "; its brk heap takes " + mapped(space, Zone.Place.BREAK) + " of addresses, its mmap zone "
                + mapped(space, Zone.Place.MMAP) + "; "
                + (unknown == 0
                        ? "every page that is in memory has an owner."
                        : "of " + Texts.size(unknown) + " in memory nobody tells the owner.");
    }

    private static long sum(ProcessMap map, Predicate<Part> filter) {
        return map.parts().stream()
                .filter(filter)
                .mapToLong(Part::residentBytes)
                .sum();
    }

    private static String mappings(ProcessMap map) {
        if (!map.maxMappings().isKnown()) {
            return String.format(Locale.ROOT, "%,d mappings", map.mappings());
        }
        long max = map.maxMappings().get();
        return String.format(
                Locale.ROOT,
                "%,d of at most %,d mappings (%.1f %%)",
                map.mappings(),
                max,
                (double) PERCENT * map.mappings() / Math.max(1, max));
    }

    private static String mapped(AddressSpace space, Zone.Place place) {
        long bytes = Zone.of(space).stream()
                .filter(zone -> zone.place() == place)
                .mapToLong(Zone::mappedBytes)
                .sum();
        return bytes == 0 ? "nothing" : Texts.size(bytes);
    }

    /// Who has what, the largest in memory first.
    ///
    /// @param columns how many letters a line has room for
    public static String table(ProcessMap map, int columns) {
        boolean isWide = columns >= WIDE;
        var table = isWide
                ? map.isCore()
                        ? new Texts.Table("owner", " mappings", " addresses", " committed")
                        : new Texts.Table("owner", " mappings", " addresses", " committed", " resident")
                : new Texts.Table("owner", " maps", map.isCore() ? " committed" : " resident");
        int mappings = 0;
        long resident = 0;
        long committed = 0;
        long byteSize = 0;
        for (Part part : map.parts()) {
            addRow(
                    table,
                    isWide,
                    map.isCore(),
                    part.name(),
                    part.mappings(),
                    part.byteSize(),
                    part.committedBytes(),
                    part.residentBytes());
            mappings += part.mappings();
            byteSize += part.byteSize();
            committed += part.committedBytes();
            resident += part.residentBytes();
        }
        addRow(table, isWide, map.isCore(), "all", mappings, byteSize, committed, resident);
        return table.toString(columns);
    }

    private static void addRow(
            Texts.Table table,
            boolean isWide,
            boolean isCore,
            String name,
            int mappings,
            long byteSize,
            long committed,
            long resident) {
        List<String> cells =
                new ArrayList<>(List.of(Texts.printable(name), String.format(Locale.ROOT, "%,d", mappings)));
        if (isWide) {
            cells.add(Texts.size(byteSize));
        }
        if (isWide || isCore) {
            cells.add(Texts.size(committed));
        }
        if (!isCore) {
            cells.add(Texts.size(resident));
        }
        table.add(cells.toArray(String[]::new));
    }

    /// Guards, mappings that several owners have parts of, and what could not be told.
    public static List<String> sentences(ProcessMap map) {
        List<String> sentences = new ArrayList<>();
        AddressSpace.Sum guards = map.guards();
        sentences.add(
                guards.areaCount() == 0
                        ? "No guards are seen."
                        : String.format(
                                Locale.ROOT,
                                "Guards: %,d ranges of together %s that fault when they are touched.",
                                guards.areaCount(),
                                Texts.size(guards.byteSize())));
        int counted = map.parts().stream().mapToInt(Part::mappings).sum();
        if (counted > map.mappings()) {
            sentences.add(String.format(
                    Locale.ROOT,
                    "The mappings are %,d: one that several owners have parts of is counted for each.",
                    map.mappings()));
        }
        sentences.addAll(map.process().notes());
        return sentences;
    }
}
