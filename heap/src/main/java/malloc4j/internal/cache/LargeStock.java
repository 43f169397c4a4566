package malloc4j.internal.cache;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;
import malloc4j.internal.os.Mutex;
import malloc4j.internal.os.ProcessBarrier;
import malloc4j.internal.region.PageGeometry;
import malloc4j.internal.span.LargeBlock;
import malloc4j.internal.span.Spans;
import org.jspecify.annotations.Nullable;

/// Large blocks that one thread has freed, kept for its next mallocs: taken and put back without a lock, an atomic
/// read-modify-write, or an object on the Java heap.
///
/// ```
///   nodes   0 ....... 9 ....... 89  90 ............ 601
///          | bins by pages, 8 a    | those behind the   |   node     address >> 12, next, seen, pages
///          | doubling: the latest  | first; spare ones  |            36 bits        12    1     15
///          | block of each, or 0   | from `spare` on    |
///
///   letters  what other threads have freed, a ring of 64     letter   address >> 12, life
/// ```
///
/// A request takes the latest block of its bin, or of the next one, that is long enough and at most an eighth longer.
/// A stock's share is an eighth of what the heap has in large blocks, but at least [#MIN_BYTES], and one block of any
/// size.
/// Where a block would make it larger, those of other bins go back to [Spans] for it, and if that is not enough, the
/// block.
///
/// **The owner** is the thread of the cache, or who holds the use lock of a shared one. It works in one of two ways:
///
/// ```
///              setOpaque            setRelease
///   RESTING ------------> WORKING ------------> RESTING       the short way: a block in or out
///                            | an error between
///                            '----------------> TORN          mended by who next holds the lock
/// ```
///
/// - the short way, which is open to the thread with the id `threadId`: it enters `WORKING`, and goes on only where
///   nobody has `claimed` the stock;
/// - all else under the lock, when it is `RESTING`.
///
/// **Others** hold the lock, set `claimed`, make a [ProcessBarrier], and wait until the owner is not `WORKING`, which
/// takes no longer than the short way. From then on, until `claimed` is taken back, they are the owner.
///
/// **A free by another thread** marks the block, and writes a letter to its owner. Who finds no room for a letter
/// collects the letters as others do. A letter counts while the block has the mark and the life that it names.
///
/// **Torn calls.** Between two of our calls nothing is torn; what an error may leave is a node whose block is live,
/// which was not freed after all or was just taken. The state says so, the short way is shut, and the lists are
/// mended before they are used again.
///
/// Invariants, each checked by [#verify] where the state is not `TORN`:
/// 1. Each node is in the list of the bin of its pages, or in that of spare nodes.
/// 2. A node in a bin names a stocked block with the tag of this cache, and no other node does. Each stocked block with
///    that tag has a node.
/// 3. `pageCount` and `blockCount` are the sums of the nodes in bins.
///
/// Concurrency: the bins and nodes belong to the owner. `claimed` is written under the lock. Letters are written by
/// anybody, at places that a compare-and-set of `lastLetter` gives them, and collected under the lock.
public final class LargeStock {
    /// What [#take] answers that has nothing: no address.
    static final long MISS = Magazine.MISS;

    /// The largest block that is stocked.
    static final long MAX_BYTES = 1L << 25; // 32 MiB, what is mapped by itself unless told otherwise

    /// What a stock may keep however little is live.
    static final long MIN_BYTES = 1L << 20; // 1 MiB

    private static final int SHARE_SHIFT = 3;
    private static final int CALLS_A_SHARE = 1 << 5;
    private static final int SPARES = 1 << 9;
    private static final int LETTERS = 1 << 6;
    private static final int LETTER_MASK = LETTERS - 1;
    private static final int LOOKS = 8; // at blocks of a bin that are too short or too long
    private static final int EIGHTH = 3;
    private static final int MAX_PAGES = (int) (MAX_BYTES >>> PageGeometry.PAGE_SHIFT);
    private static final int BINS = bin(MAX_PAGES) + 2; // the last one stays empty: it follows the largest

    /// How many pages are taken at most until the owner sees how often somebody looks.
    private static final long CUT_PAGES = 1L << 16; // more than a block has
    private static final long NOBODY_LOOKS = Long.MAX_VALUE >> 1;

    private static final int PAGES_BITS = 15;
    private static final int PAGES_MASK = (1 << PAGES_BITS) - 1;
    private static final long SEEN = 1 << PAGES_BITS;
    private static final int NEXT_SHIFT = 16;
    private static final int NEXT_BITS = 12;
    private static final int NEXT_MASK = (1 << NEXT_BITS) - 1;
    private static final int NUMBER_SHIFT = NEXT_SHIFT + NEXT_BITS;
    private static final int ADDRESS_SHIFT = 12; // no page is smaller

    static final long NOBODY = 0; // ids begin at 1
    private static final int RESTING = 0;
    private static final int WORKING = 1;
    private static final int TORN = 2;

    private static final VarHandle STATE = handle("state");
    private static final VarHandle CLAIMED = handle("claimed");

    private final int tag;
    private final Spans spans;
    private final ProcessBarrier barrier;
    private final Sampling sampling;
    private final Mutex lock = new Mutex();
    private final long[] nodes = new long[BINS + SPARES];
    private final AtomicLongArray letters = new AtomicLongArray(LETTERS);
    private final AtomicLong lastLetter = new AtomicLong();
    private volatile long firstLetter;
    private long threadId;
    private int state;
    private int claimed;
    private @Nullable LargeStock nextVisited;
    private int spare;
    private int turn; // the bin that has made room for others last
    private long pageCount;
    private long blockCount;
    private long takenPages; // ever
    private long takenBlocks;
    private long maxPageCount;
    private int slowCalls;
    private long pagesLeft; // until a request is looked at
    private long mean; // of the bytes until then; 0 where none is due at its end

    private static VarHandle handle(String field) {
        try {
            return MethodHandles.lookup().findVarHandle(LargeStock.class, field, int.class);
        } catch (ReflectiveOperationException impossible) {
            throw new LinkageError(field, impossible);
        }
    }

    /// @param tag the number of the cache that it belongs to
    LargeStock(int tag, Spans spans, ProcessBarrier barrier, Sampling sampling) {
        this.tag = tag;
        this.spans = spans;
        this.barrier = barrier;
        this.sampling = sampling;
        for (int at = BINS; at < nodes.length; at++) {
            addSpare(at);
        }
        link();
        long unused = rewind();
    }

    /// Uses each handle once. Linking it makes objects, for which there may be no room later, under the lock.
    private void link() {
        STATE.setOpaque(this, (int) STATE.getAcquire(this));
        STATE.setRelease(this, RESTING);
        CLAIMED.setVolatile(this, (int) CLAIMED.getAcquire(this));
        CLAIMED.setRelease(this, 0);
    }

    /// Whether blocks of so many pages are stocked.
    static boolean keeps(int pageCount) {
        return pageCount <= MAX_PAGES;
    }

    private static int bin(int pages) {
        int shift = 28 - Integer.numberOfLeadingZeros(pages | 8);
        return (shift << 3) + (pages >>> shift);
    }

    private static long node(long address, int next, int pages) {
        return (address >>> ADDRESS_SHIFT << NUMBER_SHIFT) | ((long) next << NEXT_SHIFT) | pages;
    }

    private static long address(long node) {
        return node >>> NUMBER_SHIFT << ADDRESS_SHIFT;
    }

    private static int next(long node) {
        return (int) (node >>> NEXT_SHIFT) & NEXT_MASK;
    }

    private static long withNext(long node, int next) {
        return (node & ~((long) NEXT_MASK << NEXT_SHIFT)) | ((long) next << NEXT_SHIFT);
    }

    private static int pages(long node) {
        return (int) node & PAGES_MASK;
    }

    // --------------------------------------------------------------------------------------------------- the short way

    /// Takes a block for a request of more than 32 KiB. Returns its address, or [#MISS].
    ///
    /// @param currentId the current thread's id
    long take(long currentId, long byteSize) {
        if (byteSize > MAX_BYTES || threadId != currentId) {
            return MISS;
        }
        try {
            STATE.setOpaque(this, WORKING);
            int pages = (int) ((byteSize + PageGeometry.PAGE_BYTES - 1) >>> PageGeometry.PAGE_SHIFT);
            long address = (int) CLAIMED.getAcquire(this) == 0 && pages <= pagesLeft ? take(pages) : MISS;
            STATE.setRelease(this, RESTING);
            return address;
        } catch (Throwable torn) {
            threadId = NOBODY;
            state = TORN;
            throw torn;
        }
    }

    /// Frees a live block of this cache. Returns false, and has done nothing, when the address is anything else, or
    /// there is no room for the block.
    ///
    /// @param currentId the current thread's id
    boolean put(long currentId, long address) {
        long entry = threadId == currentId ? LargeBlock.entryOrZero(address) : 0;
        if (entry == 0) {
            return false;
        }
        try {
            STATE.setOpaque(this, WORKING);
            boolean put = (int) CLAIMED.getAcquire(this) == 0 && putBlock(address, entry);
            STATE.setRelease(this, RESTING);
            return put;
        } catch (Throwable torn) {
            threadId = NOBODY;
            state = TORN;
            throw torn;
        }
    }

    private long take(int pages) {
        int bin = bin(pages);
        long node = nodes[bin];
        if (!fits(node, pages)) {
            return takeOther(pages, bin);
        }
        if (next(node) != 0) {
            return take(bin, bin, node, pages);
        }
        long address = address(node);
        long entry = LargeBlock.entry(address);
        long word = LargeBlock.word(entry);
        if (LargeBlock.isMarked(entry, word)) {
            return take(bin, bin, node, pages);
        }
        LargeBlock.putTaken(entry, word);
        nodes[bin] = 0;
        pageCount -= pages(node);
        blockCount--;
        noteTaken(node, pages);
        return address;
    }

    /// Whether a node's block has enough pages, and at most an eighth more; that of no node has not.
    private static boolean fits(long node, int pages) {
        return Integer.compareUnsigned(pages(node) - pages, pages >>> EIGHTH) <= 0;
    }

    private void noteTaken(long node, int pages) {
        pagesLeft -= pages;
        takenPages += pages(node);
        takenBlocks++;
    }

    /// The rest of [#take] where the latest block of the bin will not do.
    private long takeOther(int pages, int bin) {
        for (int end = bin + 2, first = bin; first < end; first++) {
            int before = first;
            int at = first;
            for (int looked = 0; looked < LOOKS; looked++) {
                long node = nodes[at];
                if (fits(node, pages)) {
                    return take(before, at, node, pages);
                }
                before = at;
                at = next(node);
                if (at == 0) {
                    break;
                }
            }
        }
        return MISS;
    }

    private long take(int before, int at, long node, int pages) {
        long address = address(node);
        long entry = LargeBlock.entry(address);
        long word = LargeBlock.word(entry);
        boolean isFree = !LargeBlock.isMarked(entry, word);
        if (isFree) {
            LargeBlock.putTaken(entry, word);
        } else {
            LargeBlock.putUnstocked(entry, word); // another thread has freed it too: its letter comes
        }
        unlink(before, at, node);
        if (!isFree) {
            return MISS;
        }
        noteTaken(node, pages);
        return address;
    }

    /// Takes a node out of its list.
    ///
    /// @param before the one that leads to it; itself where it is the first of its bin
    private void unlink(int before, int at, long node) {
        int next = next(node);
        long sum = pageCount - pages(node);
        long joined = withNext(nodes[before], next);
        long spared = (long) spare << NEXT_SHIFT; // from here on nothing is called
        if (at >= BINS) {
            nodes[before] = joined;
            nodes[at] = spared;
            spare = at;
        } else if (next == 0) {
            nodes[at] = 0;
        } else {
            nodes[at] = nodes[next];
            nodes[next] = spared;
            spare = next;
        }
        pageCount = sum;
        blockCount--;
    }

    private void addSpare(int at) {
        nodes[at] = (long) spare << NEXT_SHIFT;
        spare = at;
    }

    private boolean putBlock(long address, long entry) {
        long word = LargeBlock.word(entry);
        int pages = LargeBlock.livePages(word);
        if (!LargeBlock.isLive(entry, word, tag) || !hasRoom(pages)) {
            return false;
        }
        link(address, pages);
        LargeBlock.putStocked(entry, word);
        return true;
    }

    private boolean hasRoom(int pages) {
        return spare != 0 && pages <= MAX_PAGES && (pageCount + pages <= maxPageCount || pageCount == 0);
    }

    private void link(long address, int pages) {
        int bin = bin(pages);
        long first = nodes[bin];
        if (first == 0) {
            long node = node(address, 0, pages);
            nodes[bin] = node;
        } else {
            int at = spare;
            long node = node(address, at, pages);
            int next = next(nodes[at]); // from here on nothing is called
            nodes[at] = first;
            spare = next;
            nodes[bin] = node;
        }
        pageCount += pages;
        blockCount++;
    }

    // ---------------------------------------------------------------------------------- by the owner, under the lock

    /// As [#take], when that has missed: collects what other threads have freed before. By the owner. May answer that
    /// [a sample is due][Sampling#due].
    ///
    /// @param ownerId the thread's id that may go the short way from now on, [#NOBODY] for none
    long takeSlow(long ownerId, int pages) {
        lock.lock();
        try {
            mend();
            threadId = ownerId;
            noteShareSometimes();
            collect();
            while (pages > pagesLeft) {
                long due = rewind();
                if (due != 0) {
                    return due;
                }
            }
            return take(pages);
        } finally {
            lock.unlock();
        }
    }

    /// Counts a block that did not come out of the stock. By the owner.
    void noteAllocated(int pages) {
        pagesLeft -= pages;
    }

    /// Lets the owner's next block be a miss, so that it sees how often somebody looks from now on. By any thread.
    void lookAgain() {
        claim();
        try {
            if (barrier.run()) {
                awaitOwner();
                pagesLeft = 0;
                mean = 0;
            }
        } finally {
            unclaim();
        }
    }

    /// Winds the countdown of samples up again. Returns whether the request that has ended it is one: [Sampling#due],
    /// or 0.
    private long rewind() {
        long due = mean == 0 ? 0 : Sampling.due(mean, false);
        mean = sampling.meanBytes();
        if (mean == 0) {
            pagesLeft = NOBODY_LOOKS;
            return due;
        }
        long pages = (long) sampling.nextBytes(mean) >>> PageGeometry.PAGE_SHIFT;
        pagesLeft = Math.min(pages, CUT_PAGES);
        mean = pages < CUT_PAGES ? mean : 0; // further is drawn again: the distribution has no memory
        return due;
    }

    /// As [#put], when that was refused: blocks of other bins make room, or the block goes back to [Spans]. Returns
    /// false, and has done nothing, when it is not a live block of this cache. By the owner.
    boolean putSlow(long address, long entry) {
        lock.lock();
        try {
            mend();
            noteShareSometimes();
            long word = LargeBlock.word(entry);
            if (!LargeBlock.isLive(entry, word, tag)) {
                return false;
            }
            int pages = LargeBlock.pages(word);
            while (pages <= MAX_PAGES && !hasRoom(pages) && giveBackOther(bin(pages))) {}
            if (!putBlock(address, entry)) {
                spans.endLarge(address, false);
            }
            return true;
        } finally {
            lock.unlock();
        }
    }

    /// Gives the latest block of a bin back, of each bin in turn but one. Returns false when only that has any.
    private boolean giveBackOther(int kept) {
        for (int count = 1; count < BINS; count++) {
            turn = turn == BINS - 1 ? 1 : turn + 1;
            long node = nodes[turn];
            if (turn != kept && node != 0) {
                boolean unused = giveBack(turn, turn, node, false);
                return true;
            }
        }
        return false;
    }

    /// As [#noteShare], now and then: it reads what other threads write at each of their misses.
    private void noteShareSometimes() {
        if ((slowCalls++ & (CALLS_A_SHARE - 1)) == 0) {
            noteShare();
        }
    }

    private void noteShare() {
        maxPageCount = Math.max(MIN_BYTES >>> PageGeometry.PAGE_SHIFT, spans.largePagesAbout() >>> SHARE_SHIFT);
    }

    /// Drops the nodes whose blocks are not stocked.
    private void mend() {
        if (state != TORN) {
            return;
        }
        for (int bin = 0; bin < BINS; bin++) {
            int before = bin;
            int at = bin;
            while (at != 0 && nodes[at] != 0) {
                long node = nodes[at];
                if (LargeBlock.isStocked(LargeBlock.word(LargeBlock.entry(address(node))))) {
                    before = at;
                    at = next(node);
                } else {
                    unlink(before, at, node);
                    at = at == bin ? bin : next(node); // the first of the bin is the next one now
                }
            }
        }
        state = RESTING;
    }

    // ---------------------------------------------------------------------------------------------- by other threads

    /// Frees a block of this cache from a thread that is not the owner. Returns false when it was not live.
    boolean putRemote(long address, long entry, long word) {
        LargeBlock.Mark mark = LargeBlock.mark(entry, word);
        if (mark == LargeBlock.Mark.REFUSED) {
            return false;
        }
        long letter = (address >>> ADDRESS_SHIFT << LargeBlock.LIFE_BITS) | LargeBlock.life(word);
        while (!post(letter) && collectAll()) {} // else the kernel refuses what it has granted: the block is lost
        return mark == LargeBlock.Mark.FREED;
    }

    private boolean post(long letter) {
        long place;
        do {
            place = lastLetter.get();
            if (place - firstLetter >= LETTERS) {
                return false;
            }
        } while (!lastLetter.compareAndSet(place, place + 1));
        letters.setRelease((int) place & LETTER_MASK, letter);
        return true;
    }

    /// Collects letters in the owner's place. Returns false where there is no barrier any more.
    private boolean collectAll() {
        claim();
        try {
            boolean reached = barrier.run();
            if (reached) {
                awaitOwner();
                boolean unused = collect();
            }
            return reached;
        } finally {
            unclaim();
        }
    }

    /// Takes the letters that are there: their blocks are stocked, or go back to [Spans]. Returns whether there were
    /// any. By the owner, under the lock.
    private boolean collect() {
        long before = firstLetter;
        for (long place = firstLetter; place < lastLetter.get(); place++) {
            long letter = letters.getAcquire((int) place & LETTER_MASK);
            if (letter == 0) {
                break; // it is being written
            }
            letters.setPlain((int) place & LETTER_MASK, 0);
            firstLetter = place + 1;
            collect(letter);
        }
        return firstLetter != before;
    }

    private void collect(long letter) {
        long address = letter >>> LargeBlock.LIFE_BITS << ADDRESS_SHIFT;
        long entry = LargeBlock.entryOrZero(address);
        long word = entry == 0 ? 0 : LargeBlock.word(entry);
        if (isMeant(letter, entry, word)) {
            long collected = LargeBlock.putCollected(entry, word);
            if (!LargeBlock.isStocked(collected) && !putBlock(address, entry)) {
                spans.endLarge(address, false);
            }
        }
    }

    /// Whether a letter is about the block that begins there now.
    private boolean isMeant(long letter, long entry, long word) {
        return word != 0
                && LargeBlock.tag(word) == tag
                && LargeBlock.life(word) == (letter & ((1 << LargeBlock.LIFE_BITS) - 1))
                && LargeBlock.isMarked(entry, word);
    }

    /// Changes how many pages a live block of this cache has, where it is. Returns whether it has them now.
    ///
    /// @param isOwner whether the caller is the owner
    boolean resize(long address, long entry, int pages, boolean isOwner) {
        if (!isOwner) {
            claim();
        } else {
            lock.lock();
        }
        try {
            if (!isOwner) {
                if (!barrier.run()) {
                    return false;
                }
                awaitOwner();
            }
            long word = LargeBlock.word(entry);
            return LargeBlock.isLive(entry, word, tag) && spans.resizeLarge(address, pages);
        } finally {
            if (!isOwner) {
                unclaim();
            } else {
                lock.unlock();
            }
        }
    }

    /// Whether there is something to give back, or was a moment ago.
    boolean isEmpty() {
        return pageCount == 0 && firstLetter == lastLetter.get();
    }

    /// As [#claim], for one visit of several stocks; [#endVisit] follows.
    ///
    /// @param next the one that the visitor has claimed before, null for none
    void beginVisit(@Nullable LargeStock next) {
        claim();
        nextVisited = next;
    }

    /// As [#unclaim]. Returns what [#beginVisit] was given.
    @Nullable
    LargeStock endVisit() {
        LargeStock next = nextVisited;
        nextVisited = null;
        unclaim();
        return next;
    }

    /// Stops the owner's short way, from the next [ProcessBarrier] and [#awaitOwner] on, until [#unclaim].
    void claim() {
        lock.lock();
        CLAIMED.setVolatile(this, 1);
    }

    /// Waits until the owner is on no short way; after [#claim] and a [ProcessBarrier].
    void awaitOwner() {
        for (int waits = 0; (int) STATE.getAcquire(this) == WORKING; waits++) {
            Mutex.pause(waits);
        }
    }

    void unclaim() {
        CLAIMED.setRelease(this, 0);
        lock.unlock();
    }

    /// Gives blocks back to [Spans]: `all`, or those that the last call has seen too. Returns whether any went. By who
    /// has claimed the stock, and waited for the owner.
    boolean giveBack(boolean all) {
        mend();
        noteShare();
        boolean given = collect();
        for (int bin = 0; bin < BINS; bin++) {
            int before = bin;
            int at = bin;
            while (at != 0 && nodes[at] != 0) {
                long node = nodes[at];
                if (all || (node & SEEN) != 0) {
                    given |= giveBack(before, at, node, !all);
                    at = at == bin ? bin : next(node); // the first of the bin is the next one now
                } else {
                    nodes[at] = node | SEEN;
                    before = at;
                    at = next(node);
                }
            }
        }
        return given;
    }

    private boolean giveBack(int before, int at, long node, boolean isIdle) {
        long address = address(node);
        long entry = LargeBlock.entry(address);
        long word = LargeBlock.word(entry);
        unlink(before, at, node);
        if (LargeBlock.isMarked(entry, word)) {
            LargeBlock.putUnstocked(entry, word); // another thread has freed it too: its letter comes
            return false;
        }
        spans.endLarge(address, isIdle);
        return true;
    }

    /// Adds up what is stocked, or on the way here by letter, and what was taken: exact while no thread uses the heap.
    Spans.Stocked addTo(Spans.Stocked sums) {
        lock.lock(); // who gives blocks back has it
        try {
            return sumsWith(sums);
        } finally {
            lock.unlock();
        }
    }

    private Spans.Stocked sumsWith(Spans.Stocked sums) {
        long pages = pageCount;
        long blocks = blockCount;
        for (long place = firstLetter; place < lastLetter.get(); place++) {
            long letter = letters.get((int) place & LETTER_MASK);
            long entry = LargeBlock.entryOrZero(letter >>> LargeBlock.LIFE_BITS << ADDRESS_SHIFT);
            long word = entry == 0 ? 0 : LargeBlock.word(entry);
            if (isMeant(letter, entry, word) && LargeBlock.livePages(word) > 0) {
                pages += LargeBlock.livePages(word);
                blocks++;
            }
        }
        return new Spans.Stocked(
                sums.blocks() + blocks,
                sums.pages() + pages,
                sums.takenBlocks() + takenBlocks,
                sums.takenPages() + takenPages);
    }

    /// Checks the invariants of the class header while the owner rests; throws [AssertionError] on the first that does
    /// not hold.
    void verify() {
        lock.lock();
        try {
            mend();
            check(state == RESTING && claimed == 0, "state " + state + ", claimed " + claimed);
            long pages = 0;
            long blocks = 0;
            int count = 0;
            for (int bin = 1; bin < BINS; bin++) {
                for (int at = bin; at != 0 && nodes[at] != 0; at = next(nodes[at])) {
                    long node = nodes[at];
                    long entry = LargeBlock.entryOrZero(address(node));
                    check(entry != 0, "a node's block is in no chunk of pages");
                    long word = LargeBlock.word(entry);
                    check(
                            LargeBlock.isStocked(word) && LargeBlock.tag(word) == tag,
                            "a node's block is not stocked here");
                    check(LargeBlock.pages(word) == pages(node) && bin(pages(node)) == bin, "a node is in a wrong bin");
                    pages += pages(node);
                    blocks++;
                    count += at == bin ? 0 : 1;
                    check(count <= SPARES, "a list does not end");
                }
            }
            check(pages == pageCount && blocks == blockCount, "the sums are not those of the nodes");
            for (int at = spare; at != 0; at = next(nodes[at])) {
                count++;
                check(count <= SPARES, "more nodes than there are");
            }
            check(count == SPARES, "nodes are missing");
        } finally {
            lock.unlock();
        }
    }

    private void check(boolean condition, String message) {
        if (!condition) {
            throw new AssertionError("stock of cache " + tag + ": " + message);
        }
    }
}
