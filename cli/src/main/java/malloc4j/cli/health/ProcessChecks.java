package malloc4j.cli.health;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import malloc4j.internal.memory.Sizes;
import malloc4j.process.MemoryLimits;
import malloc4j.process.MemoryLimits.ControlGroup;

/// What is wrong with a process: its JVM, its flags, its C library.
final class ProcessChecks {
    private static final int ARENAS_PER_PROCESSOR = 8; // glibc's own limit, where addresses have 64 bits
    private static final int FEW_HEAPS = 2;
    private static final long MUCH_BYTES = 64L << 20;
    private static final double MUCH_OF_ALL = 0.1;
    private static final double MUCH_OF_LIMIT = 0.8;
    private static final int NEEDED_JAVA = 25;
    private static final int TOLD_JAVA = 17;
    private static final int WARNING_JAVA = 24; // the first to warn of native access
    private static final String NATIVE_ACCESS = "--enable-native-access";
    private static final String DENIED = "--illegal-native-access=deny";

    private final ProcessFacts process;
    private final MemoryLimits limits;
    private final List<Finding> findings = new ArrayList<>();

    private ProcessChecks(ProcessFacts process, MemoryLimits limits) {
        this.process = process;
        this.limits = limits;
    }

    static List<Finding> of(ProcessFacts process, MemoryLimits limits) {
        ProcessChecks checks = new ProcessChecks(process, limits);
        checks.arenas();
        if (process.isJvm()) {
            checks.java();
            checks.nativeAccess();
            checks.javaHeap();
        }
        return checks.findings;
    }

    private void add(String name, Severity severity, String text, String fix) {
        findings.add(new Finding(name, severity, text, fix));
    }

    private void arenas() {
        String name = "glibc arenas";
        if (process.arenaHeaps() == 0) {
            findings.add(Finding.fine(name, "only the main one"));
            return;
        }
        String limit = arenaLimit();
        String text = String.format(
                Locale.ROOT,
                "%,d heaps of glibc's arenas have %s in memory, of %s of addresses; there may be %s",
                process.arenaHeaps(),
                Sizes.text(process.arenaResidentBytes()),
                Sizes.text(process.arenaBytes()),
                limit.isEmpty()
                        ? ARENAS_PER_PROCESSOR * process.processors() + " arenas, 8 a processor"
                        : "at most " + limit + " arenas");
        boolean isMuch = process.arenaResidentBytes() > MUCH_BYTES
                && process.arenaResidentBytes() > MUCH_OF_ALL * process.residentBytes();
        if (!limit.isEmpty() || process.arenaHeaps() <= FEW_HEAPS) {
            findings.add(Finding.fine(name, text));
            return;
        }
        long others = process.arenaResidentBytes() - process.arenaResidentBytes() / process.arenaHeaps();
        add(
                name,
                isMuch ? Severity.WARNING : Severity.NOTE,
                text,
                "start it with MALLOC_ARENA_MAX=2 in the environment: new threads then share two arenas, so free blocks of"
                        + " one thread serve another; it saves what is free in the others, of at most "
                        + Sizes.text(others) + ", and costs waiting where threads malloc at once");
    }

    private String arenaLimit() {
        String variable = process.variable("MALLOC_ARENA_MAX");
        String tunables = process.variable("GLIBC_TUNABLES");
        return variable.isEmpty() && tunables.contains("glibc.malloc.arena_max=")
                ? tunables.replaceFirst("^.*glibc\\.malloc\\.arena_max=([0-9]*).*$", "$1")
                : variable;
    }

    private void java() {
        if (process.javaFeature() == 0) {
            findings.add(Finding.unknown("java", "no file beside the program tells its version"));
        } else if (process.javaFeature() < TOLD_JAVA) {
            add(
                    "java",
                    Severity.NOTE,
                    "Java " + process.javaVersion() + ": who, map and layout cannot tell its areas apart",
                    "run on JDK 17 or newer; malloc4j needs 25");
        } else if (process.javaFeature() < NEEDED_JAVA) {
            add(
                    "java",
                    Severity.NOTE,
                    "Java " + process.javaVersion() + ": malloc4j needs 25",
                    "run on JDK 25 or newer");
        } else {
            findings.add(Finding.fine("java", "Java " + process.javaVersion()));
        }
    }

    private void nativeAccess() {
        String name = "native access";
        int feature = process.javaFeature();
        if (process.isTold(NATIVE_ACCESS)) {
            findings.add(Finding.fine(name, "granted by a flag"));
            return;
        }
        if (feature > 0 && feature < WARNING_JAVA) {
            findings.add(Finding.fine(name, "this JDK does not ask for it"));
            return;
        }
        boolean isDenied = process.isTold(DENIED);
        String text = isDenied
                ? "the process runs with " + DENIED + " and no " + NATIVE_ACCESS + ": malloc4j is refused"
                : "no " + NATIVE_ACCESS
                        + " among its flags: unless its jar's manifest grants it, the JVM warns of malloc4j,"
                        + " and a later one will refuse it";
        add(
                name,
                isDenied ? Severity.SEVERE : process.hasMalloc4j() ? Severity.WARNING : Severity.NOTE,
                text,
                NATIVE_ACCESS
                        + "=ALL-UNNAMED on the command line or in JDK_JAVA_OPTIONS, =malloc4j on the module path, or"
                        + " Enable-Native-Access: ALL-UNNAMED in the manifest of the jar");
    }

    /// A Java heap that may take the whole control group leaves nothing for what is outside it.
    private void javaHeap() {
        long limit = limits.controlGroup().map(ControlGroup::limitBytes).orElse(MemoryLimits.UNLIMITED);
        if (process.javaHeapBytes() == 0 || limit == MemoryLimits.UNLIMITED) {
            return;
        }
        String text = "the Java heap may grow to " + Sizes.text(process.javaHeapBytes()) + " of the control group's "
                + Sizes.text(limit);
        if (process.javaHeapBytes() > MUCH_OF_LIMIT * limit) {
            add(
                    "java heap",
                    process.javaHeapBytes() >= limit ? Severity.SEVERE : Severity.WARNING,
                    text + ": too little is left for threads, metaspace, and memory outside the Java heap",
                    "lower -Xmx or -XX:MaxRAMPercentage to two thirds of the limit, or raise the limit");
        } else {
            findings.add(Finding.fine("java heap", text));
        }
    }
}
