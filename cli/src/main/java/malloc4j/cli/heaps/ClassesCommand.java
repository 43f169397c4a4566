package malloc4j.cli.heaps;

import io.avaje.jsonb.Json;
import java.util.List;
import malloc4j.cli.Page;
import malloc4j.cli.attach.HeapsAgent;
import malloc4j.cli.picture.ClassesPicture;
import malloc4j.observe.HeapStatistics;
import malloc4j.observe.SizeClassStatistics;
import picocli.CommandLine.Command;

/// `malloc4j classes`: a running process's number in, how full the slabs of each block size are out.
@Command(
        name = "classes",
        description = {
            "Shows how full the slabs of each block size are in the malloc4j heaps of a running Java program: what"
                    + " fragmentation costs there, and what to do.",
        },
        footer = {
            "",
            "A slab is 64 KiB of blocks of one size, up to 32 KiB. Pages of a slab that no live block touches go back to the"
                    + " kernel all the same: what of the free blocks has memory, stats shows. Attaches to the process as"
                    + " sites does.",
        })
public final class ClassesCommand extends HeapsCommand<List<HeapsAgent.Answer<HeapStatistics>>> {
    /// What `classes --json` prints. The field names are a contract.
    @Json
    public record Report(long pid, List<Heap> heaps) {
        /// A heap.
        ///
        /// @param liveBytes live blocks of slabs
        /// @param freeBytes free blocks of slabs, with memory or without
        @Json
        public record Heap(String name, long slabs, long liveBytes, long freeBytes, List<SizeClass> classes) {}

        /// A size class.
        @Json
        public record SizeClass(
                int blockBytes,
                long slabs,
                long liveBlocks,
                long freeBlocks,
                long liveBytes,
                long freeBytes,
                long allocatedBlocks,
                long freedBlocks) {}

        private static Heap heap(HeapsAgent.Answer<HeapStatistics> heap) {
            HeapStatistics statistics = heap.value();
            List<SizeClass> classes =
                    statistics.sizeClasses().stream().map(Report::sizeClass).toList();
            return new Heap(
                    heap.name(),
                    statistics.slabCount(),
                    classes.stream().mapToLong(SizeClass::liveBytes).sum(),
                    statistics.slabFreeBytes(),
                    classes);
        }

        private static SizeClass sizeClass(SizeClassStatistics entry) {
            return new SizeClass(
                    entry.blockBytes(),
                    entry.slabCount(),
                    entry.liveBlocks(),
                    entry.freeBlocks(),
                    entry.liveBlocks() * entry.blockBytes(),
                    entry.freeBlocks() * entry.blockBytes(),
                    entry.allocatedBlocks(),
                    entry.freedBlocks());
        }
    }

    @Override
    protected List<HeapsAgent.Answer<HeapStatistics>> look(HeapsAgent heaps) {
        return heaps.statistics();
    }

    @Override
    protected Object document(List<HeapsAgent.Answer<HeapStatistics>> heaps) {
        return new Report(pid(), heaps.stream().map(Report::heap).toList());
    }

    @Override
    protected void render(List<HeapsAgent.Answer<HeapStatistics>> heaps, Page page) {
        page.line("Process " + pid() + ":");
        for (HeapsAgent.Answer<HeapStatistics> heap : heaps) {
            page.line(ClassesPicture.verdict(heap.name(), heap.value()));
            if (heap.value().slabCount() > 0) {
                page.block(ClassesPicture.table(heap.value(), page.columns())).blankLine();
            }
        }
    }
}
