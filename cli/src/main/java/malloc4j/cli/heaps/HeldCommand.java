package malloc4j.cli.heaps;

import io.avaje.jsonb.Json;
import java.util.List;
import java.util.concurrent.TimeUnit;
import malloc4j.cli.Page;
import malloc4j.cli.attach.HeapsAgent;
import malloc4j.cli.picture.HeapsPicture;
import malloc4j.observe.HeldPages;
import picocli.CommandLine.Command;

/// `malloc4j held`: a running process's number in, why its memory does not go back out.
@Command(
        name = "held",
        description = {
            "Shows why memory of a running Java program does not go back to the kernel: which live blocks keep pages of"
                    + " slabs that are nearly empty, and which lines have allocated them.",
        },
        footer = {
            "",
            "Lines are known where the program runs with a dense profile (malloc4j.profileBytes=1, or anything below 16384)"
                    + " or a debug heap. Attaches to the process as sites does.",
        })
public final class HeldCommand extends AttachedCommand<List<HeldPages>> {
    /// What `held --json` prints. The field names are a contract.
    @Json
    public record Report(long pid, List<Heap> heaps) {
        /// A heap.
        ///
        /// @param slabs nearly empty ones
        /// @param unknownBytes held by blocks that were not sampled
        @Json
        public record Heap(
                String name,
                long slabs,
                long heldBytes,
                long liveBytes,
                long liveBlocks,
                long unknownBytes,
                List<Site> sites) {}

        /// Who holds them.
        ///
        /// @param stack innermost first, as `Class.method(File.java:LINE)`
        @Json
        public record Site(List<String> stack, long heldBytes, long liveBytes, long liveBlocks, long oldestAgeMillis) {}

        /// One heap of it.
        public static Heap heap(HeldPages held) {
            return new Heap(
                    held.heapName(),
                    held.slabs().size(),
                    held.heldBytes(),
                    held.liveBytes(),
                    held.liveBlocks(),
                    held.unknownBytes(),
                    held.sites().stream().map(Report::site).toList());
        }

        private static Site site(HeldPages.Site site) {
            return new Site(
                    site.frames(),
                    site.heldBytes(),
                    site.liveBytes(),
                    site.blocks(),
                    TimeUnit.NANOSECONDS.toMillis(site.oldestAgeNanos()));
        }
    }

    @Override
    protected List<HeldPages> look(HeapsAgent heaps) {
        return heaps.heldPages().stream().map(HeapsAgent.Answer::value).toList();
    }

    @Override
    protected Object document(List<HeldPages> held) {
        return new Report(pid(), held.stream().map(Report::heap).toList());
    }

    @Override
    protected void render(List<HeldPages> held, Page page) {
        page.line("Process " + pid() + ":");
        held.forEach(each -> page.block(HeapsPicture.held(each)));
    }
}
