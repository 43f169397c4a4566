package malloc4j.cli.workload;

import java.util.BitSet;
import malloc4j.peers.Allocator;
import malloc4j.peers.AllocatorName;
import malloc4j.peers.NoAllocator;
import malloc4j.peers.Peers;

/// The one allocator of this JVM, a constant. It is loaded when this class is.
final class Subject {
    static final Allocator ALLOCATOR = make();

    private Subject() {}

    private static Allocator make() {
        Workload workload = Plan.WORKLOAD;
        Allocator allocator = Plan.SETTINGS.allocator() == AllocatorName.NONE
                ? new NoAllocator(workload.placeBytes())
                : workload.allocator().orElseGet(() -> Peers.of(Plan.SETTINGS.allocator()));
        var crossing = new BitSet();
        if (workload.crossesThreads()) {
            crossing.set(0, workload.blockCount());
        }
        allocator.prepare(workload.blockCount(), crossing);
        return allocator;
    }
}
