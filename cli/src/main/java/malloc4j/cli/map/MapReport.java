package malloc4j.cli.map;

import io.avaje.jsonb.Json;
import java.util.ArrayList;
import java.util.List;
import malloc4j.cli.picture.MapPicture;
import malloc4j.cli.space.Parts;
import malloc4j.cli.space.ProcessMap;
import malloc4j.observe.MemoryUse;
import malloc4j.process.AddressSpace;
import org.jspecify.annotations.Nullable;

/// What `map --json` prints. The field names are a contract. Addresses are hexadecimal text, as they need 64 bits.
///
/// @param verdict in words
/// @param readFromCore whether the process has died, and left this
/// @param residentBytes what the process has in memory; zones, parts and areas each add up to it. Absent of a core, as
///     are theirs
/// @param rollupBytes the same by the kernel's own sum, asked a moment before; absent where it does not tell
/// @param zones from the top down
/// @param parts the largest first
/// @param areas in address order, each byte of every mapping in one of them
/// @param notes what could not be told
@Json
public record MapReport(
        long pid,
        String name,
        String verdict,
        boolean readFromCore,
        @Nullable Long residentBytes,
        @Nullable Long rollupBytes,
        Mappings mappings,
        Guards guards,
        List<Zone> zones,
        List<Part> parts,
        List<Area> areas,
        List<String> notes) {

    /// How many mappings there are and may be.
    ///
    /// @param max absent where it is not known
    @Json
    public record Mappings(int used, @Nullable Long max) {}

    /// Ranges that fault when they are touched.
    @Json
    public record Guards(int ranges, long byteSize) {}

    /// What lies between two wide gaps.
    ///
    /// @param name stack, mmap zone, brk heap, program, low addresses or kernel
    /// @param mappedBytes of its addresses those that are mapped
    @Json
    public record Zone(
            String name,
            String address,
            String end,
            long mappedBytes,
            @Nullable Long residentBytes) {}

    /// What one owner has.
    @Json
    public record Part(
            String name,
            int mappings,
            long byteSize,
            long committedBytes,
            @Nullable Long residentBytes) {}

    /// One range with one owner.
    ///
    /// @param part the name of the part that it is in
    @Json
    public record Area(
            String address,
            String end,
            long byteSize,
            @Nullable Long residentBytes,
            String part,
            String kind,
            String owner,
            String detail,
            String rights) {}

    static MapReport of(ProcessMap map) {
        AddressSpace space = map.process().space();
        AddressSpace.Sum guards = map.guards();
        return new MapReport(
                space.pid(),
                space.name(),
                MapPicture.verdict(map),
                map.isCore(),
                known(map, space.total().residentBytes()),
                space.rollup().map(MemoryUse::residentBytes).orElse(null),
                new Mappings(map.mappings(), map.maxMappings().toOptional().orElse(null)),
                new Guards(guards.areaCount(), guards.byteSize()),
                malloc4j.cli.picture.Zone.of(space).stream()
                        .map(zone -> zone(map, zone))
                        .toList(),
                map.parts().stream()
                        .map(part -> new Part(
                                part.name(),
                                part.mappings(),
                                part.byteSize(),
                                part.committedBytes(),
                                known(map, part.residentBytes())))
                        .toList(),
                areas(map),
                map.process().notes());
    }

    private static @Nullable Long known(ProcessMap map, long residentBytes) {
        return map.isCore() ? null : (Long) residentBytes;
    }

    private static Zone zone(ProcessMap map, malloc4j.cli.picture.Zone zone) {
        return new Zone(
                zone.name(), hex(zone.start()), hex(zone.end()), zone.mappedBytes(), known(map, zone.residentBytes()));
    }

    private static List<Area> areas(ProcessMap map) {
        List<String> names = Parts.names(map.process());
        List<Area> areas = new ArrayList<>();
        for (malloc4j.observe.Area area : map.process().space().areas()) {
            areas.add(new Area(
                    hex(area.address()),
                    hex(area.end()),
                    area.byteSize(),
                    known(map, area.use().residentBytes()),
                    names.get(areas.size()),
                    area.kind().name(),
                    area.owner(),
                    area.detail(),
                    area.mapping().rights()));
        }
        return areas;
    }

    private static String hex(long address) {
        return "0x" + Long.toHexString(address);
    }
}
