package malloc4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/// Limits as those live with them who fill a heap.
class HeapLimitsTest {
    private static final long MIB = 1L << 20;
    private static final long SECONDS = 60;

    private static HeapOptions.Builder quiet() {
        return HeapOptions.builder().purgeDelay(Duration.ofMillis(-1));
    }

    @Test
    void theSoftLimitIsToldAsLongAsAllocationGoesOnAboveIt() throws InterruptedException {
        Semaphore told = new Semaphore(0);
        HeapOptions options =
                quiet().softLimitBytes(4 * MIB).onSoftLimit(told::release).build();
        try (Heap heap = Heap.create(options)) {
            List<Long> blocks = new ArrayList<>();
            for (int count = 0; count < 4; count++) {
                blocks.add(heap.malloc(MIB));
            }
            assertThat(told.tryAcquire(50, TimeUnit.MILLISECONDS))
                    .as("at the mark")
                    .isFalse();
            for (int round = 0; round < 5; round++) {
                blocks.add(heap.malloc(MIB));
                assertThat(told.tryAcquire(SECONDS, TimeUnit.SECONDS))
                        .as("round " + round)
                        .isTrue();
            }
            assertThat(told.tryAcquire(50, TimeUnit.MILLISECONDS))
                    .as("nobody allocates")
                    .isFalse();
            blocks.forEach(heap::free);
            heap.trim(0);
            heap.free(heap.malloc(MIB));
            assertThat(told.tryAcquire(50, TimeUnit.MILLISECONDS))
                    .as("below the mark")
                    .isFalse();
        }
    }

    @Test
    void theSoftLimitCallIsNeverMadeTwiceAtOnceAndSurvivesItsFailures() throws InterruptedException {
        AtomicInteger inside = new AtomicInteger();
        AtomicInteger most = new AtomicInteger();
        AtomicInteger calls = new AtomicInteger();
        HeapOptions options = quiet().softLimitBytes(MIB)
                .onSoftLimit(() -> {
                    most.accumulateAndGet(inside.incrementAndGet(), Math::max);
                    Thread.currentThread().setUncaughtExceptionHandler((thread, failure) -> {});
                    calls.incrementAndGet();
                    inside.decrementAndGet();
                    throw new IllegalStateException("a failing callback");
                })
                .build();
        try (Heap heap = Heap.create(options)) {
            List<Thread> threads = new ArrayList<>();
            heap.malloc(2 * MIB);
            for (int index = 0; index < 4; index++) {
                threads.add(Thread.ofPlatform().start(() -> {
                    while (calls.get() < 50) {
                        heap.free(heap.malloc(100_000));
                    }
                }));
            }
            for (Thread thread : threads) {
                thread.join();
            }
            assertThat(most).hasValue(1);
        }
    }

    @Test
    @SuppressWarnings("ThreadLocalUsage") // of this test alone
    void theSoftLimitThreadTakesNothingFromTheThreadThatAllocates() throws InterruptedException {
        CountDownLatch told = new CountDownLatch(1);
        AtomicReference<@Nullable Object> inherited = new AtomicReference<>();
        InheritableThreadLocal<Object> local = new InheritableThreadLocal<>();
        ClassLoader own = new ClassLoader() {};
        AtomicReference<@Nullable ClassLoader> context = new AtomicReference<>();
        AtomicReference<@Nullable Boolean> daemon = new AtomicReference<>();
        HeapOptions options = quiet().softLimitBytes(0)
                .onSoftLimit(() -> {
                    inherited.set(local.get());
                    context.set(Thread.currentThread().getContextClassLoader());
                    daemon.set(Thread.currentThread().isDaemon());
                    told.countDown();
                })
                .build();
        try (Heap heap = Heap.create(options)) {
            Thread thread = Thread.ofPlatform().unstarted(() -> {
                local.set("of the application");
                heap.malloc(100_000);
            });
            thread.setContextClassLoader(own);
            thread.start();
            assertThat(told.await(SECONDS, TimeUnit.SECONDS)).isTrue();
            thread.join();
            assertThat(inherited.get()).isNull();
            assertThat(context.get()).isNotSameAs(own);
            assertThat(daemon.get()).isTrue();
        }
    }

    @Test
    void aParentsSoftLimitIsToldWhenAChildAllocates() throws InterruptedException {
        Semaphore told = new Semaphore(0);
        try (Heap parent = Heap.create(
                        quiet().softLimitBytes(MIB).onSoftLimit(told::release).build());
                Heap child = Heap.create(quiet().parent(parent).build())) {
            child.malloc(2 * MIB);
            assertThat(told.tryAcquire(SECONDS, TimeUnit.SECONDS)).isTrue();
        }
    }

    @Test
    void theHardLimitHookIsToldWhatIsWantedAndEvicts() {
        Deque<Long> cache = new ArrayDeque<>();
        List<Long> wanted = new ArrayList<>();
        Heap[] heap = new Heap[1];
        HeapOptions options = quiet().hardLimitBytes(8 * MIB)
                .onHardLimit(bytes -> {
                    wanted.add(bytes);
                    if (cache.isEmpty()) {
                        return false;
                    }
                    heap[0].free(cache.removeFirst());
                    return true;
                })
                .build();
        heap[0] = Heap.create(options);
        try (Heap cached = heap[0]) {
            for (int entry = 0; entry < 100; entry++) {
                cache.add(cached.malloc(MIB));
            }
            assertThat(cache).hasSize(8);
            assertThat(wanted).hasSize(92).containsOnly(MIB);
            long large = cached.malloc(5 * MIB);
            assertThat(cache).hasSize(3);
            assertThatThrownBy(() -> cached.malloc(9 * MIB)).isInstanceOf(OutOfNativeMemoryError.class);
            assertThat(cache).isEmpty();
            cached.free(large);
            cached.verify();
        }
    }

    @Test
    void theHookIsNotAskedForWhatItWantsItself() {
        AtomicInteger asked = new AtomicInteger();
        Heap[] heap = new Heap[1];
        HeapOptions options = quiet().hardLimitBytes(2 * MIB)
                .onHardLimit(bytes -> {
                    asked.incrementAndGet();
                    assertThatThrownBy(() -> heap[0].malloc(4 * MIB)).isInstanceOf(OutOfNativeMemoryError.class);
                    return false;
                })
                .build();
        heap[0] = Heap.create(options);
        try (Heap limited = heap[0]) {
            for (int round = 1; round <= 3; round++) {
                assertThatThrownBy(() -> limited.malloc(3 * MIB)).isInstanceOf(OutOfNativeMemoryError.class);
                assertThat(asked).hasValue(round);
            }
        }
    }

    @Test
    void aHookThatThrowsPassesItsExceptionOnAndIsAskedAgain() {
        HeapOptions options = quiet().hardLimitBytes(MIB)
                .onHardLimit(bytes -> {
                    throw new IllegalStateException("no eviction today");
                })
                .build();
        try (Heap heap = Heap.create(options)) {
            for (int round = 0; round < 3; round++) {
                assertThatThrownBy(() -> heap.malloc(3 * MIB)).hasMessage("no eviction today");
            }
            heap.verify();
        }
    }

    @Test
    void aParentsHookIsAskedWhenItsLimitRefusesAChild() {
        AtomicInteger ofChild = new AtomicInteger();
        AtomicInteger ofParent = new AtomicInteger();
        try (Heap parent = Heap.create(quiet().hardLimitBytes(8 * MIB)
                        .onHardLimit(bytes -> ofParent.incrementAndGet() < 0)
                        .build());
                Heap child = Heap.create(quiet().parent(parent)
                        .hardLimitBytes(4 * MIB)
                        .onHardLimit(bytes -> ofChild.incrementAndGet() < 0)
                        .build())) {
            parent.malloc(6 * MIB);
            assertThat(refused(child, 3 * MIB)).isTrue();
            assertThat(ofChild).hasValue(1);
            assertThat(ofParent).hasValue(1);
            assertThat(refused(child, 5 * MIB)).isTrue();
            assertThat(ofChild).hasValue(2);
            assertThat(ofParent).as("the child's own limit refused").hasValue(1);
        }
    }

    @Test
    void theHardLimitCanChangeWhileTheHeapIsInUse() {
        try (Heap heap = Heap.create(quiet().hardLimitBytes(4 * MIB).build())) {
            List<Long> blocks = new ArrayList<>();
            for (int count = 0; count < 4; count++) {
                blocks.add(heap.malloc(MIB));
            }
            assertThat(refused(heap, MIB)).isTrue();
            heap.setHardLimitBytes(6 * MIB);
            assertThat(heap.hardLimitBytes()).isEqualTo(6 * MIB);
            blocks.add(heap.malloc(MIB));
            heap.setHardLimitBytes(2 * MIB);
            assertThat(refused(heap, 100)).isTrue();
            for (int count = 0; count < 4; count++) {
                heap.free(blocks.removeLast());
            }
            heap.free(heap.malloc(100));
            heap.setHardLimitBytes(Long.MAX_VALUE);
            heap.free(heap.malloc(100 * MIB));
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> heap.setHardLimitBytes(-1))
                    .withMessage("setHardLimitBytes(byteSize=-1): must be 0 or more");
            assertThatIllegalArgumentException().isThrownBy(() -> heap.setSoftLimitBytes(Long.MIN_VALUE));
            heap.verify();
        }
    }

    @Test
    void theSoftLimitCanChangeWhileTheHeapIsInUse() throws InterruptedException {
        Semaphore told = new Semaphore(0);
        try (Heap heap = Heap.create(quiet().onSoftLimit(told::release).build())) {
            heap.malloc(2 * MIB);
            assertThat(told.tryAcquire(50, TimeUnit.MILLISECONDS)).isFalse();
            heap.setSoftLimitBytes(MIB);
            assertThat(heap.softLimitBytes()).isEqualTo(MIB);
            heap.malloc(MIB);
            assertThat(told.tryAcquire(SECONDS, TimeUnit.SECONDS)).isTrue();
        }
    }

    private static boolean refused(Heap heap, long byteSize) {
        try {
            heap.malloc(byteSize);
            return false;
        } catch (OutOfNativeMemoryError refused) {
            return true;
        }
    }

    @Test
    void hookThatFreesNothingIsNotAskedForEver() {
        int[] asked = new int[1];
        HeapOptions options = HeapOptions.builder()
                .hardLimitBytes(8 << 20)
                .onHardLimit(byteSize -> {
                    asked[0]++;
                    return true;
                })
                .build();
        try (Heap heap = Heap.create(options)) {
            assertThat(heap.tryMalloc(16 << 20)).isZero();
            assertThat(asked[0]).isBetween(1, 100);
        }
    }
}
