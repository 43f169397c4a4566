package malloc4j.cli.workload;

/// A [ReturnProbe] on the allocator of this JVM, step by step. Nothing of the allocator is loaded until
/// [#allocate].
public final class ReturnRunner implements AutoCloseable {
    private final ReturnWorkload workload;
    private final Team team;

    public ReturnRunner() {
        if (!(Plan.WORKLOAD instanceof ReturnWorkload planned)) {
            throw new IllegalStateException(Plan.SETTINGS.workload() + " is no probe of what returns");
        }
        workload = planned;
        team = new Team(workload);
    }

    /// The workload's name for [WorkloadSettings].
    public static String workload(int blocks) {
        return Workloads.RETURN + ":" + blocks;
    }

    /// Uses the threads once, so that what they take is there.
    public void rehearse() {
        team.rehearse();
    }

    /// Loads the allocator and allocates all blocks.
    ///
    /// @return the allocator's name and version
    public String allocate() {
        String version = Subject.ALLOCATOR.version();
        workload.prepare(team);
        return version;
    }

    /// Frees what this probe frees.
    public void free(ReturnProbe probe) {
        workload.free(team, probe);
    }

    /// Bytes of the pages that a live block touches: the least that can be resident.
    public long livePageBytes() {
        return workload.livePageBytes(team);
    }

    /// Allocates and frees a few blocks each millisecond, so long.
    public void useLightly(long nanos) {
        workload.round(team, Stop.afterNanos(nanos));
    }

    /// Calls for all free memory to go back.
    ///
    /// @return false if this allocator has no such call
    public boolean trim() {
        return workload.trim(team);
    }

    @Override
    public void close() {
        team.close();
    }
}
