package malloc4j.cli.bench;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import malloc4j.HeapOptions;
import malloc4j.cli.Choice;
import malloc4j.peers.AllocatorName;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/// Options of commands that compare allocators: who takes part.
final class ContestantOptions {
    @Spec(Spec.Target.MIXEE)
    @SuppressWarnings("NullAway.Init") // set by picocli
    private CommandSpec spec;

    @Option(
            names = "--with",
            split = ",",
            converter = AllocatorChoice.class,
            paramLabel = "NAME",
            description = "Allocators, separated by commas: malloc4j, malloc4j-segment, malloc4j-arena,"
                    + " malloc4j-arena-shared, glibc, jemalloc, mimalloc, tcmalloc, arena, arena-shared, unsafe,"
                    + " netty, netty-adaptive, none. Default: the fastest way to each.")
    private List<AllocatorName> with = List.of();

    @Option(
            names = "--baseline",
            paramLabel = "JAR",
            description = "Compare with the malloc4j in this jar too, as another contestant called baseline.")
    private @Nullable Path baseline;

    @Option(
            names = "--heap",
            paramLabel = "KEY=VALUE",
            description = "An option of malloc4j's common heap, such as source=brk, hardLimitBytes=64M or"
                    + " purgeDelayMillis=0; docs/heap-options.md has them all.")
    private Map<String, String> heap = Map.of();

    /// Who takes part, in the order of reports.
    List<Candidate> candidates(Collection<AllocatorName> byDefault) {
        List<Candidate> candidates = new ArrayList<>();
        for (AllocatorName name : new LinkedHashSet<>(with.isEmpty() ? byDefault : with)) {
            candidates.add(Candidate.of(name));
        }
        if (baseline != null) {
            if (!Files.isReadable(baseline) || Files.isDirectory(baseline)) {
                throw new ParameterException(spec.commandLine(), "--baseline " + baseline + ": not a readable file");
            }
            candidates.add(Candidate.baseline(baseline));
        }
        return candidates;
    }

    /// The system properties of malloc4j's common heap.
    ///
    /// @throws ParameterException if one is no option of a heap, or not what it takes
    Map<String, String> heapProperties() {
        HeapOptions.Builder options = HeapOptions.builder();
        try {
            heap.forEach(options::option);
            return options.build().properties();
        } catch (IllegalArgumentException wrong) {
            throw new ParameterException(spec.commandLine(), "--heap: " + wrong.getMessage(), wrong);
        }
    }

    /// From the command line.
    static final class AllocatorChoice extends Choice<AllocatorName> {
        AllocatorChoice() {
            super(AllocatorName.class);
        }
    }
}
