package malloc4j.cli.workload;

import java.util.concurrent.atomic.AtomicIntegerArray;
import malloc4j.cli.child.ChildFailure;
import malloc4j.peers.Memory;

/// `mstress`: fresh threads each round, which allocate, keep half until they end, free most of the rest in random
/// order, and swap some blocks with each other. Every block is filled, and checked word by word when it is freed.
///
/// Stresses threads that end, blocks that other threads free, sizes that differ by thousands, and the contents.
///
/// Of 5,000 blocks (thread 1: 10,000, and so on) half are data of 1 to 16 words that may be freed or swapped, and
/// half as many again are kept, of 1 to 64 words; one in a hundred is 100 times as large, and of these one in ten
/// 1,000 times and one in a hundred 10,000 times. After two steps of three a random block of data is freed; after
/// one of four one is swapped with a random slot of 1,000 that all threads share. After a round half of the shared
/// slots are emptied.
///
/// IDs stay in balance: each shared slot has an ID from the start, with a block or without, and a swap gives one
/// for one.
///
/// @source the description of mstress, from mimalloc's tests, as it is run in the mimalloc-bench collection
final class Mstress extends Workload {
    private static final int SHARED_SLOTS = 1_000;
    private static final int BLOCKS = 5_000; // of thread 0
    private static final int DISTINCT_THREADS = 8; // thread t allocates (t mod 8) + 1 times as much

    private final int threads;
    private final AtomicIntegerArray shared = new AtomicIntegerArray(SHARED_SLOTS);
    private final Store[] stores;
    private final int[] wordCounts;

    Mstress(int threads) {
        this.threads = threads;
        this.stores = new Store[threads];
        int id = 0;
        for (int slot = 0; slot < SHARED_SLOTS; slot++) {
            shared.set(slot, id++);
        }
        for (int t = 0; t < threads; t++) {
            int blocks = BLOCKS * (t % DISTINCT_THREADS + 1);
            stores[t] = new Store(blocks, id);
            id += stores[t].idCount();
        }
        wordCounts = new int[id];
    }

    @Override
    public int workerCount() {
        return threads;
    }

    @Override
    public int blockCount() {
        return wordCounts.length;
    }

    @Override
    public boolean crossesThreads() {
        return true;
    }

    @Override
    public boolean checksItself() {
        return true;
    }

    @Override
    public long memoryPasses() {
        return 50;
    }

    @Override
    public long round(Team team, Stop stop) {
        var operations = new Counts(threads + 1);
        long passes = 0;
        do {
            team.runOnFreshThreads(threads, (t, hand) -> operations.add(t, live(stores[t], hand)));
            operations.add(threads, emptyShared(team.own(), 50));
            passes++;
        } while (!stop.isReached(passes));
        return operations.sum();
    }

    @Override
    public void finish(Team team) {
        long unused = emptyShared(team.own(), 100);
    }

    /// A thread's whole life.
    private long live(Store store, Hand hand) {
        long operations = 0;
        int toAllocate = store.blocks;
        int toKeep = store.blocks / 2;
        while (toAllocate > 0 || toKeep > 0) {
            if (toKeep == 0 || (toAllocate > 0 && hand.chance(50))) {
                toAllocate--;
                store.data[store.dataCount++] = allocate(store, hand, 1 << hand.nextInt(5));
            } else {
                toKeep--;
                store.kept[store.keptCount++] = allocate(store, hand, 1 << hand.nextInt(7));
            }
            operations++;
            if (store.dataCount > 0 && hand.chance(66)) {
                int at = hand.nextInt(store.dataCount);
                free(store, hand, store.data[at]);
                store.data[at] = store.data[--store.dataCount];
                operations++;
            }
            if (store.dataCount > 0 && hand.chance(25)) {
                swap(store, hand, hand.nextInt(store.dataCount));
            }
        }
        operations += store.keptCount + store.dataCount;
        while (store.keptCount > 0) {
            free(store, hand, store.kept[--store.keptCount]);
        }
        while (store.dataCount > 0) {
            free(store, hand, store.data[--store.dataCount]);
        }
        return operations;
    }

    private void swap(Store store, Hand hand, int at) {
        int id = shared.getAndSet(hand.nextInt(SHARED_SLOTS), store.data[at]);
        if (hand.addresses[id] != 0) {
            store.data[at] = id;
        } else {
            store.data[at] = store.data[--store.dataCount];
            store.giveBack(id);
        }
    }

    private int allocate(Store store, Hand hand, int words) {
        int wordCount = words;
        if (hand.chance(1)) {
            wordCount *= hand.chance(1) ? 10_000 : hand.chance(10) ? 1_000 : 100;
        }
        int id = store.take();
        long address = hand.malloc(id, (long) wordCount * Long.BYTES);
        wordCounts[id] = wordCount;
        for (int i = 0; i < wordCount; i++) {
            Memory.putLong(address + (long) i * Long.BYTES, content(id, wordCount, i));
        }
        return id;
    }

    private void free(Store store, Hand hand, int id) {
        checkAndFree(hand, id);
        store.giveBack(id);
    }

    private void checkAndFree(Hand hand, int id) {
        long address = hand.addresses[id];
        int wordCount = wordCounts[id];
        for (int i = 0; i < wordCount; i++) {
            long found = Memory.getLong(address + (long) i * Long.BYTES);
            if (found != content(id, wordCount, i)) {
                throw new ChildFailure("block of ID %d at 0x%x: word %d of %d is 0x%x instead of 0x%x"
                        .formatted(id, address, i, wordCount, found, content(id, wordCount, i)));
            }
        }
        hand.free(id);
    }

    private static long content(int id, int wordCount, int index) {
        return (wordCount - index) ^ (id * 0xbf58476d1ce4e5b9L);
    }

    private long emptyShared(Hand hand, int percent) {
        long operations = 0;
        for (int slot = 0; slot < SHARED_SLOTS; slot++) {
            int id = shared.get(slot);
            if (hand.addresses[id] != 0 && hand.chance(percent)) {
                checkAndFree(hand, id);
                operations++;
            }
        }
        return operations;
    }

    /// What the threads of one index have, one after the other: IDs without a block, data, kept blocks.
    private static final class Store {
        private final int blocks;
        private final int[] freeIds;
        private final int[] data;
        private final int[] kept;
        private int freeCount;
        private int dataCount;
        private int keptCount;

        Store(int blocks, int firstId) {
            this.blocks = blocks;
            this.data = new int[blocks];
            this.kept = new int[blocks / 2];
            this.freeIds = new int[blocks + blocks / 2];
            for (int i = freeIds.length - 1; i >= 0; i--) {
                giveBack(firstId + i);
            }
        }

        int idCount() {
            return freeIds.length;
        }

        int take() {
            return freeIds[--freeCount];
        }

        void giveBack(int id) {
            freeIds[freeCount++] = id;
        }
    }
}
