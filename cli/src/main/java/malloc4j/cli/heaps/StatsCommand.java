package malloc4j.cli.heaps;

import java.util.List;
import malloc4j.cli.Page;
import malloc4j.cli.attach.HeapsAgent;
import malloc4j.cli.picture.FootprintPicture;
import malloc4j.observe.HeapFootprint;
import picocli.CommandLine.Command;

/// `malloc4j stats`: a running process's number in, where the memory of its heaps is out.
@Command(
        name = "stats",
        description = {
            "Shows where the memory of a running Java program's malloc4j heaps is: parts that add up to what is mapped,"
                    + " under the names that jemalloc gives them.",
        },
        footer = {
            "",
            "allocated is for use in live blocks, active all pages of slabs and blocks, mapped what may have memory,"
                    + " retained addresses without memory. What was asked for is estimated, where the program takes"
                    + " samples. Attaches to the process as sites does.",
        })
public final class StatsCommand extends HeapsCommand<List<HeapFootprint>> {
    @Override
    protected List<HeapFootprint> look(HeapsAgent heaps) {
        return heaps.footprints().stream().map(HeapsAgent.Answer::value).toList();
    }

    @Override
    protected Object document(List<HeapFootprint> footprints) {
        return StatsReport.of(pid(), footprints);
    }

    @Override
    protected void render(List<HeapFootprint> footprints, Page page) {
        page.line(FootprintPicture.verdict(pid(), footprints));
        for (HeapFootprint footprint : footprints) {
            page.blankLine().block(FootprintPicture.balance(footprint, page.columns()));
        }
    }
}
