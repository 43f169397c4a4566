package malloc4j.cli.heaps;

import io.avaje.jsonb.Json;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import malloc4j.cli.Page;
import malloc4j.cli.attach.HeapsAgent;
import malloc4j.cli.picture.BooksPicture;
import malloc4j.cli.picture.ClassesPicture;
import malloc4j.cli.picture.TraceClasses;
import malloc4j.cli.picture.TraceClassesPicture;
import malloc4j.cli.replay.TraceClassifier;
import malloc4j.observe.HeapSnapshot;
import malloc4j.observe.SizeClassStatistics;
import malloc4j.process.HeapBooks;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.IModelTransformer;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.PositionalParamSpec;
import picocli.CommandLine.Option;

/// `malloc4j classes`: a process's number, its core or a trace in, what block sizes hold or would hold out.
@Command(
        name = "classes",
        modelTransformer = ClassesCommand.OptionalProcess.class,
        description = {
            "Shows how full the slabs of each block size are in the malloc4j heaps of a Java program: what"
                    + " fragmentation costs there, and what to do.",
            "",
            "Or, with --for, what a recorded program asks for, put on these block sizes: what rounding costs, how many slabs"
                    + " its peak needs, which requests would gain from a few bytes less.",
        },
        footer = {
            "",
            "A slab is 64 KiB of blocks of one size, up to 32 KiB. Pages of a slab that no live block touches go back to the"
                    + " kernel all the same: what of the free blocks has memory, stats shows. Attaches to the process as"
                    + " sites does; of one that does not answer, and of one that has left a core, it reads the books from"
                    + " outside.",
        })
public final class ClassesCommand extends BooksCommand<List<ClassesCommand.Classes>> {
    /// The size classes of a heap that have slabs or had some.
    record Classes(String name, List<Report.SizeClass> sizeClasses) {
        /// Those that have slabs.
        List<HeapSnapshot.SizeClass> withSlabs() {
            return sizeClasses.stream()
                    .filter(entry -> entry.slabs() > 0)
                    .map(entry -> new HeapSnapshot.SizeClass(
                            entry.blockBytes(), entry.slabs(), entry.liveBlocks(), entry.freeBlocks()))
                    .toList();
        }
    }

    /// What `classes --json` prints. The field names are a contract.
    ///
    /// @param readFromOutside whether the process was not asked: then what it alone knows is absent
    /// @param notes what could not be told, a sentence each
    @Json
    public record Report(long pid, boolean readFromOutside, List<Heap> heaps, List<String> notes) {
        /// A heap.
        ///
        /// @param liveBytes live blocks of slabs
        /// @param freeBytes free blocks of slabs, with memory or without
        @Json
        public record Heap(String name, long slabs, long liveBytes, long freeBytes, List<SizeClass> classes) {}

        /// A size class.
        ///
        /// @param allocatedBlocks ever; absent where it was read from outside, as is freedBlocks
        @Json
        public record SizeClass(
                int blockBytes,
                long slabs,
                long liveBlocks,
                long freeBlocks,
                long liveBytes,
                long freeBytes,
                @Nullable Long allocatedBlocks,
                @Nullable Long freedBlocks) {}

        private static Heap heap(Classes heap) {
            List<SizeClass> classes = heap.sizeClasses();
            return new Heap(
                    heap.name(),
                    classes.stream().mapToLong(SizeClass::slabs).sum(),
                    classes.stream().mapToLong(SizeClass::liveBytes).sum(),
                    classes.stream().mapToLong(SizeClass::freeBytes).sum(),
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

        private static SizeClass sizeClass(HeapSnapshot.SizeClass entry) {
            return new SizeClass(
                    entry.blockBytes(),
                    entry.slabs(),
                    entry.liveBlocks(),
                    entry.freeBlocks(),
                    entry.liveBlocks() * entry.blockBytes(),
                    entry.freeBlocks() * entry.blockBytes(),
                    null,
                    null);
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
                    .description("The process, or the core file of one that has died, unless --for names a trace.")
                    .build());
            return command;
        }
    }

    @Override
    public Integer call() throws IOException {
        Path file = trace;
        if (file == null) {
            if (!hasTarget()) {
                throw wrongUsage("Name a process, or a trace by --for");
            }
            return super.call();
        }
        if (hasTarget() || isWatching()) {
            throw wrongUsage("--for is about a trace: leave out "
                    + (hasTarget() ? (target().isCore() ? "the core " : "the process ") + target() : "--watch"));
        }
        TraceClasses classes = TraceClassifier.read(file);
        show(() -> classes, page -> page.line(file + ": " + classes.verdict())
                .blankLine()
                .block(TraceClassesPicture.table(classes, page.columns())));
        return 0;
    }

    @Override
    protected List<Classes> look(HeapsAgent heaps) {
        return heaps.statistics().stream()
                .map(heap -> new Classes(
                        heap.name(),
                        heap.value().sizeClasses().stream()
                                .map(Report::sizeClass)
                                .toList()))
                .toList();
    }

    @Override
    protected List<Classes> look(HeapBooks books) {
        return books.heaps().stream()
                .map(heap -> new Classes(
                        heap.name(),
                        heap.sizeClasses().stream().map(Report::sizeClass).toList()))
                .toList();
    }

    @Override
    protected Object document(Look<List<Classes>> look) {
        HeapBooks books = look.books();
        return new Report(
                look.pid(),
                books != null,
                look.heaps().stream().map(Report::heap).toList(),
                books == null ? List.of() : books.notes());
    }

    @Override
    protected void render(Look<List<Classes>> look, Page page) {
        page.line(look.who() + ":");
        for (Classes heap : look.heaps()) {
            page.line(ClassesPicture.verdict(heap.name(), heap.withSlabs()));
            if (!heap.withSlabs().isEmpty()) {
                page.block(ClassesPicture.table(heap.withSlabs(), page.columns()))
                        .blankLine();
            }
        }
        if (look.books() != null) {
            BooksPicture.sentences(look.books()).forEach(page::line);
        }
    }
}
