package malloc4j.cli.health;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import malloc4j.internal.memory.Sizes;
import malloc4j.process.MemoryLimits;
import malloc4j.process.MemoryLimits.ControlGroup;
import malloc4j.process.MemoryLimits.Level;
import malloc4j.process.MemoryLimits.OvercommitMode;
import malloc4j.process.MemoryLimits.Pressure;
import malloc4j.process.MemoryLimits.ResourceLimit;
import malloc4j.process.Reading;

/// What is wrong with the machine, the control group and the limits of a process.
final class MachineChecks {
    private static final double HALF = 0.5;
    private static final double NEAR = 0.9;
    private static final double PRESSED_PERCENT = 10;
    private static final long LEAST_LOCKED_BYTES = 8L << 20; // what Linux grants since 5.16
    private static final long LEAST_FOLDER_BYTES = 64L << 20; // some guard files, of 8 MiB each
    private static final long USUAL_MAPPINGS = 65_530;
    private static final long ADVISED_MAPPINGS = 262_144;
    private static final int CAP_SYS_ADMIN = 21;
    private static final int CAP_SYS_PTRACE = 19;
    private static final int CAP_PERFMON = 38;
    private static final int MAX_PARANOID = 2;

    private final MemoryLimits limits;
    private final KernelFacts kernel;
    private final List<Finding> findings = new ArrayList<>();

    private MachineChecks(MemoryLimits limits, KernelFacts kernel) {
        this.limits = limits;
        this.kernel = kernel;
    }

    static List<Finding> of(MemoryLimits limits, KernelFacts kernel) {
        MachineChecks checks = new MachineChecks(limits, kernel);
        checks.kernel();
        checks.hugePages();
        checks.overcommit();
        checks.memory();
        checks.mappings();
        checks.limit("address space", "RLIMIT_AS", "ulimit -v unlimited", limits.addressSpace());
        checks.limit("data", "RLIMIT_DATA", "ulimit -d unlimited", limits.data());
        checks.lockedMemory();
        checks.controlGroup();
        checks.pressure("pressure", limits.pressure());
        checks.pressure("control group's pressure", limits.controlGroupPressure());
        checks.guards();
        checks.tracing();
        checks.folder();
        return checks.findings;
    }

    private void add(String name, Severity severity, String text, String fix) {
        findings.add(new Finding(name, severity, text, fix));
    }

    private void fine(String name, String text) {
        findings.add(Finding.fine(name, text));
    }

    private void kernel() {
        if (kernel.release().isEmpty()) {
            findings.add(Finding.unknown("kernel", "/proc/sys/kernel/osrelease cannot be read"));
        } else if (kernel.isBefore(4, 14)) {
            add(
                    "kernel",
                    Severity.WARNING,
                    "Linux " + kernel.release()
                            + " is older than 4.14: it has no sums of what a process holds, and none of"
                            + " the newer safeguards of memory",
                    "run a kernel of 5.14 or newer");
        } else if (kernel.isBefore(5, 14)) {
            add(
                    "kernel",
                    Severity.NOTE,
                    "Linux " + kernel.release() + " is older than 5.14: secrets are not hidden from the kernel itself"
                            + " (memfd_secret)",
                    "run a kernel of 5.14 or newer");
        } else {
            fine("kernel", "Linux " + kernel.release());
        }
    }

    private void hugePages() {
        String name = "transparent huge pages";
        Reading<String> enabled = limits.transparentHugePages().enabled();
        if (!enabled.isKnown()) {
            findings.add(Finding.unknown(name, enabled.whyNot()));
        } else if (enabled.get().equals("always")) {
            add(
                    name,
                    Severity.WARNING,
                    "always: the kernel puts huge pages where a program has touched a few bytes, and fills again what"
                            + " was given back page by page, so more stays in memory than is used",
                    "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled");
        } else {
            fine(name, enabled.get());
        }
    }

    private void overcommit() {
        var overcommit = limits.overcommit();
        if (!overcommit.mode().isKnown()) {
            findings.add(Finding.unknown("overcommit", overcommit.mode().whyNot()));
            return;
        }
        if (overcommit.mode().get() != OvercommitMode.NEVER) {
            fine("overcommit", overcommit.mode().get().name().toLowerCase(Locale.ROOT));
            return;
        }
        long committed = overcommit.committedBytes().orElse(0L);
        long limit = overcommit.limitBytes().orElse(Long.MAX_VALUE);
        boolean isNear = committed > NEAR * limit;
        add(
                "overcommit",
                isNear ? Severity.SEVERE : Severity.NOTE,
                "never: " + Sizes.text(committed) + " of " + Sizes.text(limit) + " are promised to processes"
                        + (isNear ? ": soon requests are refused, though memory is free" : ""),
                "sysctl -w vm.overcommit_memory=0, or raise vm.overcommit_ratio");
    }

    private void memory() {
        var machine = limits.machine();
        if (!machine.totalBytes().isKnown() || !machine.availableBytes().isKnown()) {
            findings.add(Finding.unknown("memory", machine.availableBytes().whyNot()));
            return;
        }
        long total = machine.totalBytes().get();
        long available = machine.availableBytes().get();
        long swapFree = machine.swapFreeBytes().orElse(0L);
        String text = Sizes.text(available) + " of " + Sizes.text(total) + " can be had";
        boolean isScarce = available < (1 - NEAR) * total;
        if (isScarce) {
            boolean isNone = available + swapFree < (1 - NEAR) / 2 * total;
            add(
                    "memory",
                    isNone ? Severity.SEVERE : Severity.WARNING,
                    text + (isNone ? ", and no swap: the kernel will kill a process" : ""),
                    "end what is not needed (./malloc4j who PID says what holds memory), or add memory or swap");
        } else {
            fine("memory", text);
        }
    }

    private void mappings() {
        var mappings = limits.mappings();
        if (!mappings.used().isKnown() || !mappings.max().isKnown()) {
            findings.add(Finding.unknown(
                    "mappings", mappings.used().whyNot() + mappings.max().whyNot()));
            return;
        }
        long used = mappings.used().get();
        long max = mappings.max().get();
        String text = String.format(Locale.ROOT, "%,d of %,d (vm.max_map_count)", used, max);
        String fix = "sysctl -w vm.max_map_count=" + Math.max(ADVISED_MAPPINGS, 2 * max)
                + "; ./malloc4j map PID says who has them";
        if (used > NEAR * max) {
            add("mappings", Severity.SEVERE, text + ": at the limit a JVM exits", fix);
        } else if (used > HALF * max) {
            add("mappings", Severity.WARNING, text, fix);
        } else if (max < USUAL_MAPPINGS) {
            add("mappings", Severity.NOTE, text + ": the limit is below Linux's own of 65,530", fix);
        } else {
            fine("mappings", text);
        }
    }

    private void limit(String name, String limit, String fix, ResourceLimit resource) {
        long soft = resource.softBytes().orElse(MemoryLimits.UNLIMITED);
        if (!resource.softBytes().isKnown()) {
            findings.add(Finding.unknown(name, resource.softBytes().whyNot()));
        } else if (soft == MemoryLimits.UNLIMITED) {
            fine(name, "unlimited");
        } else {
            long used = resource.usedBytes().orElse(0L);
            boolean isNear = used > NEAR * soft;
            add(
                    name,
                    isNear ? Severity.SEVERE : Severity.NOTE,
                    limit + " is " + Sizes.text(soft) + ", of which " + Sizes.text(used)
                            + " are used: reservations count too, and heaps of malloc4j get smaller zones",
                    fix);
        }
    }

    private void lockedMemory() {
        String name = "locked memory";
        Reading<Long> soft = limits.lockedMemory().softBytes();
        if (!soft.isKnown()) {
            findings.add(Finding.unknown(name, soft.whyNot()));
        } else if (soft.get() < LEAST_LOCKED_BYTES) {
            add(
                    name,
                    Severity.NOTE,
                    "RLIMIT_MEMLOCK is " + Sizes.text(soft.get()) + ": more than that of secrets and locks is refused",
                    "ulimit -l 65536, LimitMEMLOCK=64M in systemd, or docker run --ulimit memlock=-1");
        } else {
            fine(name, soft.get() == MemoryLimits.UNLIMITED ? "unlimited" : Sizes.text(soft.get()));
        }
    }

    private void controlGroup() {
        String name = "control group";
        if (!limits.controlGroup().isKnown()) {
            findings.add(Finding.unknown(name, limits.controlGroup().whyNot()));
            return;
        }
        ControlGroup group = limits.controlGroup().get();
        for (Level level : group.levels()) {
            long high = level.highBytes().orElse(MemoryLimits.UNLIMITED);
            if (high != MemoryLimits.UNLIMITED && level.usedBytes().orElse(0L) > high) {
                add(
                        name,
                        Severity.WARNING,
                        level.path() + " has " + Sizes.text(level.usedBytes().get()) + ", above its memory.high of "
                                + Sizes.text(high) + ": the kernel slows it down",
                        "raise memory.high (systemd: MemoryHigh=), or use less");
                return;
            }
        }
        if (group.limitBytes() == MemoryLimits.UNLIMITED) {
            fine(name, "no limit");
            return;
        }
        String text = Sizes.text(group.leftBytes()) + " left of " + Sizes.text(group.limitBytes());
        if (group.leftBytes() < (1 - NEAR) * group.limitBytes()) {
            add(
                    name,
                    Severity.WARNING,
                    text + ", files' pages counted, which can be taken back: beyond it the kernel kills",
                    "raise memory.max (docker run --memory, systemd: MemoryMax=), or use less");
        } else {
            fine(name, text);
        }
    }

    private void pressure(String name, Reading<Pressure> pressure) {
        if (!pressure.isKnown()) {
            findings.add(Finding.unknown(name, pressure.whyNot()));
            return;
        }
        double some = pressure.get().some().percentOf60Seconds();
        double full = pressure.get().full().percentOf60Seconds();
        String text = String.format(
                Locale.ROOT, "some task waited for memory %.1f %% of the last minute, all tasks %.1f %%", some, full);
        if (some >= PRESSED_PERCENT) {
            add(
                    name,
                    full >= PRESSED_PERCENT ? Severity.SEVERE : Severity.WARNING,
                    text,
                    "use less or give more: ./malloc4j limits PID says which limit is near");
        } else {
            fine(name, text);
        }
    }

    private void guards() {
        int paranoid = kernel.perfEventParanoid().orElse(0);
        boolean mayAnyway = kernel.has(CAP_PERFMON) || kernel.has(CAP_SYS_ADMIN);
        if (paranoid > MAX_PARANOID && !mayAnyway) {
            add(
                    "guards",
                    Severity.NOTE,
                    "kernel.perf_event_paranoid is " + paranoid
                            + ": reports of guarded blocks guess which address was touched",
                    "sysctl -w kernel.perf_event_paranoid=2, or grant CAP_PERFMON");
        } else if (kernel.filtersCalls()) {
            add(
                    "guards",
                    Severity.NOTE,
                    "system calls are filtered (seccomp): where perf_event_open is among those, reports of guarded blocks"
                            + " guess which address was touched, and memfd_secret may be refused too",
                    "allow perf_event_open and memfd_secret in the filter (docker run --security-opt seccomp=FILE)");
        } else {
            fine("guards", "touched addresses can be told exactly");
        }
    }

    private void tracing() {
        int scope = kernel.ptraceScope().orElse(0);
        if (scope > 0 && !kernel.has(CAP_SYS_PTRACE)) {
            add(
                    "tracing",
                    Severity.NOTE,
                    "kernel.yama.ptrace_scope is " + scope + ": who, map and layout see no stacks and no JVM's areas in"
                            + " other processes",
                    "sysctl -w kernel.yama.ptrace_scope=0, or run as root");
        } else {
            fine("tracing", "other processes of the same user can be looked into");
        }
    }

    private void folder() {
        String name = "temporary folder";
        if (!kernel.isFolderWritable() || kernel.folderBytes() < LEAST_FOLDER_BYTES) {
            add(
                    name,
                    Severity.WARNING,
                    kernel.folder()
                            + (kernel.isFolderWritable()
                                    ? " has only " + Sizes.text(kernel.folderBytes()) + " left"
                                    : " cannot be written to")
                            + ": heaps that guard blocks keep their files there, and tools attach there",
                    "make room there, or name another place: -Djava.io.tmpdir=DIR, -Dmalloc4j.guardFile=FILE");
        } else {
            fine(name, kernel.folder() + ", " + Sizes.text(kernel.folderBytes()) + " left");
        }
    }
}
