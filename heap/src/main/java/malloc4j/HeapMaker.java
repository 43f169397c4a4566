package malloc4j;

import java.lang.ref.Reference;
import java.util.EnumSet;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.concurrent.atomic.LongAdder;
import malloc4j.internal.cache.CacheTable;
import malloc4j.internal.memory.CollectedMemory;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.os.Mutex;
import org.jspecify.annotations.Nullable;

/// Makes the common heap, and the first heap of each source, and initialises every class that a call of a heap may
/// need: on a thread of its own, where the caller's stack is short.
///
/// A class whose initialiser has thrown is lost: whatever needs it throws [NoClassDefFoundError] from then on, as long
/// as the process lives. A [StackOverflowError] may come in any initialiser, and at the call of any, where the thread
/// that happens to need the class first is deep in its calls. Such a thread initialises nothing for a heap: [Heap],
/// [HeapOptions], [HeapOption] and this class have no initialiser, and are all that comes before it is known what stack
/// there is.
///
/// It uses each access to memory and to the kernel once too, before it makes a heap: the first use makes objects, and
/// the Java heap may be full when a heap's call comes to one.
///
/// Invariant: where [#isUsed], the classes that [#initialiseTheRest] names and those that a heap of the source stands
/// on are initialised, and what [#link] uses is linked.
final class HeapMaker implements Runnable {
    private static final long STACK_BYTES = 1 << 20;

    private static volatile @Nullable Set<MemorySource> usedSources; // never changed, but replaced

    private final @Nullable HeapOptions options;
    private @Nullable Heap made;
    private @Nullable Throwable thrown;

    private HeapMaker(@Nullable HeapOptions options) {
        this.options = options;
    }

    /// Whether a heap of this source was made here before.
    static boolean isUsed(MemorySource source) {
        Set<MemorySource> known = usedSources;
        return known != null && known.contains(source);
    }

    /// Makes a heap with these options, or the common heap.
    ///
    /// @throws RuntimeException as [Heap#create] and [Heap#common] do
    static Heap make(@Nullable HeapOptions options) {
        if (hasStack()) { // a thread takes address space, which may be scarce
            HeapMaker here = new HeapMaker(options);
            here.run();
            return here.result();
        }
        ThreadGroup root = Thread.currentThread().getThreadGroup();
        while (root.getParent() != null) {
            root = root.getParent();
        }
        HeapMaker maker = new HeapMaker(options);
        Thread thread = new Thread(root, maker, "malloc4j-heap-maker", STACK_BYTES, false);
        thread.setDaemon(true);
        thread.setContextClassLoader(null);
        boolean started = false;
        try {
            thread.start();
            started = true;
        } catch (OutOfMemoryError noThread) {
            maker.run();
        }
        if (started) {
            awaitEnd(thread);
        }
        return maker.result();
    }

    /// Whether there are some 50 KiB of stack, compiled, or 200 KiB, interpreted: making a heap takes a fifth of that.
    private static boolean hasStack() {
        try {
            return descend(1_000, 1, 2, 3, 4, 5, 6, 7) != 0;
        } catch (StackOverflowError end) {
            return false;
        }
    }

    private static long descend(int levels, long a, long b, long c, long d, long e, long f, long g) {
        return levels == 0 ? a : descend(levels - 1, b, c, d, e, f, g, a) + 1;
    }

    private static void awaitEnd(Thread thread) {
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException later) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private Heap result() {
        if (thrown instanceof Error error) {
            throw error;
        }
        if (thrown instanceof RuntimeException exception) {
            throw exception;
        }
        if (made == null) {
            throw new AssertionError(thrown);
        }
        return made;
    }

    @Override
    public void run() {
        try {
            link();
            Heap heap = options == null ? Heap.makeCommon() : Heap.makeOwn(options);
            initialiseTheRest();
            note(heap.options().memory().source());
            made = heap;
        } catch (Throwable failure) {
            thrown = failure;
        }
    }

    /// Uses once what the calls of a heap reach memory and the kernel by. The JDK makes objects when an access is used
    /// for the first time in a class, one of its own classes too, and for those the Java heap may have no room later,
    /// between what must happen together.
    private static void link() {
        if (!RawMemory.isGranted()) {
            return; // a heap cannot be made, and says why
        }
        CollectedMemory word = new CollectedMemory(Long.BYTES);
        try {
            RawMemory.link(word.address());
            CacheTable.link(word.address());
        } finally {
            Reference.reachabilityFence(word);
        }
        Mutex.pause(Integer.MAX_VALUE);
        AtomicLongArray counts = new AtomicLongArray(1);
        counts.setRelease(0, counts.getAcquire(0) + counts.getAndIncrement(0) + counts.getAndAdd(0, 1));
        counts.setPlain(0, counts.get(0));
        AtomicReferenceArray<String> references = new AtomicReferenceArray<>(1);
        references.set(0, references.get(0));
        boolean unused = new AtomicBoolean().compareAndSet(false, true);
        new LongAdder().increment();
    }

    /// The classes that a heap's calls need, and that have an initialiser which making a heap does not run.
    private static void initialiseTheRest() {
        String[] names = {
            "ArenaBlockList",
            "CollectorTurns",
            "HeapArena",
            "HeapArena$Closing",
            "OutOfNativeMemoryError$Limit",
            "bytes.CLibrary$OfAddresses",
            "internal.cache.LargeStock",
            "internal.cache.Magazine",
            "internal.cache.ThreadCache",
            "internal.cache.ThreadCache$1",
            "internal.memory.FaultingRanges",
            "internal.memory.Sizes",
            "internal.memory.StackProbe",
            "internal.region.MappingBudget",
            "internal.region.ProbeCalls",
            "internal.span.LargeBlock$Mark",
            "internal.span.Spans$Stocked",
            "observe.MisuseReport$Finding",
            "observe.Probe$Kind"
        };
        try {
            for (String name : names) {
                Class<?> unused = Class.forName("malloc4j." + name, true, HeapMaker.class.getClassLoader());
            }
        } catch (OutOfMemoryError | LinkageError fullJavaHeap) {
            // The heap is made all the same, and whoever needs the others initialises them.
        } catch (ClassNotFoundException renamed) {
            throw new AssertionError(renamed);
        }
    }

    private static synchronized void note(MemorySource source) {
        Set<MemorySource> known = usedSources;
        Set<MemorySource> more = EnumSet.of(source);
        if (known != null) {
            more.addAll(known);
        }
        usedSources = more;
    }
}
