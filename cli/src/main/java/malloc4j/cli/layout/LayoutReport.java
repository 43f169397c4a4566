package malloc4j.cli.layout;

import io.avaje.jsonb.Json;
import java.math.BigInteger;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalLong;
import malloc4j.observe.MemoryUse;
import malloc4j.observe.MemoryUse.Figure;
import malloc4j.process.AddressSpace;
import org.jspecify.annotations.Nullable;

/// What `layout --json` prints. The field names are a contract; bytes are in the names. Addresses are hexadecimal text,
/// as they need 64 bits. Figures have the names of [Figure], as `residentBytes`.
///
/// @param program path; empty where it may not be read
/// @param total every figure of all mappings together
/// @param rollup the kernel's own sum; absent where it does not tell
/// @param areas in address order, each byte of every mapping in one of them
/// @param notes what could not be told
@Json
public record LayoutReport(
        long pid,
        String name,
        String program,
        long pageBytes,
        int mappings,
        Bases bases,
        Map<String, Long> total,
        @Nullable Map<String, Long> rollup,
        List<Sum> sums,
        List<Area> areas,
        List<Gap> gaps,
        List<String> notes) {

    /// Where things begin, absent where that is not known.
    @Json
    public record Bases(
            @Nullable String program,
            @Nullable String breakStart,
            @Nullable String breakEnd,
            @Nullable String mmapTop,
            @Nullable String interpreter,
            @Nullable String vdso,
            @Nullable String stackTop) {}

    /// What the areas of one kind come to; figures that are 0 are left out.
    @Json
    public record Sum(String group, String kind, int areas, long byteSize, Map<String, Long> use) {}

    /// One range with one owner; figures that are 0 are left out.
    ///
    /// @param end the first address behind it
    /// @param name of its mapping, as the kernel has it
    /// @param flags of its mapping, the kernel's `VmFlags`
    @Json
    public record Area(
            String address,
            String end,
            long byteSize,
            String group,
            String kind,
            String owner,
            String detail,
            String rights,
            String name,
            String flags,
            Map<String, Long> use) {}

    /// Addresses that nothing has; of the largest there are more than 2^63.
    @Json
    public record Gap(String address, String end, BigInteger byteSize) {}

    static LayoutReport of(AddressSpace space) {
        AddressSpace.Bases bases = space.bases();
        return new LayoutReport(
                space.pid(),
                space.name(),
                space.program(),
                space.pageBytes(),
                space.mappings().size(),
                new Bases(
                        hex(bases.program()),
                        hex(bases.breakStart()),
                        hex(bases.breakEnd()),
                        hex(bases.mmapTop()),
                        hex(bases.interpreter()),
                        hex(bases.vdso()),
                        hex(bases.stackTop())),
                figures(space.total(), true),
                space.rollup().map(rollup -> figures(rollup, true)).orElse(null),
                space.sums().entrySet().stream()
                        .map(entry -> new Sum(
                                entry.getKey().group().name(),
                                entry.getKey().name(),
                                entry.getValue().areaCount(),
                                entry.getValue().byteSize(),
                                figures(entry.getValue().use(), false)))
                        .toList(),
                space.areas().stream().map(LayoutReport::area).toList(),
                space.gaps().stream()
                        .map(gap -> new Gap(
                                hex(gap.address()),
                                hex(gap.address() + gap.byteSize()),
                                new BigInteger(Long.toUnsignedString(gap.byteSize()))))
                        .toList(),
                space.notes());
    }

    private static Area area(malloc4j.observe.Area area) {
        return new Area(
                hex(area.address()),
                hex(area.end()),
                area.byteSize(),
                area.kind().group().name(),
                area.kind().name(),
                area.owner(),
                area.detail(),
                area.mapping().rights(),
                area.mapping().name(),
                area.mapping().flags(),
                figures(area.use(), false));
    }

    private static Map<String, Long> figures(MemoryUse use, boolean all) {
        Map<String, Long> figures = new LinkedHashMap<>();
        for (Figure figure : Figure.values()) {
            if (all || use.bytes(figure) != 0) {
                figures.put(name(figure), use.bytes(figure));
            }
        }
        return figures;
    }

    /// `SHARED_CLEAN` as `sharedCleanBytes`.
    private static String name(Figure figure) {
        StringBuilder name = new StringBuilder();
        for (String word : figure.name().toLowerCase(Locale.ROOT).split("_", -1)) {
            name.append(name.isEmpty() ? word : Character.toUpperCase(word.charAt(0)) + word.substring(1));
        }
        return name.append("Bytes").toString();
    }

    private static @Nullable String hex(OptionalLong address) {
        return address.isPresent() ? hex(address.getAsLong()) : null;
    }

    private static String hex(long address) {
        return "0x" + Long.toHexString(address);
    }
}
