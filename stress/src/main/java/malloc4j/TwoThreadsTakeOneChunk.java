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

/// Two threads whose place is the same each open an arena and close it, twice: one of them has the chunk, the other
/// does without while the first lives. (jcstress has both actors run by one thread too, and ends threads in between.)
@JCStressTest
@Outcome(id = "one", expect = ACCEPTABLE, desc = "One thread has had the chunk.")
@Outcome(id = "in turns", expect = ACCEPTABLE, desc = "Both have, but they are one thread, or one has ended.")
@Outcome(expect = FORBIDDEN, desc = "Two that live have had it, or there are two chunks, or none.")
@State
public class TwoThreadsTakeOneChunk {
    private static final Heap HEAP = Heap.create(HeapOptions.defaults());

    private final ArenaChunks chunks = new ArenaChunks(HEAP, 1);
    private ArenaChunk chunk1 = ArenaChunk.NONE;
    private ArenaChunk chunk2 = ArenaChunk.NONE;
    private @Nullable Thread thread1;
    private @Nullable Thread thread2;

    @Actor
    public void first() {
        thread1 = Thread.currentThread();
        take();
        chunk1 = take();
    }

    @Actor
    public void second() {
        thread2 = Thread.currentThread();
        take();
        chunk2 = take();
    }

    private ArenaChunk take() {
        ArenaChunk chunk = chunks.take(Thread.currentThread());
        chunk.release();
        return chunk.limit == 0 ? ArenaChunk.NONE : chunk; // what a thread gets that does without has no memory
    }

    @Arbiter
    public void end(L_Result result) {
        ArenaChunk chunk = chunk1 == ArenaChunk.NONE ? chunk2 : chunk1;
        if (chunk1 == chunk2) {
            boolean bothLive = isAlive(thread1) && isAlive(thread2) && thread1 != thread2;
            result.r1 = chunk == ArenaChunk.NONE ? "none" : bothLive ? "both" : "in turns";
        } else {
            result.r1 = chunk1 == ArenaChunk.NONE || chunk2 == ArenaChunk.NONE ? "one" : "two";
        }
        if (chunk != ArenaChunk.NONE) {
            HEAP.free(chunk.begin - HeapArena.LEAD_BYTES);
        }
    }

    private static boolean isAlive(@Nullable Thread thread) {
        return thread != null && thread.isAlive();
    }
}
