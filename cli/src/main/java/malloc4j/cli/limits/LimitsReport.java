package malloc4j.cli.limits;

import io.avaje.jsonb.Json;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import malloc4j.process.MemoryLimits;
import malloc4j.process.Reading;
import org.jspecify.annotations.Nullable;

/// What `limits --json` prints. The field names are a contract; bytes are in the names. A value that is not known is
/// absent, and its reason is in `unknown` under its path, as `machine.availableBytes`; -1 stands for no limit.
///
/// @param rooms what is left until something stops the process, the nearest first
@Json
public record LimitsReport(
        Resource addressSpace,
        Resource data,
        Resource stack,
        Resource lockedMemory,
        Mappings mappings,
        Overcommit overcommit,
        Machine machine,
        @Nullable ControlGroup controlGroup,
        @Nullable Pressure pressure,
        @Nullable Pressure controlGroupPressure,
        Pages pages,
        List<Pool> hugePagePools,
        List<Room> rooms,
        Map<String, String> unknown) {
    private static final long NO_LIMIT = -1;

    /// A limit of the process.
    @Json
    public record Resource(
            @Nullable Long softBytes,
            @Nullable Long hardBytes,
            @Nullable Long usedBytes) {}

    /// How many mappings there are and may be.
    @Json
    public record Mappings(
            @Nullable Long used,
            @Nullable Long max,
            @Nullable Long ours,
            int oursMax) {}

    /// Whether memory is promised that is not there; `mode` is heuristic, always or never.
    @Json
    public record Overcommit(
            @Nullable String mode,
            @Nullable Long ratioPercent,
            @Nullable Long fixedBytes,
            @Nullable Long limitBytes,
            @Nullable Long committedBytes) {}

    /// Memory and swap.
    @Json
    public record Machine(
            @Nullable Long totalBytes,
            @Nullable Long availableBytes,
            @Nullable Long swapTotalBytes,
            @Nullable Long swapFreeBytes) {}

    /// The control group, and in `levels` itself and those above it.
    ///
    /// @param limitBytes the tightest of all levels
    /// @param leftBytes the least of all levels
    @Json
    public record ControlGroup(int version, String path, long limitBytes, long leftBytes, List<Level> levels) {}

    /// One control group.
    @Json
    public record Level(
            String path,
            @Nullable Long limitBytes,
            @Nullable Long highBytes,
            @Nullable Long usedBytes,
            @Nullable Long swapLimitBytes,
            @Nullable Long swapUsedBytes) {}

    /// How much of the time tasks wait for memory.
    @Json
    public record Pressure(Stall some, Stall full) {}

    /// Shares of the time in percent.
    @Json
    public record Stall(
            double percentOf10Seconds, double percentOf60Seconds, double percentOf300Seconds, long totalMicros) {}

    /// Pages, and how the kernel makes huge ones by itself.
    @Json
    public record Pages(
            @Nullable Long pageBytes,
            @Nullable Long hugePageBytes,
            @Nullable String transparent,
            @Nullable String defrag,
            @Nullable String sharedMemory,
            @Nullable Long pagesToScan,
            @Nullable Long scanSleepMillis,
            @Nullable Long maxEmptyPages) {}

    /// A pool of huge pages.
    @Json
    public record Pool(
            long pageBytes,
            @Nullable Long pages,
            @Nullable Long freePages,
            @Nullable Long reservedPages,
            @Nullable Long surplusPages,
            @Nullable Long maxSurplusPages) {}

    /// What is left until something stops the process.
    @Json
    public record Room(String what, long bytes) {}

    static LimitsReport of(MemoryLimits limits) {
        Values values = new Values();
        var overcommit = limits.overcommit();
        var machine = limits.machine();
        var huge = limits.transparentHugePages();
        return new LimitsReport(
                values.resource("addressSpace", limits.addressSpace()),
                values.resource("data", limits.data()),
                values.resource("stack", limits.stack()),
                values.resource("lockedMemory", limits.lockedMemory()),
                new Mappings(
                        values.of("mappings.used", limits.mappings().used()),
                        values.of("mappings.max", limits.mappings().max()),
                        values.of("mappings.ours", limits.mappings().ours()),
                        limits.mappings().oursMax()),
                new Overcommit(
                        values.of("overcommit.mode", overcommit.mode().map(mode -> mode.name()
                                .toLowerCase(Locale.ROOT))),
                        values.of("overcommit.ratioPercent", overcommit.ratioPercent()),
                        values.of("overcommit.fixedBytes", overcommit.fixedBytes()),
                        values.of("overcommit.limitBytes", overcommit.limitBytes()),
                        values.of("overcommit.committedBytes", overcommit.committedBytes())),
                new Machine(
                        values.of("machine.totalBytes", machine.totalBytes()),
                        values.of("machine.availableBytes", machine.availableBytes()),
                        values.of("machine.swapTotalBytes", machine.swapTotalBytes()),
                        values.of("machine.swapFreeBytes", machine.swapFreeBytes())),
                values.of("controlGroup", limits.controlGroup().map(values::controlGroup)),
                values.of("pressure", limits.pressure().map(LimitsReport::pressure)),
                values.of("controlGroupPressure", limits.controlGroupPressure().map(LimitsReport::pressure)),
                new Pages(
                        values.of("pages.pageBytes", limits.pageBytes()),
                        values.of("pages.hugePageBytes", huge.hugePageBytes()),
                        values.of("pages.transparent", huge.enabled()),
                        values.of("pages.defrag", huge.defrag()),
                        values.of("pages.sharedMemory", huge.sharedMemory()),
                        values.of("pages.pagesToScan", huge.pagesToScan()),
                        values.of("pages.scanSleepMillis", huge.scanSleepMillis()),
                        values.of("pages.maxEmptyPages", huge.maxEmptyPages())),
                limits.hugePagePools().stream().map(values::pool).toList(),
                limits.rooms().stream()
                        .map(room -> new Room(room.what(), room.bytes()))
                        .toList(),
                values.unknown);
    }

    private static Pressure pressure(MemoryLimits.Pressure pressure) {
        return new Pressure(stall(pressure.some()), stall(pressure.full()));
    }

    private static Stall stall(MemoryLimits.Stall stall) {
        return new Stall(
                stall.percentOf10Seconds(),
                stall.percentOf60Seconds(),
                stall.percentOf300Seconds(),
                stall.totalMicros());
    }

    private static long bytes(long bytes) {
        return bytes == MemoryLimits.UNLIMITED ? NO_LIMIT : bytes;
    }

    /// Takes readings apart: known values to where they belong, reasons to one table.
    private static final class Values {
        private final Map<String, String> unknown = new TreeMap<>();

        <T> @Nullable T of(String path, Reading<T> reading) {
            if (!reading.isKnown()) {
                unknown.put(path, reading.whyNot());
            }
            return reading.value();
        }

        private @Nullable Long bytes(String path, Reading<Long> reading) {
            return of(path, reading.map(LimitsReport::bytes));
        }

        Resource resource(String path, MemoryLimits.ResourceLimit limit) {
            return new Resource(
                    bytes(path + ".softBytes", limit.softBytes()),
                    bytes(path + ".hardBytes", limit.hardBytes()),
                    of(path + ".usedBytes", limit.usedBytes()));
        }

        ControlGroup controlGroup(MemoryLimits.ControlGroup group) {
            return new ControlGroup(
                    group.version(),
                    group.path(),
                    LimitsReport.bytes(group.limitBytes()),
                    LimitsReport.bytes(group.leftBytes()),
                    group.levels().stream().map(this::level).toList());
        }

        private Level level(MemoryLimits.Level level) {
            String path = "controlGroup." + level.path();
            return new Level(
                    level.path(),
                    bytes(path + ".limitBytes", level.limitBytes()),
                    bytes(path + ".highBytes", level.highBytes()),
                    of(path + ".usedBytes", level.usedBytes()),
                    bytes(path + ".swapLimitBytes", level.swapLimitBytes()),
                    of(path + ".swapUsedBytes", level.swapUsedBytes()));
        }

        Pool pool(MemoryLimits.HugePagePool pool) {
            String path = "hugePagePools." + pool.pageBytes();
            return new Pool(
                    pool.pageBytes(),
                    of(path + ".pages", pool.pages()),
                    of(path + ".freePages", pool.freePages()),
                    of(path + ".reservedPages", pool.reservedPages()),
                    of(path + ".surplusPages", pool.surplusPages()),
                    of(path + ".maxSurplusPages", pool.maxSurplusPages()));
        }
    }
}
