package malloc4j.cli.replay;

import java.util.Locale;

/// Where malloc4j's common heap gets its pages from in a replay: the values of its system property `malloc4j.source`.
enum PageSource {
    MMAP,
    BRK,
    HUGE;

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
