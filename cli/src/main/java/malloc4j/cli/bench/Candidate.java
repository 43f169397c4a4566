package malloc4j.cli.bench;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import malloc4j.cli.bench.BenchReport.Skipped;
import malloc4j.cli.child.ChildProcess.Launch;
import malloc4j.cli.child.ChildProcess.Purpose;
import malloc4j.cli.workload.WorkloadSettings;
import malloc4j.cli.workload.WorkloadShape;
import malloc4j.peers.AllocatorName;
import org.jspecify.annotations.Nullable;

/// An allocator as it appears in a report: one of this class path, or malloc4j as another jar has it.
///
/// @param label in reports
/// @param classPath before the program's own
record Candidate(String label, AllocatorName allocator, List<Path> classPath) {
    private static final String BASELINE = "baseline";
    private static final long BASE_MEBIBYTES = 64; // classes' objects and the workloads' own tables
    private static final long YOUNG_MEBIBYTES = 16;
    private static final long OBJECTS_MEBIBYTES = 192; // garbage of those that have Java objects for blocks
    private static final long OBJECTS_YOUNG_MEBIBYTES = 96;
    private static final long BYTES_PER_OBJECT = 300; // arena, session, resource list, segment; or a ByteBuf

    static Candidate of(AllocatorName allocator) {
        return new Candidate(allocator.toString(), allocator, List.of());
    }

    static Candidate baseline(Path jar) {
        return new Candidate(BASELINE, AllocatorName.MALLOC4J, List.of(jar.toAbsolutePath()));
    }

    /// Whether a workload is nothing for this one.
    @Nullable
    Skipped misfit(String workload, WorkloadShape shape) {
        if (allocator == AllocatorName.NONE && shape.placeBytes() == 0) {
            return new Skipped(workload, label, "memory for all its blocks at once would be too much");
        }
        return null;
    }

    /// @param properties besides those of the settings
    Launch launch(
            Class<?> main,
            Purpose purpose,
            WorkloadSettings settings,
            WorkloadShape shape,
            Map<String, String> properties) {
        long tableBytes = (settings.verify() ? 2L : 1L) * Long.BYTES * shape.blockCount();
        long mebibytes = BASE_MEBIBYTES + mebibytes(tableBytes + tableBytes / 4);
        if (allocator.hasObjects()) {
            mebibytes += OBJECTS_MEBIBYTES + mebibytes(BYTES_PER_OBJECT * shape.blockCount());
        }
        var all = new LinkedHashMap<>(properties);
        all.putAll(settings.asProperties());
        return new Launch(
                main,
                allocator,
                purpose,
                mebibytes,
                allocator.hasObjects() ? OBJECTS_YOUNG_MEBIBYTES : YOUNG_MEBIBYTES,
                classPath,
                all);
    }

    private static long mebibytes(long bytes) {
        return bytes >> 20;
    }
}
