package malloc4j.internal.cache;

import java.io.IOException;
import java.lang.invoke.MethodHandle;
import java.lang.ref.WeakReference;
import java.net.URL;
import java.net.URLClassLoader;
import java.security.CodeSource;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;
import malloc4j.internal.os.LinuxCalls;
import malloc4j.internal.os.Mutex;
import malloc4j.internal.region.Ground;
import org.jspecify.annotations.Nullable;

/// Visits every heap again and again, on a daemon thread, so that memory goes back to the kernel in a process that
/// does nothing too.
///
/// A page is given back when it was free at two visits in a row. With visits every half `purgeDelayNanos`, memory
/// goes back between half and one and a half of the delay after it was last used, a whole slab half a delay later. A
/// heap in which nothing has changed is left alone for up to a second longer, three visits at most: so that is added.
///
/// Visits of equal periods fall together: an idle process with a thousand heaps wakes up as often as one with one.
///
/// ```
///   Purger.first -> Visits of a heap -> Visits of another -> null       added in front; unlinked by whoever closes,
///        ^            : weak                                             or by a step that finds no heap any more
///        :  weak    Registration, which the heap holds
///        :
///   PurgerLoop on the thread malloc4j-purger: step, sleep, step, sleep ...
/// ```
///
/// **The thread outlives everything but this library.** A step allocates nothing on the Java heap, and whatever it
/// throws does not end the loop. The loop holds this class weakly, and its own class is loaded by a loader of its
/// own: a web application that is undeployed is collected with its heaps. Then the thread unmaps what the library had
/// reserved and no block can lie in ([malloc4j.internal.region.OwnMemory#unused]), and ends. It ends too when there
/// has been no heap for a while; the next heap starts another.
///
/// **The thread inherits nothing** from the one that happens to make the first heap: see
/// [malloc4j.internal.os.Daemons].
///
/// Concurrency: the list and the thread change under the lock; the loop reads the list without it. A visit
/// runs under no lock of this class.
public final class Purger implements LongSupplier {
    private static final long MIN_PERIOD_NANOS = TimeUnit.MILLISECONDS.toNanos(10);
    private static final int MAX_SKIPPED = 3; // visits, of a heap in which nothing has changed
    private static final long MAX_SKIPPED_NANOS = TimeUnit.SECONDS.toNanos(1);
    private static final long LONGEST_SLEEP_NANOS = TimeUnit.SECONDS.toNanos(1); // to notice that the library has gone
    private static final String LOOP = PurgerLoop.class.getName(); // and it is there when its loader is closed at once
    private static final Ground GROUND = Ground.process();
    private static final Purger INSTANCE = new Purger();

    private final Mutex lock = new Mutex();
    private volatile @Nullable Visits first;
    private volatile @Nullable Thread thread;
    private boolean wasEmpty; // by the loop

    private Purger() {}

    /// Who is visited.
    public interface Visited {
        /// Gives back what was free at the last visit too, or all that is free. Returns whether there was, or soon will
        /// be, anything to do.
        boolean visitIdle(boolean all);
    }

    /// What a heap holds as long as it is to be visited; to run it ends the visits.
    private static final class Registration implements Runnable {
        final Visits visits;

        Registration(Visits visits) {
            this.visits = visits;
        }

        @Override
        public void run() {
            INSTANCE.remove(visits);
        }
    }

    /// The visits of one heap.
    private static final class Visits {
        final Visited heap;
        final long periodNanos;
        final long restingNanos;
        final boolean all;
        final WeakReference<Registration> registration;
        long dueNanos;
        volatile boolean ended;
        volatile @Nullable Visits next;

        Visits(Visited heap, long periodNanos, boolean all, Registration[] registration) {
            this.heap = heap;
            this.periodNanos = periodNanos;
            this.restingNanos = periodNanos * (1 + Math.min(MAX_SKIPPED, MAX_SKIPPED_NANOS / periodNanos));
            this.all = all;
            registration[0] = new Registration(this);
            this.registration = new WeakReference<>(registration[0]);
            setDue(periodNanos);
        }

        /// Of visits with equal periods all are due at the same time.
        void setDue(long afterNanos) {
            dueNanos = (Math.floorDiv(GROUND.nanoTime(), periodNanos) * periodNanos) + afterNanos;
        }
    }

    /// Starts visiting, as long as what this returns is reachable. A negative delay means never.
    ///
    /// @return what ends the visits when run
    public static Runnable start(Visited heap, long purgeDelayNanos) {
        if (purgeDelayNanos < 0) {
            return Purger::endNothing;
        }
        Registration[] registration = new Registration[1];
        long periodNanos = Math.max(purgeDelayNanos / 2, MIN_PERIOD_NANOS);
        INSTANCE.add(new Visits(heap, periodNanos, purgeDelayNanos == 0, registration));
        return registration[0];
    }

    private static void endNothing() {}

    /// Whether the thread is there, or on its way.
    public static boolean isAlive() {
        Thread now = INSTANCE.thread;
        return now != null && now.isAlive();
    }

    /// Starts the thread where it could not be started before, and there is something to visit.
    static void revive() {
        if (INSTANCE.first != null && !isAlive()) {
            INSTANCE.ensureThread();
        }
    }

    /// How many heaps are visited.
    static int heapCount() {
        int count = 0;
        for (Visits each = INSTANCE.first; each != null; each = each.next) {
            count++;
        }
        return count;
    }

    private void add(Visits visits) {
        lock.lock();
        try {
            visits.next = first;
            first = visits;
        } finally {
            lock.unlock();
        }
        ensureThread();
        LockSupport.unpark(thread); // it may be due before the loop would wake
    }

    private void remove(Visits visits) {
        visits.ended = true;
        lock.lock();
        try {
            Visits before = null;
            for (Visits each = first; each != null; each = each.next) {
                if (each == visits) {
                    if (before == null) {
                        first = each.next;
                    } else {
                        before.next = each.next;
                    }
                } else {
                    before = each;
                }
            }
        } finally {
            lock.unlock();
        }
    }

    /// Starts a thread unless there is one. Where the JVM has no room for a thread, [#revive] tries again.
    private void ensureThread() {
        lock.lock();
        try {
            if (!isAlive()) {
                start(new Starter());
            }
        } catch (OutOfMemoryError noThread) {
            thread = null;
        } finally {
            lock.unlock();
        }
    }

    /// Starts the thread that stays, from the first one.
    private void replace(Runnable loop) {
        lock.lock();
        try {
            start(loop);
        } finally {
            lock.unlock();
        }
    }

    /// Under the lock.
    private void start(Runnable loop) {
        Thread created = GROUND.unstarted("malloc4j-purger", loop);
        created.start();
        thread = created;
    }

    /// The first thread: loads the loop by a loader of its own, which takes too long for whoever makes the first heap,
    /// and starts the thread that stays. Where the loop's class cannot be found by its place, this thread stays.
    private static final class Starter implements Runnable {
        @Override
        public void run() {
            WeakReference<LongSupplier> steps = new WeakReference<>(INSTANCE);
            try {
                INSTANCE.replace(apart(steps));
            } catch (ReflectiveOperationException | IOException | RuntimeException | Error cannot) {
                new PurgerLoop(steps, null, GROUND.memory().unused()).run();
            }
        }

        private static Runnable apart(WeakReference<LongSupplier> steps)
                throws ReflectiveOperationException, IOException {
            CodeSource source = Purger.class.getProtectionDomain().getCodeSource();
            URL place = source == null ? null : source.getLocation();
            if (place == null) {
                throw new ClassNotFoundException("a place for " + LOOP);
            }
            try (URLClassLoader loader = new URLClassLoader(new URL[] {place}, ClassLoader.getPlatformClassLoader())) {
                Class<?> loop = Class.forName(LOOP, true, loader);
                return (Runnable) loop.getConstructor(WeakReference.class, MethodHandle.class, long[].class)
                        .newInstance(
                                steps, LinuxCalls.unmapping(), GROUND.memory().unused());
            }
        }
    }

    /// One step of the loop: the visits that are due. Returns for how many nanoseconds to sleep then, or a negative
    /// number when the thread is to end.
    @Override
    public long getAsLong() {
        long sleepNanos = LONGEST_SLEEP_NANOS;
        for (Visits each = first; each != null; each = each.next) {
            if (each.registration.refersTo(null)) {
                remove(each); // the heap was not closed, and nobody has it any more
                continue;
            }
            if (!each.ended && each.dueNanos - GROUND.nanoTime() <= 0) {
                each.setDue(visit(each) ? each.periodNanos : each.restingNanos);
            }
            sleepNanos = Math.min(sleepNanos, each.dueNanos - GROUND.nanoTime());
        }
        return endsHere() ? -1 : Math.max(sleepNanos, 1);
    }

    /// Whether there was no heap at the last step, and there is none now.
    private boolean endsHere() {
        lock.lock();
        try {
            boolean ends = wasEmpty && first == null;
            wasEmpty = first == null && !ends;
            if (ends) {
                thread = null;
            }
            return ends;
        } finally {
            lock.unlock();
        }
    }

    /// Makes a visit and returns whether it had anything to do. A failure, which would be an error of ours, is
    /// reported and does not end the visits; a Java heap without room is no error of ours, nor is a class loader that
    /// was closed.
    private static boolean visit(Visits visits) {
        try {
            return visits.heap.visitIdle(visits.all);
        } catch (OutOfMemoryError | NoClassDefFoundError noRoom) {
            // The next visit finds what this one has left.
        } catch (RuntimeException | Error failure) {
            Thread current = Thread.currentThread();
            current.getUncaughtExceptionHandler().uncaughtException(current, failure);
        }
        return true;
    }
}
