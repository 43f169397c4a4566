package malloc4j.cli.health;

import java.util.Locale;

/// How bad a finding is, the worst last.
public enum Severity {
    /// As it should be.
    FINE,
    /// Worth to know; something is slower or not to be had.
    NOTE,
    /// Memory is wasted, or it will be scarce.
    WARNING,
    /// It fails, or will soon.
    SEVERE;

    /// As it is written.
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
