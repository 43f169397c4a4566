package malloc4j.cli.sites;

import java.util.Locale;
import malloc4j.cli.Choice;

/// The files that there are.
enum SitesFormat {
    /// A line a stack, which most flame graph tools read.
    COLLAPSED,
    /// For `pprof`.
    PPROF,
    /// For a browser.
    HTML;

    SitesFile file() {
        return switch (this) {
            case COLLAPSED -> new CollapsedStacks();
            case PPROF -> new PprofProfile();
            case HTML -> new FlameGraphPage();
        };
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }

    /// From the command line.
    static final class Converter extends Choice<SitesFormat> {
        Converter() {
            super(SitesFormat.class);
        }
    }
}
