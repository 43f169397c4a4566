package malloc4j;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.jspecify.annotations.Nullable;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.L_Result;

/// Two threads whose place is the same each open an arena and close it, twice: the first has the place, the other is
/// displaced while the first lives. (jcstress has both actors run by one thread too, and ends threads in between.)
@JCStressTest
@Outcome(id = "two", expect = ACCEPTABLE, desc = "Each thread has had a chunk of its own.")
@Outcome(id = "in turns", expect = ACCEPTABLE, desc = "Both have had one, but they are one thread, or one has ended.")
@Outcome(expect = FORBIDDEN, desc = "Two that live have had the same, or one of them none.")
@State
public class TwoThreadsTakeOneChunk {
    private static final Heap HEAP = Heap.create(HeapOptions.defaults());

    private final ArenaChunks chunks = new ArenaChunks(HEAP.arenaBlocks(), 1);
    private ArenaChunk chunk1 = ArenaChunk.NONE;
    private ArenaChunk chunk2 = ArenaChunk.NONE;
    private @Nullable Thread thread1;
    private @Nullable Thread thread2;

    @Actor
    public void first() {
        thread1 = Thread.currentThread();
        chunk1 = takeTwice();
    }

    @Actor
    public void second() {
        thread2 = Thread.currentThread();
        chunk2 = takeTwice();
    }

    /// The chunk that the current thread has both times, or [ArenaChunk#NONE].
    private ArenaChunk takeTwice() {
        ArenaChunk first = chunks.take(Thread.currentThread());
        first.release();
        ArenaChunk second = chunks.take(Thread.currentThread());
        second.release();
        return first == second && first.limit != 0 ? first : ArenaChunk.NONE;
    }

    @Arbiter
    public void end(L_Result result) {
        if (chunk1 == ArenaChunk.NONE || chunk2 == ArenaChunk.NONE) {
            result.r1 = "one without";
        } else if (chunk1 == chunk2) {
            boolean bothLive = isAlive(thread1) && isAlive(thread2) && thread1 != thread2;
            result.r1 = bothLive ? "the same" : "in turns";
        } else {
            result.r1 = "two";
            HEAP.arenaBlocks().freePages(chunk2.begin - HeapArena.LEAD_BYTES);
        }
        if (chunk1 != ArenaChunk.NONE) {
            HEAP.arenaBlocks().freePages(chunk1.begin - HeapArena.LEAD_BYTES);
        }
    }

    private static boolean isAlive(@Nullable Thread thread) {
        return thread != null && thread.isAlive();
    }
}
