package malloc4j.cli.workload;

/// What the parent has to know of a workload before it starts a child for it.
///
/// @param workerCount threads that stay
/// @param blockCount IDs are below this
/// @param placeBytes 0 where it cannot run on memory that was there before
public record WorkloadShape(int workerCount, int blockCount, long placeBytes) {
    /// What a workload of this name needs.
    ///
    /// @param workload a name of [WorkloadName], or of a point of a [ScaleDimension]
    public static WorkloadShape of(String workload, int threads) {
        Workload made = Workloads.of(workload, threads);
        return new WorkloadShape(made.workerCount(), made.blockCount(), made.placeBytes());
    }
}
