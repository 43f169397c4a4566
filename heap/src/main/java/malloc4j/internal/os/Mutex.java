package malloc4j.internal.os;

import java.util.concurrent.atomic.AtomicInteger;

/// The lock of everything that a malloc or a free may have to wait for: short sections, no condition, not reentrant.
///
/// ```
///   held:  0 --lock--> 1 --unlock--> 0
///   wait:  spin SPINS times, then sched_yield YIELDS times, then nanosleep until it is free
/// ```
///
/// It differs from the JDK's locks in what waiting does:
/// - **A waiting virtual thread keeps its carrier**: it spins, or is in a downcall. The JDK's locks unmount it, and who
///   has been handed such a lock may need a carrier while every carrier waits for a lock that it holds, for a thread
///   with a native frame below cannot unmount. Here a holder always has a carrier, so it always gets on: nothing in a
///   section of such a lock may unmount, so nothing there waits for anything but another `Mutex`.
/// - **No object is made**, neither by `lock` nor by `unlock`: both work when the Java heap is full.
/// - **`unlock` is one store**, and cannot fail where `lock` had the stack to succeed.
///
/// Invariant: between `lock`, or a `tryLock` that says true, and `unlock` no other thread is between them.
public final class Mutex {
    private static final int SPINS = 64; // some microseconds: longer than a section without a system call
    private static final int YIELDS = 16;

    private final AtomicInteger held = new AtomicInteger();

    /// Waits until no thread holds it, and holds it. A thread that holds it already waits for ever.
    public void lock() {
        if (!held.compareAndSet(0, 1)) {
            lockContended();
        }
    }

    /// Holds it if no thread does. Returns whether it holds it now.
    public boolean tryLock() {
        return held.compareAndSet(0, 1);
    }

    /// Gives it up. By the thread that holds it.
    public void unlock() {
        held.setRelease(0);
    }

    private void lockContended() {
        for (int waits = 0; ; waits++) {
            if (held.get() == 0 && held.compareAndSet(0, 1)) {
                return;
            }
            pause(waits);
        }
    }

    /// Waits a moment, as a thread does that waits for a lock: for something that another thread is about to do.
    ///
    /// @param waits how often it has waited for the same before
    public static void pause(int waits) {
        if (waits < SPINS) {
            Thread.onSpinWait();
        } else if (waits < SPINS + YIELDS) {
            giveWay();
        } else {
            LinuxCalls.instance().nanosleep(LinuxCalls.Pause.REQUEST);
        }
    }

    /// Lets another thread have the processor, by a native call: a virtual thread keeps its carrier, so a lock may be
    /// held.
    public static void giveWay() {
        LinuxCalls.instance().schedYield();
    }
}
