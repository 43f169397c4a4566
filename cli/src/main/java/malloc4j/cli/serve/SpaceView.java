package malloc4j.cli.serve;

import io.avaje.jsonb.Json;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import malloc4j.cli.picture.MapPicture;
import malloc4j.cli.picture.Zone;
import malloc4j.cli.space.Parts;
import malloc4j.cli.space.ProcessMap;
import malloc4j.observe.Area;
import malloc4j.observe.AreaKind;
import malloc4j.process.AddressSpace;
import org.jspecify.annotations.Nullable;

/// The addresses of a process as two panes, the brk heap and the mmap zone, and what lies elsewhere. The field names
/// are a contract.
///
/// ```
///   brk heap   breakStart | run | run | run | breakEnd  ->  grows up
///   mmap zone             | run | gap | run | ...       <-  grows down from its top
/// ```
///
/// @param verdict in words
/// @param breakStart where the program break began, -1 where it is not known
/// @param breakEnd where what it has given ends, -1 where it has given nothing
/// @param mappings how many there are
/// @param maxMappings how many there may be, -1 where it is not known
/// @param elsewhere what is in neither pane
/// @param notes what could not be told
@Json
record SpaceView(
        long pid,
        long timeMillis,
        String verdict,
        long breakStart,
        long breakEnd,
        int mappings,
        long maxMappings,
        List<Pane> panes,
        List<Place> elsewhere,
        List<String> notes) {
    private static final int MAX_RUNS = 160; // of a pane: as many as a screen shows
    private static final String BREAK_PANE = "brk heap";
    private static final String MMAP_PANE = "mmap zone";
    private static final String GUARDED = "malloc4j: guarded blocks";

    /// Addresses that are used for one purpose.
    ///
    /// @param name brk heap or mmap zone
    /// @param mappedBytes of all of it, also where a part is asked for
    /// @param runs in address order
    @Json
    record Pane(String name, long mappedBytes, long residentBytes, List<Run> runs) {}

    /// Areas that lie side by side, and have one owner.
    ///
    /// @param owner the name of the part that they are in; that of the largest, where `others` are among them
    /// @param group to which the owner belongs: `malloc4j`, `JVM`, `C heap`, `libraries` and so on
    /// @param detail of a single area, what more is known
    /// @param isGuard whether it faults when it is touched, so that nothing runs on into other memory
    /// @param isReserved whether it is addresses without memory
    /// @param areas how many they are
    /// @param others how many runs of others are among them
    @Json
    record Run(
            long address,
            long byteSize,
            long residentBytes,
            String owner,
            String group,
            String detail,
            boolean isGuard,
            boolean isReserved,
            int areas,
            int others) {
        long end() {
            return address + byteSize;
        }

        private boolean isLike(Run next) {
            return owner.equals(next.owner)
                    && isGuard == next.isGuard
                    && isReserved == next.isReserved
                    && end() == next.address;
        }

        /// Both, under the name of the larger one.
        private Run plus(Run next, boolean isLike) {
            Run larger = isLike || byteSize >= next.byteSize ? this : next;
            return new Run(
                    address,
                    next.end() - address,
                    residentBytes + next.residentBytes,
                    larger.owner,
                    larger.group,
                    "",
                    larger.isGuard,
                    larger.isReserved,
                    areas + next.areas,
                    others + next.others + (isLike ? 0 : 1));
        }
    }

    /// What lies outside of both panes.
    @Json
    record Place(String name, long from, long to, long mappedBytes, long residentBytes) {}

    /// All of a process's addresses.
    static SpaceView of(ProcessMap map, long timeMillis) {
        return new Maker(map).view(timeMillis, null);
    }

    /// The areas between two addresses, each by itself as long as they are not too many.
    static SpaceView of(ProcessMap map, long timeMillis, long from, long to) {
        return new Maker(map).view(timeMillis, new Window(from, to));
    }

    private record Window(long from, long to) {
        boolean touches(Area area) {
            return area.address() < to && area.end() > from;
        }
    }

    /// Sorts areas into panes.
    private static final class Maker {
        private final ProcessMap map;
        private final AddressSpace space;
        private final Map<Long, String> owners = new HashMap<>();

        Maker(ProcessMap map) {
            this.map = map;
            this.space = map.process().space();
            List<String> names = Parts.names(map.process());
            for (int index = 0; index < names.size(); index++) {
                owners.put(space.areas().get(index).address(), names.get(index));
            }
        }

        SpaceView view(long timeMillis, @Nullable Window window) {
            List<Zone> zones = Zone.of(space).reversed(); // from below
            return new SpaceView(
                    space.pid(),
                    timeMillis,
                    MapPicture.verdict(map),
                    space.bases().breakStart().orElse(-1),
                    space.bases().breakEnd().orElse(-1),
                    map.mappings(),
                    map.maxMappings().orElse(-1L),
                    List.of(pane(BREAK_PANE, zones, window), pane(MMAP_PANE, zones, window)),
                    zones.stream()
                            .filter(zone -> !isPane(zone.name()) && zone.start() >= 0)
                            .map(zone -> new Place(
                                    zone.name(), zone.start(), zone.end(), zone.mappedBytes(), zone.residentBytes()))
                            .toList(),
                    map.process().notes());
        }

        private static boolean isPane(String name) {
            return name.equals(BREAK_PANE) || name.equals(MMAP_PANE);
        }

        private Pane pane(String name, List<Zone> zones, @Nullable Window window) {
            List<Zone> own =
                    zones.stream().filter(zone -> zone.name().equals(name)).toList();
            List<Run> runs = new ArrayList<>();
            for (Zone zone : own) {
                for (Area area : zone.areas().reversed()) {
                    if (window == null || window.touches(area)) {
                        runs.add(run(area));
                    }
                }
            }
            if (window == null) {
                runs = joined(runs);
            }
            return new Pane(
                    name,
                    own.stream().mapToLong(Zone::mappedBytes).sum(),
                    own.stream().mapToLong(Zone::residentBytes).sum(),
                    runs.size() > MAX_RUNS ? thinned(runs) : runs);
        }

        private Run run(Area area) {
            String owner = owners.getOrDefault(area.address(), "");
            AreaKind kind = area.kind();
            boolean isGuard = kind == AreaKind.STACK_GUARD
                    || kind == AreaKind.MOAT
                    || (owner.equals(GUARDED) && kind == AreaKind.SHARED_MEMORY);
            boolean isSaid = owner.endsWith(area.owner()) || owner.startsWith(area.owner() + ":");
            String detail = isSaid ? "" : area.owner();
            return new Run(
                    area.address(),
                    area.byteSize(),
                    area.use().residentBytes(),
                    owner,
                    kind.group().label(),
                    (kind.label() + " " + detail + " " + area.detail()).strip().replaceAll(" +", " "),
                    isGuard,
                    area.mapping().isReserved() || kind == AreaKind.ZONE_RESERVE,
                    1,
                    0);
        }

        private static List<Run> joined(List<Run> runs) {
            List<Run> joined = new ArrayList<>();
            for (Run run : runs) {
                if (!joined.isEmpty() && joined.getLast().isLike(run)) {
                    joined.add(joined.removeLast().plus(run, true));
                } else {
                    joined.add(run);
                }
            }
            return joined;
        }

        /// So few that each can be seen: as many at a time as needed become one.
        private static List<Run> thinned(List<Run> runs) {
            int atATime = (runs.size() + MAX_RUNS - 1) / MAX_RUNS;
            List<Run> thinned = new ArrayList<>();
            for (int index = 0; index < runs.size(); index++) {
                if (index % atATime == 0) {
                    thinned.add(runs.get(index));
                } else {
                    Run before = thinned.removeLast();
                    thinned.add(before.plus(runs.get(index), before.isLike(runs.get(index))));
                }
            }
            return thinned;
        }
    }
}
