package malloc4j.cli.workload;

import java.util.Map;
import java.util.Objects;
import malloc4j.peers.AllocatorName;

/// What a child JVM runs, handed over as system properties, so that it is in constants before the first class of a
/// workload is initialised.
///
/// @param workload a name of [WorkloadName], or of a point of a [ScaleDimension]
/// @param threads of workloads that have several
/// @param verify write a pattern into every byte of every block, and check it when the block is freed
public record WorkloadSettings(AllocatorName allocator, String workload, int threads, boolean verify) {
    private static final String PREFIX = "malloc4j-bench.";

    public Map<String, String> asProperties() {
        return Map.of(
                PREFIX + "allocator", allocator.name(),
                PREFIX + "workload", workload,
                PREFIX + "threads", String.valueOf(threads),
                PREFIX + "verify", String.valueOf(verify));
    }

    static WorkloadSettings fromProperties() {
        return new WorkloadSettings(
                AllocatorName.valueOf(property("allocator")),
                property("workload"),
                Integer.parseInt(property("threads")),
                Boolean.parseBoolean(property("verify")));
    }

    private static String property(String name) {
        return Objects.requireNonNull(System.getProperty(PREFIX + name), name);
    }
}
