package malloc4j.cli.picture;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import malloc4j.observe.Area;
import malloc4j.observe.AreaKind;
import malloc4j.observe.AreaKind.Group;
import malloc4j.observe.MemoryUse;
import malloc4j.process.AddressSpace;
import malloc4j.process.AddressSpace.Sum;

/// Areas of a process that lie together: what the addresses between two wide gaps are for, and who has them.
public final class Zone {
    private static final int MAX_ZONES = 16;
    private static final long MIN_WIDE_GAP = 1L << 30;

    /// What addresses are for, by where they lie between the bases.
    enum Place {
        KERNEL("kernel"),
        STACK("stack"),
        MMAP("mmap zone"),
        BREAK("brk heap"),
        PROGRAM("program"),
        LOW("low addresses");

        private final String label;

        Place(String label) {
            this.label = label;
        }
    }

    private final Place place;
    private long start;
    private final long end;
    private final Map<Group, Sum> contents = new EnumMap<>(Group.class);
    private final List<Area> areas = new ArrayList<>();

    private Zone(Place place, Area top) {
        this.place = place;
        this.end = top.end();
        add(top);
    }

    private void add(Area area) {
        start = area.address();
        areas.add(area);
        contents.merge(area.kind().group(), new Sum(1, area.byteSize(), area.use()), Zone::plus);
    }

    private static Sum plus(Sum one, Sum other) {
        return new Sum(
                one.areaCount() + other.areaCount(),
                one.byteSize() + other.byteSize(),
                one.use().plus(other.use()));
    }

    /// The zones of a process from the top down: a new one for each place, and behind each wide gap, but not too many.
    public static List<Zone> of(AddressSpace space) {
        List<Zone> zones = of(space, MIN_WIDE_GAP);
        for (long wideGap = MIN_WIDE_GAP << 1; zones.size() > MAX_ZONES && wideGap > 0; wideGap <<= 1) {
            zones = of(space, wideGap);
        }
        return zones;
    }

    private static List<Zone> of(AddressSpace space, long wideGap) {
        List<Zone> zones = new ArrayList<>();
        for (Area area : space.areas().reversed()) {
            Place place = place(area, space);
            boolean isNew = zones.isEmpty()
                    || zones.getLast().place != place
                    || Long.compareUnsigned(zones.getLast().start - area.end(), wideGap) >= 0;
            if (isNew) {
                zones.add(new Zone(place, area));
            } else {
                zones.getLast().add(area);
            }
        }
        return zones;
    }

    private static Place place(Area area, AddressSpace space) {
        AddressSpace.Bases bases = space.bases();
        long mmapTop = bases.mmapTop().orElse(0);
        long address = area.address();
        if (area.kind() == AreaKind.BREAK || area.mapping().name().equals("[heap]")) {
            return Place.BREAK;
        }
        if (area.kind().group() == Group.PROGRAM) {
            return Place.PROGRAM;
        }
        if (bases.stackTop().isPresent() && Long.compareUnsigned(address, mmapTop) >= 0) {
            boolean inStack = area.mapping().name().equals("[stack]");
            return inStack ? Place.STACK : Place.KERNEL;
        }
        long low = Math.min(
                bases.program().orElse(Long.MAX_VALUE), bases.breakStart().orElse(Long.MAX_VALUE));
        return low != Long.MAX_VALUE && Long.compareUnsigned(address, low) < 0 ? Place.LOW : Place.MMAP;
    }

    Place place() {
        return place;
    }

    /// What its addresses are for: `stack`, `mmap zone`, `brk heap`, `program`, `low addresses` or `kernel`.
    public String name() {
        return place.label;
    }

    /// Its first address.
    public long start() {
        return start;
    }

    /// The first address above it; unsigned.
    public long end() {
        return end;
    }

    /// What is in it, the highest first.
    public List<Area> areas() {
        return areas;
    }

    /// Who has how much of it.
    Map<Group, Sum> contents() {
        return contents;
    }

    /// Of its addresses those that are mapped.
    public long mappedBytes() {
        return contents.values().stream().mapToLong(Sum::byteSize).sum();
    }

    /// What of it is in memory.
    public long residentBytes() {
        return contents.values().stream()
                .map(Sum::use)
                .mapToLong(MemoryUse::residentBytes)
                .sum();
    }
}
