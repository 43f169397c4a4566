package malloc4j.internal.cache;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.invoke.VarHandle;
import java.util.concurrent.locks.ReentrantLock;
import malloc4j.internal.region.PageMap;
import malloc4j.internal.slab.Slab;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.LL_Result;

/// Two threads allocate twice, as a heap does, from caches that they lease, and one of them lets the table grow:
/// each finds its own cache, without a lock, and stays with it.
@JCStressTest
@Outcome(id = "own, own", expect = ACCEPTABLE, desc = "Each found its own cache.")
@Outcome(expect = FORBIDDEN, desc = "A thread found a foreign cache, a place without one, or leased a second.")
@State
public class LookupMeetsGrowth {
    private static final MethodHandle GROW_TABLE;
    private static final VarHandle LOCK;

    static {
        try {
            MethodHandles.Lookup all = MethodHandles.privateLookupIn(CacheRegistry.class, MethodHandles.lookup());
            GROW_TABLE = all.findVirtual(CacheRegistry.class, "growTable", MethodType.methodType(void.class));
            LOCK = all.findVarHandle(CacheRegistry.class, "lock", ReentrantLock.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final CacheRegistry registry = Parts.registry();
    private long block1;
    private long block2;

    @Actor
    public void first(LL_Result result) {
        block1 = allocate();
        result.r1 = again(block1);
    }

    @Actor
    public void second(LL_Result result) {
        block2 = allocate();
        grow();
        result.r2 = again(block2);
    }

    private long allocate() {
        ThreadCache cache = registry.current();
        return cache == null ? registry.allocateBlock(0) : cache.allocateBlock(0);
    }

    private String again(long block) {
        try {
            ThreadCache cache = registry.current();
            if (cache != null && cache.thread != Thread.currentThread()) {
                return "foreign";
            }
            return PageMap.record(allocate()) == PageMap.record(block) ? "own" : "second";
        } catch (NullPointerException e) {
            return "null";
        }
    }

    private void grow() {
        ReentrantLock lock = (ReentrantLock) LOCK.get(registry);
        lock.lock();
        try {
            GROW_TABLE.invokeExact(registry);
        } catch (Throwable thrown) {
            throw new IllegalStateException(thrown);
        } finally {
            lock.unlock();
        }
    }

    @Arbiter
    public void end() {
        free(block1);
        if (PageMap.record(block2) != PageMap.record(block1)) {
            free(block2);
        }
        registry.close();
        registry.freeTags();
    }

    private static void free(long block) {
        long slab = PageMap.record(block);
        ThreadCache owner = CacheTags.get(Slab.tag(slab));
        if (owner != null) {
            Parts.freeSlab(owner, slab);
        }
    }
}
