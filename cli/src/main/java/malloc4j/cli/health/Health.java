package malloc4j.cli.health;

import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import malloc4j.process.MemoryLimits;

/// All findings about the machine, and about a process where one is named.
///
/// @param pid of that process, 0 for none
/// @param name of that process, empty for none
/// @param findings the worst first
public record Health(long pid, String name, List<Finding> findings) {
    /// Of the machine, for a process that is started here.
    public static Health ofMachine() {
        return new Health(0, "", sorted(MachineChecks.of(MemoryLimits.read(), KernelFacts.read()).stream()));
    }

    /// Of the machine and a process.
    ///
    /// @throws malloc4j.process.UnreadableProcessException if it cannot be read
    public static Health of(long pid) {
        MemoryLimits limits = MemoryLimits.of(pid);
        ProcessFacts facts = ProcessFacts.read(pid);
        return new Health(
                pid,
                facts.name(),
                sorted(Stream.concat(
                        MachineChecks.of(limits, KernelFacts.read(pid)).stream(),
                        ProcessChecks.of(facts, limits).stream())));
    }

    private static List<Finding> sorted(Stream<Finding> findings) {
        return findings.sorted(Comparator.comparing(Finding::severity).reversed())
                .toList();
    }

    /// How many findings are that bad.
    public long count(Severity severity) {
        return findings.stream().filter(each -> each.severity() == severity).count();
    }
}
