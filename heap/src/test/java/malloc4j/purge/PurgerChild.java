package malloc4j.purge;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.lang.ref.WeakReference;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.BooleanSupplier;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.Malloc;
import malloc4j.alloc.StackAllocator;
import malloc4j.bytes.Bytes;
import org.jspecify.annotations.Nullable;

/// What the purger's thread goes through, in a JVM of its own whose first heap this program makes.
public final class PurgerChild {
    private static final String THREAD = "malloc4j-purger";
    private static final long MIB = 1L << 20;
    private static final int SMALLEST_PIECE = 16;

    private static final InheritableThreadLocal<Object> INHERITABLE = new InheritableThreadLocal<>();

    private PurgerChild() {}

    public static void main(String[] arguments) throws Exception {
        switch (arguments[0]) {
            case "inherits nothing" -> inheritsNothing();
            case "full" -> survivesAFullJavaHeap(Long.parseLong(arguments[1]));
            case "comes back" -> comesBack();
            case "loaders" -> loaders(Integer.parseInt(arguments[1]));
            default -> throw new AssertionError(arguments[0]);
        }
        System.out.println("passed");
    }

    private static void inheritsNothing() throws Exception {
        ThreadGroup group = new ThreadGroup("an application");
        URLClassLoader loader = new URLClassLoader(new URL[0]);
        WeakReference<Object> inherited = firstMallocIn(group, loader);
        await("the thread", () -> purger() != null && !settling());
        Thread purger = Objects.requireNonNull(purger());
        assertThat(purger.getThreadGroup().getParent()).isNull();
        assertThat(purger.getContextClassLoader()).isNull();
        assertThat(purger.isDaemon()).isTrue();
        assertThat(purger.getPriority()).isEqualTo(Thread.NORM_PRIORITY);
        await("the inherited value is collected", () -> {
            System.gc();
            return inherited.refersTo(null);
        });
        assertThat(INHERITABLE.get()).isNull();
    }

    @SuppressWarnings("ThreadPriorityCheck") // the purger must not inherit it
    private static WeakReference<Object> firstMallocIn(ThreadGroup group, ClassLoader loader) throws Exception {
        List<WeakReference<Object>> inherited = new ArrayList<>();
        Thread first = new Thread(group, () -> {
            Object value = new Object();
            INHERITABLE.set(value);
            inherited.add(new WeakReference<>(value));
            Malloc.free(Malloc.malloc(10));
        });
        first.setContextClassLoader(loader);
        first.setPriority(Thread.MIN_PRIORITY);
        first.start();
        first.join();
        return inherited.getFirst();
    }

    private static void survivesAFullJavaHeap(long millis) throws Exception {
        HeapOptions options =
                HeapOptions.builder().purgeDelay(Duration.ofMillis(40)).build();
        try (Heap heap = Heap.create(options)) {
            List<Long> large = new ArrayList<>();
            for (int index = 0; index < 64; index++) {
                long address = heap.malloc(MIB);
                Bytes.memset(address, 1, MIB);
                large.add(address);
            }
            await("the thread", () -> purger() != null && !settling());
            Thread before = purger();
            Object[] filler = fill();
            long end = System.nanoTime() + millis * 1_000_000;
            int freed = 0;
            try {
                for (; freed < large.size(); freed++) {
                    heap.free(large.get(freed));
                }
            } catch (OutOfMemoryError full) {
                // the rest is freed later
            }
            while (System.nanoTime() < end) {
                Thread.onSpinWait();
            }
            filler[0] = null;
            for (; freed < large.size(); freed++) {
                heap.free(large.get(freed));
            }
            await("memory goes back", () -> heap.residentBytes() < 4 * MIB);
            assertThat(purger()).isSameAs(before);
            heap.verify();
        }
    }

    private static void comesBack() {
        heapThatGivesBack();
        await("the thread ends without a heap", () -> purger() == null);
        heapThatGivesBack();
    }

    private static void heapThatGivesBack() {
        HeapOptions options =
                HeapOptions.builder().purgeDelay(Duration.ofMillis(20)).build();
        try (Heap heap = Heap.create(options)) {
            long address = heap.malloc(8 * MIB);
            Bytes.memset(address, 1, 8 * MIB);
            heap.free(address);
            await("memory goes back", () -> heap.residentBytes() < MIB);
        }
    }

    /// Each loader loads the library anew and leaves the common heap in use.
    private static void loaders(int count) throws Exception {
        List<URL> places = new ArrayList<>();
        for (String place : System.getProperty("java.class.path").split(File.pathSeparator, -1)) {
            places.add(Path.of(place).toUri().toURL());
        }
        List<WeakReference<ClassLoader>> loaders = new ArrayList<>();
        for (int index = 0; index < count; index++) {
            loaders.add(useOnce(places.toArray(URL[]::new)));
            System.gc();
        }
        await("the loaders are collected", () -> {
            System.gc();
            return loaders.stream().allMatch(loader -> loader.refersTo(null));
        });
        await("the threads end", () -> purger() == null);
        assertThat(addressSpaceBytes()).isLessThan(1L << 40);
        assertThat(Files.readString(Path.of("/proc/self/maps"))).doesNotContain("malloc4j-root");
    }

    private static WeakReference<ClassLoader> useOnce(URL[] places) throws Exception {
        try (URLClassLoader loader = new URLClassLoader(places, ClassLoader.getPlatformClassLoader())) {
            Class<?> use = Class.forName(Use.class.getName(), true, loader);
            ((Runnable) use.getConstructor().newInstance()).run();
            return new WeakReference<>(loader);
        }
    }

    /// Whatever the library keeps for a thread, left as a program leaves it that nobody has told to stop.
    public static final class Use implements Runnable {
        public Use() {}

        @Override
        @SuppressWarnings("MustBeClosedChecker") // what is left open is what this is about
        public void run() {
            Malloc.free(Malloc.malloc(100));
            assertThat(Malloc.malloc(-1)).isZero();
            assertThat(Malloc.errno()).isNotZero();
            Heap heap = Heap.create(HeapOptions.builder()
                    .hardLimitBytes(MIB)
                    .onHardLimit(bytes -> false)
                    .build());
            assertThat(heap.tryMalloc(2 * MIB)).isZero();
            StackAllocator.Frame frame = StackAllocator.ofHeap(heap, 4096).push();
            assertThat(frame.allocate(10).byteSize()).isEqualTo(10);
            assertThat(heap.ofConfined().allocate(10).byteSize()).isEqualTo(10);
        }
    }

    private static long addressSpaceBytes() throws Exception {
        return Long.parseLong(Files.readString(Path.of("/proc/self/statm")).split(" ", -1)[0]) * 4096;
    }

    /// Fills the Java heap; to set the first element to null empties it.
    private static Object[] fill() {
        Object[] first = new Object[1];
        for (int byteSize = 1 << 20; byteSize >= SMALLEST_PIECE; byteSize /= 2) {
            try {
                while (true) {
                    Object[] piece = new Object[Math.max(1, (byteSize - 16) / 4)];
                    piece[0] = first[0];
                    first[0] = piece;
                }
            } catch (OutOfMemoryError full) {
                // on to smaller pieces
            }
        }
        return first;
    }

    private static boolean settling() {
        int count = 0;
        for (Thread thread : Thread.getAllStackTraces().keySet()) {
            count += thread.getName().equals(THREAD) ? 1 : 0;
        }
        return count != 1 || !"malloc4j.internal.cache.PurgerLoop".equals(runningClass());
    }

    /// The class at the bottom of the purger's stack but for the thread's own.
    private static String runningClass() {
        Thread purger = purger();
        String last = "";
        if (purger != null) {
            for (StackTraceElement frame : purger.getStackTrace()) {
                last = frame.getClassName().startsWith("malloc4j") ? frame.getClassName() : last;
            }
        }
        return last;
    }

    private static @Nullable Thread purger() {
        for (Thread thread : Thread.getAllStackTraces().keySet()) {
            if (thread.getName().equals(THREAD)) {
                return thread;
            }
        }
        return null;
    }

    private static void await(String what, BooleanSupplier condition) {
        long end = System.nanoTime() + 60_000_000_000L;
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > end) {
                throw new AssertionError("not within a minute: " + what);
            }
            try {
                Thread.sleep(5);
            } catch (InterruptedException interrupted) {
                throw new AssertionError(interrupted);
            }
        }
    }
}
