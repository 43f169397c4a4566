package malloc4j.cli.workload;

import java.util.Optional;
import malloc4j.peers.Allocator;

/// A pattern of allocation that runs as long as it is told to, the same code for every allocator.
///
/// A block is known by its ID, from 0 below [#blockCount]: a workload gives an ID to a block that it allocates, and
/// may use the ID again when the block is freed. Blocks change hands by their IDs. The addresses stand in a table
/// by ID, as a program has its pointers somewhere.
///
/// Nothing on the way of an operation allocates Java objects or takes a lock, unless the workload is about that.
abstract class Workload {
    protected static final long MIB = 1L << 20;

    /// Threads that stay from round to round.
    public abstract int workerCount();

    /// IDs are below this.
    public abstract int blockCount();

    /// Whether one thread frees what another allocated.
    public boolean crossesThreads() {
        return false;
    }

    /// The largest block in bytes where the workload can run on memory that was there before
    /// ([malloc4j.peers.NoAllocator]), 0 where that would be too much.
    public long placeBytes() {
        return 0;
    }

    /// Whether it writes and checks contents of its own, so that nobody else may.
    public boolean checksItself() {
        return false;
    }

    /// One operation of how many is timed when latency is sampled: 1 where operations take microseconds.
    public int sampleInterval() {
        return 32;
    }

    /// Passes of each worker when memory is measured, enough for a steady state.
    public long memoryPasses() {
        return 100;
    }

    /// The allocator that this workload brings itself, if it does.
    public Optional<Allocator> allocator() {
        return Optional.empty();
    }

    /// Allocates what is live when the first round begins.
    public void prepare(Team team) {}

    /// Runs until it is told to stop.
    ///
    /// @return operations done: calls of the allocator
    public abstract long round(Team team, Stop stop);

    /// Frees all that is live.
    public abstract void finish(Team team);
}
