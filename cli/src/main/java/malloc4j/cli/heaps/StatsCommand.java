package malloc4j.cli.heaps;

import java.util.List;
import malloc4j.cli.Page;
import malloc4j.cli.attach.HeapsAgent;
import malloc4j.cli.picture.BooksPicture;
import malloc4j.cli.picture.FootprintPicture;
import malloc4j.observe.HeapBook;
import malloc4j.observe.HeapFootprint;
import malloc4j.process.HeapBooks;
import picocli.CommandLine.Command;

/// `malloc4j stats`: a process's number in, or its core, where the memory of its heaps is out.
@Command(
        name = "stats",
        description = {
            "Shows where the memory of a Java program's malloc4j heaps is: parts that add up to what is mapped, under the"
                    + " names that jemalloc gives them.",
        },
        footer = {
            "",
            "allocated is for use in live blocks, active all pages of slabs and blocks, mapped what may have memory,"
                    + " retained addresses without memory. What was asked for is estimated, where the program takes"
                    + " samples. Attaches to the process as sites does; of one that does not answer, because it is stopped or"
                    + " hangs, and of one that has died and left a core, it reads the books from outside.",
        })
public final class StatsCommand extends BooksCommand<List<HeapFootprint>> {
    @Override
    protected List<HeapFootprint> look(HeapsAgent heaps) {
        return heaps.footprints().stream().map(HeapsAgent.Answer::value).toList();
    }

    @Override
    protected List<HeapFootprint> look(HeapBooks books) {
        return books.heaps().stream().map(HeapBook::footprint).toList();
    }

    @Override
    protected Object document(Look<List<HeapFootprint>> look) {
        return StatsReport.of(look);
    }

    @Override
    protected void render(Look<List<HeapFootprint>> look, Page page) {
        page.line(FootprintPicture.verdict(look.who(), look.heaps()));
        for (HeapFootprint footprint : look.heaps()) {
            page.blankLine().block(FootprintPicture.balance(footprint, page.columns()));
        }
        if (look.books() != null) {
            page.blankLine();
            BooksPicture.sentences(look.books()).forEach(page::line);
        }
    }
}
