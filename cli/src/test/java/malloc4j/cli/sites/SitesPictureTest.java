package malloc4j.cli.sites;

import static org.assertj.core.api.Assertions.assertThat;

import malloc4j.cli.picture.SitesPicture;
import malloc4j.cli.profile.Measure;
import org.junit.jupiter.api.Test;

/// What `sites` says to people, from profiles made by hand.
class SitesPictureTest {
    private static final int WIDE = 200;

    @Test
    void theVerdictComesFirst() {
        assertThat(SitesPicture.sentences(Profiles.process(), Measure.LIVE))
                .containsExactly(
                        "Process 4711: 4 MiB sampled and live from 2 sites, 75 % of it from"
                                + " app.Parser.intern(Parser.java:41).",
                        "Heap common: estimated from 28 samples in 15.0 s, one for each 512 KiB allocated.");
        assertThat(SitesPicture.sentences(Profiles.process(), Measure.TOTAL).getFirst())
                .isEqualTo("Process 4711: 14 MiB allocated while sampled from 2 sites, 57 % of it from"
                        + " app.Parser.intern(Parser.java:41).");
        assertThat(SitesPicture.sentences(Profiles.difference(), Measure.LIVE).getFirst())
                .isEqualTo("Process 4711: live memory grew by 1 MiB in 10 s, most of all at"
                        + " app.Parser.intern(Parser.java:41) by +2 MiB.");
        assertThat(SitesPicture.sentences(Profiles.nothing(), Measure.LIVE).getFirst())
                .isEqualTo("Process 4711: nothing of what was sampled is live.");
    }

    @Test
    void theTableHasEachSiteWithItsCallers() {
        assertThat(SitesPicture.table(Profiles.process(), Measure.LIVE, 20, 5, WIDE))
                .isEqualTo("""
                 live  blocks  total  blocks  samples    +-  site
                3 MiB     768  8 MiB   2,048        4  50 %  app.Parser.intern(Parser.java:41)
                                                               app.Main.main(Main.java:7)
                1 MiB       1  6 MiB       6        3  58 %  app.Reader.read(Reader.java:12)
                                                               app.Main.main(Main.java:7)
                """);
    }

    @Test
    void theTableOfADifferenceHasSigns() {
        assertThat(SitesPicture.table(Profiles.difference(), Measure.LIVE, 20, 1, WIDE))
                .isEqualTo("""
                  live  blocks  total  blocks  samples  +-  site
                +2 MiB    +512  6 MiB   1,536        3      app.Parser.intern(Parser.java:41)
                -1 MiB      -1  2 MiB       2        1      app.Reader.read(Reader.java:12)
                """);
    }

    @Test
    void theTableIsAsLongAndAsWideAsAskedFor() {
        assertThat(SitesPicture.table(Profiles.twoHeaps(), Measure.LIVE, 1, 1, WIDE))
                .contains("app.Parser.intern(Parser.java:41) in heap c")
                .endsWith("\n3 more, see --top\n");
    }

    @Test
    void inANarrowTerminalTheStacksStandBelowTheFigures() {
        assertThat(SitesPicture.table(Profiles.process(), Measure.LIVE, 1, 2, 60))
                .isEqualTo("""
                 live  blocks  total  blocks  samples    +-
                3 MiB     768  8 MiB   2,048        4  50 %
                  app.Parser.intern(Parser.java:41)
                    app.Main.main(Main.java:7)
                1 more, see --top
                """);
        assertThat(SitesPicture.table(Profiles.process(), Measure.LIVE, 20, 5, 40)
                        .lines())
                .allMatch(line -> line.length() <= 40);
    }
}
