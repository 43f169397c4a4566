package malloc4j.cli.profile;

import java.util.Locale;
import malloc4j.cli.Choice;
import malloc4j.observe.AllocationSite;

/// Which of a site's figures it is about.
public enum Measure {
    /// What is not freed.
    LIVE {
        @Override
        public long bytes(AllocationSite site) {
            return site.liveBytes();
        }

        @Override
        public long blocks(AllocationSite site) {
            return site.liveBlocks();
        }

        @Override
        public long samples(AllocationSite site) {
            return site.liveSamples();
        }

        @Override
        public long deviationBytes(AllocationSite site) {
            return site.liveDeviationBytes();
        }
    },
    /// All that was allocated, freed since or not.
    TOTAL {
        @Override
        public long bytes(AllocationSite site) {
            return site.totalBytes();
        }

        @Override
        public long blocks(AllocationSite site) {
            return site.totalBlocks();
        }

        @Override
        public long samples(AllocationSite site) {
            return site.totalSamples();
        }

        @Override
        public long deviationBytes(AllocationSite site) {
            return site.totalDeviationBytes();
        }
    };

    public abstract long bytes(AllocationSite site);

    public abstract long blocks(AllocationSite site);

    /// How many samples the two rest on.
    public abstract long samples(AllocationSite site);

    /// The standard deviation of the bytes.
    public abstract long deviationBytes(AllocationSite site);

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }

    /// From the command line.
    public static final class Converter extends Choice<Measure> {
        public Converter() {
            super(Measure.class);
        }
    }
}
