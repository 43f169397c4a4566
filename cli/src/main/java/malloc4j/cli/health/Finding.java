package malloc4j.cli.health;

/// One thing that was looked at.
///
/// @param name what was looked at
/// @param text how it is, a sentence
/// @param fix what to do: a command, or a sentence
public record Finding(String name, Severity severity, String text, String fix) {
    private static final String NOTHING = "nothing to do";

    /// It is as it should be.
    static Finding fine(String name, String text) {
        return new Finding(name, Severity.FINE, text, NOTHING);
    }

    /// It could not be looked at.
    static Finding unknown(String name, String whyNot) {
        return new Finding(name, Severity.FINE, "unknown: " + whyNot, NOTHING);
    }
}
