package malloc4j.cli.replay;

import java.util.Locale;
import malloc4j.cli.Choice;

/// Where malloc4j's common heap gets its pages from in a replay: the values of its system property
/// `malloc4j.source`.
enum ReplaySource {
    MMAP,
    BRK,
    HUGE;

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }

    /// From the command line.
    static final class Converter extends Choice<ReplaySource> {
        Converter() {
            super(ReplaySource.class);
        }
    }
}
