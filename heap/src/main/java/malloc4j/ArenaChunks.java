package malloc4j;

import java.util.Arrays;
import malloc4j.internal.os.Mutex;
import malloc4j.internal.route.Tenants;

/// The chunks of a heap's confined arenas, one for each platform thread that opens such arenas, so that opening one,
/// a few small blocks, and closing it cost no malloc.
///
/// ```
/// places, by thread id     |NONE| * |NONE| * | ...                  256 of them
///                                 |        `-> chunk of thread 259
///                                 `-> chunk of thread 257   |####|##|###|            |   16 KiB, a block of the heap
///                                                           begin       cursor of    limit
///                                                                       the open arena
/// ```
///
/// One arena at a time has a chunk; arenas opened meanwhile, those of virtual threads, and those of threads whose
/// place another living thread has, do without, and are only counted. A chunk stays its thread's while that lives. The
/// next thread at that
/// place takes it over.
///
/// Invariant: a chunk belongs to at most one thread that has not ended.
///
/// Concurrency: places and owners change under the lock. A thread finds its own chunk without it: whatever stale chunk
/// it reads there, it acts on one only that has it as the owner, which it has written itself.
final class ArenaChunks {
    /// The size of a chunk in bytes.
    static final int CHUNK_BYTES = 16 << 10;

    private static final int PLACES = 1 << 8;

    private final Heap heap;
    private final ArenaChunk[] places;
    private final Mutex lock = new Mutex();
    private final ArenaChunk unplaced; // counts the arenas of threads that have no place

    ArenaChunks(Heap heap) {
        this(heap, PLACES);
    }

    /// @param placeCount a power of two
    ArenaChunks(Heap heap, int placeCount) {
        this.heap = heap;
        this.places = new ArenaChunk[placeCount];
        Arrays.fill(places, ArenaChunk.NONE);
        this.unplaced = new ArenaChunk(heap.tenants().count(Tenants.Kind.CONFINED_ARENA));
    }

    /// What an arena that the current thread opens is counted by, from here on: the thread's chunk, or one without
    /// memory.
    ArenaChunk take(Thread thread) {
        ArenaChunk chunk = places[place(thread)];
        if (chunk.owner == thread) {
            ArenaChunk found = chunk.open == 0 ? chunk : chunk.beside;
            found.open++;
            return found;
        }
        return (chunk.isOwned() || thread.isVirtual() ? unplaced : takeOver(thread)).enter();
    }

    private ArenaChunk takeOver(Thread thread) {
        int place = place(thread);
        lock.lock();
        try {
            ArenaChunk chunk = places[place];
            if (chunk.isOwned()) {
                return unplaced;
            }
            if (chunk == ArenaChunk.NONE
                    || chunk.open > 0) { // an arena that its thread has never closed keeps its memory
                long address = heap.mallocResult(CHUNK_BYTES);
                if (address < 0) {
                    return unplaced;
                }
                chunk = describe(address);
                places[place] = chunk;
            }
            chunk.beside.open = 0; // those of the ended thread stay open for ever
            chunk.owner = thread;
            return chunk;
        } finally {
            lock.unlock();
        }
    }

    /// The chunk at a new block; where the Java heap has no room for that, the block is freed.
    private ArenaChunk describe(long address) {
        try {
            return new ArenaChunk(address + HeapArena.LEAD_BYTES, address + CHUNK_BYTES);
        } catch (OutOfMemoryError full) {
            heap.free(address);
            throw full;
        }
    }

    private int place(Thread thread) {
        return (int) thread.threadId() & (places.length - 1);
    }

    /// How many chunks no arena is open on.
    int idleCount() {
        return (int) Arrays.stream(places)
                .filter(chunk -> chunk != ArenaChunk.NONE && chunk.open == 0)
                .count();
    }

    /// How many arenas are open on the chunks of threads that have not ended.
    long openCount() {
        return Arrays.stream(places).mapToLong(ArenaChunk::openCount).sum();
    }

    /// Frees the chunks of threads that have ended and of the current one, where no arena is open on them.
    void trim() {
        lock.lock();
        try {
            for (int place = 0; place < places.length; place++) {
                ArenaChunk chunk = places[place];
                boolean unused = chunk.owner == Thread.currentThread() || !chunk.isOwned();
                if (chunk != ArenaChunk.NONE && unused && chunk.open == 0 && chunk.openCount() == 0) {
                    places[place] = ArenaChunk.NONE;
                    chunk.owner = null;
                    heap.free(chunk.begin - HeapArena.LEAD_BYTES);
                }
            }
        } finally {
            lock.unlock();
        }
    }

    /// Forgets all chunks, because their heap has been closed.
    void clear() {
        Arrays.fill(places, ArenaChunk.NONE);
    }
}
