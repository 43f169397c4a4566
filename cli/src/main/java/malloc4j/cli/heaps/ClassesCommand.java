package malloc4j.cli.heaps;

import io.avaje.jsonb.Json;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import malloc4j.cli.Page;
import malloc4j.cli.attach.HeapsAgent;
import malloc4j.cli.picture.ClassesPicture;
import malloc4j.cli.picture.TraceClasses;
import malloc4j.cli.picture.TraceClassesPicture;
import malloc4j.cli.replay.TraceClassifier;
import malloc4j.observe.HeapStatistics;
import malloc4j.observe.SizeClassStatistics;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.IModelTransformer;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.PositionalParamSpec;
import picocli.CommandLine.Option;

/// `malloc4j classes`: a running process's number or a trace in, what block sizes hold or would hold out.
@Command(
        name = "classes",
        modelTransformer = ClassesCommand.OptionalProcess.class,
        description = {
            "Shows how full the slabs of each block size are in the malloc4j heaps of a running Java program: what"
                    + " fragmentation costs there, and what to do.",
            "",
            "Or, with --for, what a recorded program asks for, put on these block sizes: what rounding costs, how many slabs"
                    + " its peak needs, which requests would gain from a few bytes less.",
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

        /// One class of it.
        public static SizeClass sizeClass(SizeClassStatistics entry) {
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

    @Option(
            names = "--for",
            paramLabel = "TRACE",
            description = "Instead of a process: a trace of any format that replay reads, plain, .gz or .zst.")
    private @Nullable Path trace;

    /// Has the process's number left out where a trace is given.
    static final class OptionalProcess implements IModelTransformer {
        @Override
        public CommandSpec transform(CommandSpec command) {
            PositionalParamSpec pid = command.positionalParameters().getFirst();
            command.remove(pid);
            command.addPositional(PositionalParamSpec.builder(pid)
                    .arity("0..1")
                    .required(false)
                    .description("The process, unless --for names a trace.")
                    .build());
            return command;
        }
    }

    @Override
    public Integer call() throws IOException {
        Path file = trace;
        if (file == null) {
            if (!hasPid()) {
                throw wrongUsage("Name a process, or a trace by --for");
            }
            return super.call();
        }
        if (hasPid() || isWatching()) {
            throw wrongUsage("--for is about a trace: leave out " + (hasPid() ? "the process " + pid() : "--watch"));
        }
        TraceClasses classes = TraceClassifier.read(file);
        show(() -> classes, page -> page.line(file + ": " + classes.verdict())
                .blankLine()
                .block(TraceClassesPicture.table(classes, page.columns())));
        return 0;
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
