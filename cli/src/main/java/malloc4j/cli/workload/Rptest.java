package malloc4j.cli.workload;

import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/// `rptest`: each thread replaces blocks among 1,000, sizes from 8 to 16,000 bytes, small ones likelier (linear
/// falloff); in every second loop it hands 100 blocks to the next thread by a lock-free stack, which frees them. A
/// loop frees 80 and allocates 100, in an order that strides through the slots; blocks below 4,096 bytes are
/// unaligned, aligned to 8 and to 16 bytes by turns; every page is written.
///
/// Stresses the middle sizes, aligned allocation, and frees by another thread in batches.
///
/// @source the description of rpmalloc's benchmark, as it is run in the mimalloc-bench collection
final class Rptest extends Workload {
    private static final int SLOTS = 1_000; // of each thread
    private static final int ALLOCATIONS = 100; // of a loop, and of a batch
    private static final int FREES = 80; // of a loop
    private static final int BATCHES = 16; // that a thread has under way
    private static final int MIN_BYTES = 8;
    private static final int MAX_BYTES = 16_000;
    private static final int ALIGNED_BELOW = 4_096;
    private static final int STRIDE = 379; // prime to SLOTS

    private final int[] sizes = Sizes.of(
            2_000, u -> MIN_BYTES + (MAX_BYTES - MIN_BYTES) * (1 - Math.sqrt(1 - u))); // density falls to 0 linearly
    private final Corner[] corners;

    Rptest(int threads) {
        corners = new Corner[threads];
        for (int t = 0; t < threads; t++) {
            corners[t] = new Corner(t);
        }
    }

    @Override
    public int workerCount() {
        return corners.length;
    }

    @Override
    public int blockCount() {
        return corners.length * Corner.ID_COUNT;
    }

    @Override
    public boolean crossesThreads() {
        return true;
    }

    @Override
    public long memoryPasses() {
        return 5_000;
    }

    @Override
    public long round(Team team, Stop stop) {
        var operations = new Counts(corners.length);
        team.run((worker, hand) -> {
            Corner corner = corners[worker];
            Corner next = corners[(worker + 1) % corners.length];
            long count = 0;
            long loops = 0;
            do {
                count += loop(corner, hand);
                if ((loops & 1) == 0) {
                    count += handOver(corner, next, hand);
                }
                count += corner.freeReceived(hand);
                loops++;
            } while ((loops & 15) != 0 || !stop.isReached(loops));
            operations.add(worker, count);
        });
        return operations.sum();
    }

    @Override
    public void finish(Team team) {
        team.run((worker, hand) -> {
            Corner corner = corners[worker];
            long unused = corner.freeReceived(hand);
            for (int slot = 0; slot < SLOTS; slot++) {
                hand.freeIfLive(corner.firstId + slot);
            }
        });
    }

    private long loop(Corner corner, Hand hand) {
        long operations = ALLOCATIONS;
        for (int i = 0; i < FREES; i++) {
            operations += hand.freeIfLive(corner.firstId + corner.nextFreed());
        }
        for (int i = 0; i < ALLOCATIONS; i++) {
            int id = corner.firstId + corner.nextAllocated();
            operations += hand.freeIfLive(id);
            allocate(corner, hand, id);
        }
        return operations;
    }

    /// Nothing when all batches are under way, because the next thread is behind.
    private long handOver(Corner corner, Corner next, Hand hand) {
        Batch batch = corner.idleBatch();
        if (batch == null) {
            return 0;
        }
        for (int i = 0; i < ALLOCATIONS; i++) {
            allocate(corner, hand, batch.firstId + i);
        }
        next.receive(batch);
        return ALLOCATIONS;
    }

    private void allocate(Corner corner, Hand hand, int id) {
        int byteSize = sizes[hand.nextInt(sizes.length)];
        int byteAlignment = byteSize < ALIGNED_BELOW ? corner.nextAlignment() : 0;
        long address = byteAlignment == 0 ? hand.malloc(id, byteSize) : hand.memalign(id, byteAlignment, byteSize);
        hand.touchPages(address, byteSize);
    }

    /// 100 blocks on their way to another thread.
    private static final class Batch {
        private final int firstId;
        private volatile boolean underWay;
        private @Nullable Batch below;

        Batch(int firstId) {
            this.firstId = firstId;
        }
    }

    /// What belongs to one thread; others push onto its stack.
    private static final class Corner {
        static final int ID_COUNT = SLOTS + BATCHES * ALLOCATIONS;

        private final int firstId;
        private final Batch[] batches = new Batch[BATCHES];
        private final AtomicReference<@Nullable Batch> received = new AtomicReference<>();
        private int freed;
        private int allocated;
        private int alignment;

        Corner(int index) {
            firstId = index * ID_COUNT;
            for (int i = 0; i < BATCHES; i++) {
                batches[i] = new Batch(firstId + SLOTS + i * ALLOCATIONS);
            }
        }

        int nextFreed() {
            freed = (freed + STRIDE) % SLOTS;
            return freed;
        }

        int nextAllocated() {
            allocated = (allocated + STRIDE + 2) % SLOTS; // a stride of its own, prime to SLOTS as well
            return allocated;
        }

        int nextAlignment() {
            alignment = alignment == 16 ? 0 : alignment + 8;
            return alignment;
        }

        @Nullable
        Batch idleBatch() {
            for (Batch batch : batches) {
                if (!batch.underWay) {
                    batch.underWay = true;
                    return batch;
                }
            }
            return null;
        }

        void receive(Batch batch) {
            Batch top;
            do {
                top = received.get();
                batch.below = top;
            } while (!received.compareAndSet(top, batch));
        }

        long freeReceived(Hand hand) {
            long operations = 0;
            Batch batch = received.getAndSet(null); // all at once, so no batch can come back meanwhile
            while (batch != null) {
                Batch below = batch.below;
                for (int i = 0; i < ALLOCATIONS; i++) {
                    hand.free(batch.firstId + i);
                }
                operations += ALLOCATIONS;
                batch.underWay = false;
                batch = below;
            }
            return operations;
        }
    }
}
