package malloc4j.cli.picture;

import java.util.ArrayList;
import java.util.List;
import malloc4j.cli.health.Health;
import malloc4j.cli.health.Severity;

/// Findings of [Health] for people.
public final class DoctorPicture {
    private DoctorPicture() {}

    /// How it is, in a sentence.
    public static String verdict(Health health) {
        String what = health.pid() == 0
                ? "This machine"
                : "Process " + health.pid() + " (" + Texts.printable(health.name()) + ")";
        long fine = health.count(Severity.FINE);
        List<String> counts = new ArrayList<>();
        addCount(counts, health.count(Severity.SEVERE), "severe finding", "severe findings");
        addCount(counts, health.count(Severity.WARNING), "warning", "warnings");
        addCount(counts, health.count(Severity.NOTE), "note", "notes");
        return counts.isEmpty()
                ? what + " is well: all of " + fine + " things looked at are fine."
                : what + " has " + String.join(", ", counts) + "; " + fine + " things are fine.";
    }

    private static void addCount(List<String> counts, long count, String one, String many) {
        if (count > 0) {
            counts.add(count + " " + (count == 1 ? one : many));
        }
    }

    /// What is fine, a line each.
    public static List<String> fine(Health health) {
        return health.findings().stream()
                .filter(finding -> finding.severity() == Severity.FINE)
                .map(finding -> "fine: " + finding.name() + ": " + Texts.printable(finding.text()))
                .toList();
    }
}
