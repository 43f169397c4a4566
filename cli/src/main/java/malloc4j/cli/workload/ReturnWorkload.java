package malloc4j.cli.workload;

import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;

/// `return:N`: N blocks of 16 to 199 bytes, written whole; a second thread that may free them; and light use, a few
/// blocks each millisecond.
final class ReturnWorkload extends Workload {
    private static final int OWNER = 0;
    private static final int OTHER = 1;
    private static final int KEPT = 200; // one of so many
    private static final int LIGHT_BLOCKS = 64;
    private static final long LIGHT_PAUSE_NANOS = 1_000_000;
    private static final long PAGE_BYTES = 4096;

    private final int blocks;
    private final int[] sizes = Sizes.uniform(1 << 12, 16, 199);

    ReturnWorkload(int blocks) {
        this.blocks = blocks;
    }

    @Override
    public int workerCount() {
        return 2;
    }

    @Override
    public int blockCount() {
        return blocks + LIGHT_BLOCKS;
    }

    @Override
    public boolean crossesThreads() {
        return true;
    }

    private int byteSize(int id) {
        return sizes[id & (sizes.length - 1)];
    }

    private static void runOn(int index, Team team, Team.Task task) {
        team.run((worker, hand) -> {
            if (worker == index) {
                task.run(worker, hand);
            }
        });
    }

    @Override
    public void prepare(Team team) {
        runOn(OWNER, team, (worker, hand) -> {
            for (int id = 0; id < blocks; id++) {
                hand.fill(hand.malloc(id, byteSize(id)), byteSize(id));
            }
        });
    }

    void free(Team team, ReturnProbe probe) {
        boolean keep = probe == ReturnProbe.KEEP_EVERY_200TH;
        runOn(probe == ReturnProbe.FREED_BY_ANOTHER ? OTHER : OWNER, team, (worker, hand) -> {
            for (int id = 0; id < blocks; id++) {
                if (!keep || id % KEPT != 0) {
                    hand.free(id);
                }
            }
        });
    }

    /// Bytes of the pages that a live block touches: the least that can be resident.
    long livePageBytes(Team team) {
        long[] addresses = team.own().addresses;
        Set<Long> pages = new HashSet<>();
        for (int id = 0; id < blocks; id++) {
            if (addresses[id] != 0) {
                long last = (addresses[id] + byteSize(id) - 1) / PAGE_BYTES;
                for (long page = addresses[id] / PAGE_BYTES; page <= last; page++) {
                    pages.add(page);
                }
            }
        }
        return pages.size() * PAGE_BYTES;
    }

    /// Light use: a few blocks each millisecond, by the thread that allocated at first.
    @Override
    public long round(Team team, Stop stop) {
        var operations = new Counts(workerCount());
        runOn(OWNER, team, (worker, hand) -> {
            long passes = 0;
            do {
                for (int id = blocks; id < blocks + LIGHT_BLOCKS; id++) {
                    hand.fill(hand.malloc(id, byteSize(id)), byteSize(id));
                }
                for (int id = blocks; id < blocks + LIGHT_BLOCKS; id++) {
                    hand.free(id);
                }
                passes++;
                LockSupport.parkNanos(LIGHT_PAUSE_NANOS);
            } while (!stop.isReached(passes));
            operations.add(worker, passes * 2 * LIGHT_BLOCKS);
        });
        return operations.sum();
    }

    /// Trims on both threads, as some libraries trim what belongs to the calling one.
    ///
    /// @return false if this allocator has no such call
    boolean trim(Team team) {
        boolean[] has = new boolean[1];
        runOn(OTHER, team, (worker, hand) -> has[0] = Subject.ALLOCATOR.trim());
        runOn(OWNER, team, (worker, hand) -> has[0] |= Subject.ALLOCATOR.trim());
        return has[0];
    }

    @Override
    public void finish(Team team) {
        runOn(OWNER, team, (worker, hand) -> {
            for (int id = 0; id < blocks; id++) {
                hand.freeIfLive(id);
            }
        });
    }
}
