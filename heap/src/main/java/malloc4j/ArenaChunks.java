package malloc4j;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import malloc4j.internal.cache.ThreadTable;
import malloc4j.internal.os.Mutex;
import malloc4j.internal.region.PageGeometry;
import malloc4j.internal.route.Tenants;

/// The chunks of a heap's confined arenas, one for each platform thread that opens such arenas, so that opening one,
/// a few small blocks, and closing it cost no malloc.
///
/// ```
/// places, by thread id     |NONE| * |NONE| * | ...                  256 of them
///                                 |        `-> chunk of thread 259
///                                 `-> chunk of thread 257   |####|##|###|            |   16 KiB, a block of pages
///                                                           begin       cursor of    limit
///                                                                       the open arena
/// displaced   513 -> chunk, 1027 -> chunk           of threads whose place another living thread has
/// ```
///
/// One arena at a time has a chunk; arenas opened meanwhile, and those of virtual threads, do without, and are only
/// counted. A chunk stays its thread's while that lives. The next thread at that place takes it over; those of
/// displaced threads that have ended are found by the next displaced ones, each of which looks at a few in turn.
///
/// Invariants, checked by [#verify]:
/// 1. A chunk belongs to at most one thread that has not ended, and is at that thread's place or among the displaced
///    ones, not both.
/// 2. The table of displaced threads has those of `displacedChunks`, each under the id of its owner.
///
/// Concurrency: places, table and owners change under the lock, which is not held while the heap is asked for a
/// block. A thread finds its own chunk without it: whatever stale chunk it reads there, it acts on one only that has
/// it as the owner, which it has written itself.
final class ArenaChunks {
    /// The size of a chunk in bytes.
    static final int CHUNK_BYTES = Math.max(16 << 10, (int) PageGeometry.PAGE_BYTES);

    /// Its pages.
    static final int PAGE_COUNT = CHUNK_BYTES >>> PageGeometry.PAGE_SHIFT;

    private static final int PLACES = 1 << 8;
    private static final int SEARCHED = 8; // chunks that each new displaced thread looks at

    private final ArenaBlocks heap;
    private final ArenaChunk[] places;
    private final ThreadTable<ArenaChunk> displaced = new ThreadTable<>();
    private final List<ArenaChunk> displacedChunks = new ArrayList<>();
    private int nextSearched;
    private final Mutex lock = new Mutex();
    private final ArenaChunk unplaced; // counts the arenas of threads that have no chunk

    ArenaChunks(ArenaBlocks heap) {
        this(heap, PLACES);
    }

    /// @param placeCount a power of two
    ArenaChunks(ArenaBlocks heap, int placeCount) {
        this.heap = heap;
        this.places = new ArenaChunk[placeCount];
        Arrays.fill(places, ArenaChunk.NONE);
        this.unplaced = new ArenaChunk(heap.count(Tenants.Kind.CONFINED_ARENA));
    }

    /// What an arena that the current thread opens is counted by, from here on: the thread's chunk, or one without
    /// memory.
    ArenaChunk take(Thread thread) {
        ArenaChunk chunk = places[place(thread)];
        return chunk.owner == thread ? enter(chunk) : takeElsewhere(thread);
    }

    private static ArenaChunk enter(ArenaChunk chunk) {
        ArenaChunk found = chunk.open == 0 ? chunk : chunk.beside;
        found.open++;
        return found;
    }

    private ArenaChunk takeElsewhere(Thread thread) {
        if (thread.isVirtual()) {
            return unplaced.enter();
        }
        ArenaChunk chunk = displaced.get(thread.threadId());
        if (chunk == null) {
            chunk = obtain(thread);
        }
        return chunk == unplaced ? chunk.enter() : enter(chunk);
    }

    /// A chunk for a thread that has none: an ended thread's or a new one; without memory when the heap has no block.
    private ArenaChunk obtain(Thread thread) {
        ArenaChunk used = takeOver(thread);
        if (used != ArenaChunk.NONE) {
            return used;
        }
        long address = heap.pagesResult(CHUNK_BYTES, 1); // without the lock: it may ask the program for room
        if (address < 0) {
            return unplaced;
        }
        ArenaChunk chunk = ArenaChunk.NONE;
        lock.lock();
        try {
            ArenaChunk own = find(thread); // the program may have opened an arena meanwhile
            chunk = own == ArenaChunk.NONE ? insert(describe(address), thread) : own;
        } finally {
            lock.unlock();
            if (chunk.begin != address + HeapArena.LEAD_BYTES) { // or the Java heap is full
                heap.freePages(address);
            }
        }
        return chunk;
    }

    /// The chunk of a thread that has ended, now the current thread's, or [ArenaChunk#NONE].
    private ArenaChunk takeOver(Thread thread) {
        lock.lock();
        try {
            ArenaChunk chunk = places[place(thread)];
            if (chunk.isOwned()) {
                chunk = removeEnded();
            }
            boolean reusable =
                    chunk != ArenaChunk.NONE && chunk.open == 0; // one that was never closed keeps its memory
            return reusable ? insert(chunk, thread) : ArenaChunk.NONE;
        } finally {
            lock.unlock();
        }
    }

    /// Takes the chunk of a displaced thread that has ended out, if there is one among the next few.
    private ArenaChunk removeEnded() {
        for (int count = Math.min(SEARCHED, displacedChunks.size()); count > 0; count--) {
            nextSearched = nextSearched < displacedChunks.size() ? nextSearched : 0;
            ArenaChunk chunk = displacedChunks.get(nextSearched);
            if (!chunk.isOwned()) {
                removeDisplaced(nextSearched);
                return chunk;
            }
            nextSearched++;
        }
        return ArenaChunk.NONE;
    }

    private void removeDisplaced(int index) {
        Thread ended = displacedChunks.get(index).owner;
        ArenaChunk last = displacedChunks.removeLast();
        if (index < displacedChunks.size()) {
            displacedChunks.set(index, last);
        }
        if (ended != null) {
            displaced.remove(ended.threadId());
        }
    }

    /// The chunk that a thread has, or [ArenaChunk#NONE].
    private ArenaChunk find(Thread thread) {
        ArenaChunk placed = places[place(thread)];
        ArenaChunk other = displaced.get(thread.threadId());
        return placed.owner == thread ? placed : other == null ? ArenaChunk.NONE : other;
    }

    /// Makes a chunk the current thread's. Returns it.
    private ArenaChunk insert(ArenaChunk chunk, Thread thread) {
        int place = place(thread);
        if (places[place].isOwned()) {
            displaced.makeRoom();
            displacedChunks.add(chunk);
            displaced.put(thread.threadId(), chunk);
        } else {
            places[place] = chunk;
        }
        chunk.beside.open = 0; // those of the ended thread stay open for ever
        chunk.owner = thread;
        return chunk;
    }

    private static ArenaChunk describe(long address) {
        return new ArenaChunk(address + HeapArena.LEAD_BYTES, address + CHUNK_BYTES);
    }

    private int place(Thread thread) {
        return (int) thread.threadId() & (places.length - 1);
    }

    /// How many chunks no arena is open on.
    int idleCount() {
        lock.lock();
        try {
            int count = 0;
            for (ArenaChunk chunk : places) {
                count += chunk != ArenaChunk.NONE && chunk.open == 0 ? 1 : 0;
            }
            for (ArenaChunk chunk : displacedChunks) {
                count += chunk.open == 0 ? 1 : 0;
            }
            return count;
        } finally {
            lock.unlock();
        }
    }

    /// How many arenas are open on the chunks of threads that have not ended.
    long openCount() {
        lock.lock();
        try {
            long count = 0;
            for (ArenaChunk chunk : places) {
                count += chunk.openCount(); // 0 of none
            }
            for (ArenaChunk chunk : displacedChunks) {
                count += chunk.openCount();
            }
            return count;
        } finally {
            lock.unlock();
        }
    }

    /// Frees the chunks of threads that have ended and of the current one, where no arena is open on them.
    void trim() {
        lock.lock();
        try {
            for (int place = 0; place < places.length; place++) {
                if (isUnused(places[place])) {
                    free(places[place]);
                    places[place] = ArenaChunk.NONE;
                }
            }
            for (int index = displacedChunks.size() - 1; index >= 0; index--) {
                ArenaChunk chunk = displacedChunks.get(index);
                if (isUnused(chunk)) {
                    removeDisplaced(index);
                    free(chunk);
                }
            }
        } finally {
            lock.unlock();
        }
    }

    private static boolean isUnused(ArenaChunk chunk) {
        boolean own = chunk.owner == Thread.currentThread() && chunk.beside.open == 0;
        return chunk != ArenaChunk.NONE && chunk.open == 0 && (own || !chunk.isOwned());
    }

    private void free(ArenaChunk chunk) {
        chunk.owner = null;
        heap.freePages(chunk.begin - HeapArena.LEAD_BYTES);
    }

    /// Forgets all chunks, because their heap has been closed.
    void clear() {
        lock.lock();
        try {
            Arrays.fill(places, ArenaChunk.NONE);
            displaced.clear();
            displacedChunks.clear();
        } finally {
            lock.unlock();
        }
    }

    /// Checks the invariants of the class header; throws [AssertionError] on the first that does not hold.
    void verify() {
        lock.lock();
        try {
            displaced.verify();
            check(displaced.size() == displacedChunks.size(), "the table has other chunks than the list");
            for (ArenaChunk chunk : displacedChunks) {
                Thread owner = chunk.owner;
                check(owner != null && displaced.get(owner.threadId()) == chunk, "a displaced chunk is found nowhere");
                check(owner == null || places[place(owner)].owner != owner, "a thread has two chunks");
            }
            for (int place = 0; place < places.length; place++) {
                Thread owner = places[place].owner;
                check(owner == null || place(owner) == place, "a chunk is at another thread's place");
            }
        } finally {
            lock.unlock();
        }
    }

    private static void check(boolean condition, String message) {
        if (!condition) {
            throw new AssertionError("chunks of arenas: " + message);
        }
    }
}
