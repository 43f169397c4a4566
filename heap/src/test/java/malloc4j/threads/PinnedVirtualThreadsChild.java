package malloc4j.threads;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.TestHeaps;
import malloc4j.internal.os.SystemCalls;
import malloc4j.internal.os.TestKernel;

/// Virtual threads that allocate inside an upcall, where the native frame below pins them to their carrier, wait for a
/// heap's locks beside such that could leave theirs. Prints `done` when all have ended and the heap is whole.
///
/// First in the worst order: a platform thread holds the lock of the heap's pages, a virtual thread that is not pinned
/// waits for it, then pinned ones do on every carrier. Then as many threads as the argument says.
@SuppressWarnings("restricted")
public final class PinnedVirtualThreadsChild {
    private static final int BLOCKS = 8;
    private static final int THREADS_AT_A_TIME = 5_000;
    private static final int PATIENCE_MILLIS = 300; // too little, and the test finds less
    private static final int MAX_CARRIERS = 10;
    private static final MethodHandle QSORT = Linker.nativeLinker()
            .downcallHandle(
                    Linker.nativeLinker().defaultLookup().findOrThrow("qsort"),
                    FunctionDescriptor.ofVoid(ADDRESS, JAVA_LONG, JAVA_LONG, ADDRESS));
    private static final CountDownLatch GROWING = new CountDownLatch(1);
    private static final CountDownLatch MAY_GROW = new CountDownLatch(1);
    private static final Heap HEAP = TestHeaps.create(
            slowlyGrowing(), HeapOptions.builder().name("pinned").build());
    private static final AtomicReference<Throwable> FAILURE = new AtomicReference<>();

    private PinnedVirtualThreadsChild() {}

    /// System calls of which `mprotect`, by which a heap grows, waits until it may, if a test thread makes it.
    private static SystemCalls slowlyGrowing() {
        return (SystemCalls) Proxy.newProxyInstance(
                SystemCalls.class.getClassLoader(), new Class<?>[] {SystemCalls.class}, (proxy, method, arguments) -> {
                    if (method.getName().equals("mprotect")
                            && Thread.currentThread().getName().equals("grower")) {
                        GROWING.countDown();
                        MAY_GROW.await();
                    }
                    return method.invoke(TestKernel.calls(), arguments);
                });
    }

    public static void main(String[] arguments) throws Throwable {
        int threadCount = Integer.parseInt(arguments[0]);
        MethodHandle compare = MethodHandles.lookup()
                .findStatic(
                        PinnedVirtualThreadsChild.class,
                        "compare",
                        MethodType.methodType(int.class, MemorySegment.class, MemorySegment.class));
        try (Arena arena = Arena.ofShared()) {
            MemorySegment comparator =
                    Linker.nativeLinker().upcallStub(compare, FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS), arena);
            Call pinned = () -> {
                QSORT.invokeExact(arena.allocate(2), 2L, 1L, comparator); // its type is void only as a statement
            };
            startInTheWorstOrder(pinned);
            for (int started = 0; started < threadCount; started += THREADS_AT_A_TIME) {
                List<Thread> threads = new ArrayList<>();
                for (int thread = 0; thread < Math.min(THREADS_AT_A_TIME, threadCount - started); thread++) {
                    threads.add(start(thread % 2 == 0 ? pinned : PinnedVirtualThreadsChild::allocate));
                }
                join(threads);
            }
        }
        if (FAILURE.get() != null) {
            throw FAILURE.get();
        }
        HEAP.verify();
        long liveBlocks = HEAP.statistics().liveBlocks();
        HEAP.close();
        System.out.println(liveBlocks == 0 ? "done" : liveBlocks + " blocks are live");
    }

    private static void startInTheWorstOrder(Call pinned) throws InterruptedException {
        Thread grower = Thread.ofPlatform().name("grower").start(PinnedVirtualThreadsChild::allocate);
        GROWING.await();
        List<Thread> threads = new ArrayList<>(List.of(grower, start(PinnedVirtualThreadsChild::allocate)));
        Thread.sleep(PATIENCE_MILLIS);
        for (int carrier = 0; carrier < MAX_CARRIERS; carrier++) {
            threads.add(start(pinned));
        }
        Thread.sleep(PATIENCE_MILLIS);
        MAY_GROW.countDown();
        join(threads);
    }

    private interface Call {
        void make() throws Throwable;
    }

    private static Thread start(Call call) {
        return Thread.ofVirtual().start(() -> {
            try {
                call.make();
            } catch (Throwable thrown) {
                FAILURE.compareAndSet(null, thrown);
            }
        });
    }

    private static void join(List<Thread> threads) throws InterruptedException {
        for (Thread thread : threads) {
            thread.join();
        }
    }

    @SuppressWarnings("unused") // called by the C library
    private static int compare(MemorySegment left, MemorySegment right) {
        allocate();
        return 0;
    }

    /// Large blocks, which wait for the heap's pages, and small ones, which wait for a shared cache.
    private static void allocate() {
        long[] blocks = new long[BLOCKS];
        for (int index = 0; index < BLOCKS; index++) {
            blocks[index] = HEAP.malloc(index % 2 == 0 ? 40_000 : 24 << index);
        }
        for (long block : blocks) {
            HEAP.free(block);
        }
    }
}
