package malloc4j.cli.picture;

import java.util.Locale;
import malloc4j.process.MemoryLimits;
import malloc4j.process.MemoryLimits.ControlGroup;
import malloc4j.process.MemoryLimits.HugePagePool;
import malloc4j.process.MemoryLimits.Level;
import malloc4j.process.MemoryLimits.Pressure;
import malloc4j.process.MemoryLimits.ResourceLimit;
import malloc4j.process.MemoryLimits.Room;
import malloc4j.process.MemoryLimits.Stall;
import malloc4j.process.Reading;
import org.jspecify.annotations.Nullable;

/// [MemoryLimits] for people: what limits what, how much of it is used, and what comes first.
public final class LimitsPicture {
    private final MemoryLimits limits;
    private final Texts.Table table = new Texts.Table("", " limit", " used", "");

    private LimitsPicture(MemoryLimits limits) {
        this.limits = limits;
    }

    /// A table.
    ///
    /// @param columns how many letters a line has room for, at least 20; what is longer goes on in further lines
    public static String table(MemoryLimits limits, int columns) {
        LimitsPicture text = new LimitsPicture(limits);
        text.process();
        text.group();
        text.machine();
        text.hugePages();
        text.rooms();
        return text.table.toString(columns);
    }

    private void process() {
        table.addLine("PROCESS");
        resource("address space", "RLIMIT_AS", limits.addressSpace());
        resource("data", "RLIMIT_DATA", limits.data());
        resource("stack", "RLIMIT_STACK", limits.stack());
        resource("locked memory", "RLIMIT_MEMLOCK", limits.lockedMemory());
        var mappings = limits.mappings();
        row(
                "mappings",
                count(mappings.max()),
                count(mappings.used()),
                String.format(
                        Locale.ROOT,
                        "vm.max_map_count; of malloc4j at most %,d, now %s%s",
                        mappings.oursMax(),
                        count(mappings.ours()),
                        why(mappings.max())));
    }

    private void resource(String name, String limit, ResourceLimit resource) {
        row(
                name,
                size(resource.softBytes()),
                size(resource.usedBytes()),
                limit + raise(resource) + why(resource.softBytes()));
    }

    private static String raise(ResourceLimit resource) {
        long hard = resource.hardBytes().orElse(0L);
        if (!resource.softBytes().isKnown() || hard <= resource.softBytes().get()) {
            return "";
        }
        return hard == MemoryLimits.UNLIMITED
                ? "; may be raised as far as wanted"
                : "; may be raised to " + Texts.size(hard);
    }

    private void group() {
        table.addLine("CONTROL GROUP");
        if (!limits.controlGroup().isKnown()) {
            row("none", "", "", limits.controlGroup().whyNot());
            return;
        }
        ControlGroup group = limits.controlGroup().get();
        for (Level level : group.levels()) {
            String high = level.highBytes().orElse(MemoryLimits.UNLIMITED) == MemoryLimits.UNLIMITED
                    ? ""
                    : "; slowed down from " + size(level.highBytes());
            row(
                    Texts.printable(level.path()),
                    size(level.limitBytes()),
                    size(level.usedBytes()),
                    "version " + group.version() + high + swap(group, level) + why(level.limitBytes()));
        }
        pressure(
                "waiting for memory",
                limits.controlGroupPressure().toOptional().orElse(null),
                limits.controlGroupPressure().whyNot());
    }

    private static String swap(ControlGroup group, Level level) {
        if (level.swapLimitBytes().orElse(MemoryLimits.UNLIMITED) == MemoryLimits.UNLIMITED) {
            return "";
        }
        return (group.version() == 1 ? "; with swap at most " : "; swap at most ") + size(level.swapLimitBytes());
    }

    private void machine() {
        table.addLine("MACHINE");
        var machine = limits.machine();
        Reading<Long> used =
                machine.availableBytes().map(available -> machine.totalBytes().orElse(available) - available);
        row("memory", size(machine.totalBytes()), size(used), "used: not available any more" + why(used));
        Reading<Long> swapped =
                machine.swapFreeBytes().map(free -> machine.swapTotalBytes().orElse(free) - free);
        row("swap", size(machine.swapTotalBytes()), size(swapped), why(machine.swapTotalBytes()));
        var overcommit = limits.overcommit();
        String mode = overcommit
                .mode()
                .map(known -> switch (known) {
                    case HEURISTIC -> "not enforced: overcommit is heuristic";
                    case ALWAYS -> "not enforced: overcommit is always granted";
                    case NEVER -> "enforced: overcommit is forbidden";
                })
                .orElse("");
        row(
                "commit limit",
                size(overcommit.limitBytes()),
                size(overcommit.committedBytes()),
                mode + why(overcommit.mode()));
        pressure(
                "waiting for memory",
                limits.pressure().toOptional().orElse(null),
                limits.pressure().whyNot());
    }

    private void pressure(String name, @Nullable Pressure pressure, String whyNot) {
        if (pressure == null) {
            row(name, "?", "", whyNot);
            return;
        }
        row(
                name,
                "",
                percent(pressure.some()),
                "of the last minute some task, " + percent(pressure.full()) + " all tasks");
    }

    private static String percent(Stall stall) {
        return String.format(Locale.ROOT, "%.1f %%", stall.percentOf60Seconds());
    }

    private void hugePages() {
        table.addLine("PAGES");
        row("page", size(limits.pageBytes()), "", why(limits.pageBytes()));
        var huge = limits.transparentHugePages();
        row(
                "transparent huge page",
                size(huge.hugePageBytes()),
                "",
                huge.enabled().isKnown()
                        ? huge.enabled() + "; wait for one: " + huge.defrag().orElse("?") + "; shared memory: "
                                + huge.sharedMemory().orElse("?")
                        : huge.enabled().whyNot());
        for (HugePagePool pool : limits.hugePagePools()) {
            long pages = pool.pages().orElse(0L);
            row(
                    "pool of " + Texts.size(pool.pageBytes()),
                    count(pool.pages()),
                    count(pool.freePages().map(free -> pages - free)),
                    "pages" + why(pool.pages()));
        }
    }

    private void rooms() {
        table.addLine("NEXT");
        for (Room room : limits.rooms()) {
            row("room for " + Texts.size(room.bytes()), "", "", "then " + room.what());
        }
    }

    private void row(String name, String limit, String used, String remark) {
        table.add("  " + name, limit, used, remark.replaceFirst("^; ", ""));
    }

    private static String why(Reading<?> reading) {
        return reading.isKnown() ? "" : "; " + reading.whyNot();
    }

    private static String size(Reading<Long> bytes) {
        if (!bytes.isKnown()) {
            return "?";
        }
        return bytes.get() == MemoryLimits.UNLIMITED ? "none" : Texts.size(bytes.get());
    }

    private static String count(Reading<Long> count) {
        return count.isKnown() ? String.format(Locale.ROOT, "%,d", count.get()) : "?";
    }
}
