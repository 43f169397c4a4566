package malloc4j.internal.os;

/// A memory barrier in every running thread of the process, made by one of them: so that those who are often at
/// something need none of their own, and the one who comes rarely pays for all.
///
/// ```
///   often  (no barrier)                rarely
///     working = 1                        claimed = 1
///     claimed?                           run()
///     ...                                working?
///     working = 0 (release)
/// ```
///
/// Not both can miss the other: the barrier falls before the first thread's store of `working`, and then it sees
/// `claimed`; or after, and then its store is seen. The compiler must keep the store before the load, as HotSpot's keep
/// opaque accesses in the order of the program.
///
/// @source [membarrier(2)](https://man7.org/linux/man-pages/man2/membarrier.2.html)
public final class ProcessBarrier {
    private static final int UNKNOWN = 0;
    private static final int REGISTERED = 1;
    private static final int REFUSED = 2;

    private final MemoryCalls calls;
    private volatile int state = UNKNOWN;

    public ProcessBarrier(MemoryCalls calls) {
        this.calls = calls;
    }

    /// Whether there is such a barrier: asks the kernel the first time.
    public boolean isAvailable() {
        if (state == UNKNOWN) {
            state = calls.membarrier(Linux.MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0) == 0 && isRunning()
                    ? REGISTERED
                    : REFUSED;
        }
        return state == REGISTERED;
    }

    private boolean isRunning() {
        return calls.membarrier(Linux.MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0) == 0;
    }

    /// Makes the barrier. Returns false where the kernel refuses, and nothing is known of the other threads.
    public boolean run() {
        return isAvailable() && isRunning();
    }
}
