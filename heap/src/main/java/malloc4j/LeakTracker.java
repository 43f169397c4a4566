package malloc4j;

import java.lang.ref.Cleaner;
import java.util.List;
import java.util.StringJoiner;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import malloc4j.observe.AllocationSite;

/// Tells of objects that the garbage collector has taken before what they own was freed: a handle with a block of a
/// heap that nobody has closed.
///
/// ```java
/// final class Buffer implements AutoCloseable {
///     private final long block = Heap.common().malloc(1_000);
///     private final LeakTracker.Tracked tracked = TRACKER.track(this, "buffer");
///
///     public void close() {
///         tracked.close();
///         Heap.common().free(block);
///     }
/// }
/// ```
///
/// Each [#track] costs a stack walk and an object that the collector looks at. Any thread may use it at any time.
///
/// @since 0.1.0
public final class LeakTracker {
    private static final String LOGGER = "malloc4j";

    private final Cleaner cleaner = Cleaner.create();
    private final AtomicLong openCount = new AtomicLong();
    private final Consumer<Lost> onLost;

    /// A tracker that tells in the log, by the logger `malloc4j`.
    public LeakTracker() {
        this(lost -> System.getLogger(LOGGER).log(System.Logger.Level.ERROR, lost.toString()));
    }

    /// @param onLost is told of each object that was lost, on a daemon thread of this tracker's
    public LeakTracker(Consumer<Lost> onLost) {
        this.onLost = onLost;
    }

    /// An object that was collected before it was closed.
    ///
    /// @param what it was called
    /// @param stack that has tracked it, innermost frame first
    public record Lost(String what, List<StackTraceElement> stack) {
        /// A lost object whose frames nobody can change.
        public Lost {
            stack = List.copyOf(stack);
        }

        @Override
        public String toString() {
            StringJoiner text = new StringJoiner("\n    at ");
            text.add(what + " was collected by the garbage collector before it was closed; it was made");
            stack.forEach(frame -> text.add(AllocationSite.text(frame)));
            return text.toString();
        }
    }

    /// The claim of one object, which it gives up when it has freed what it owns.
    public static final class Tracked implements AutoCloseable {
        private final Cleaner.Cleanable cleanable;
        private final Claim claim;

        private Tracked(Cleaner.Cleanable cleanable, Claim claim) {
            this.cleanable = cleanable;
            this.claim = claim;
        }

        /// Says that what the object owns is freed. Closing twice does nothing more.
        @Override
        public void close() {
            claim.closed.set(true);
            cleanable.clean();
        }
    }

    /// What is left of an object when it is gone: no way back to it.
    private static final class Claim implements Runnable {
        private final AtomicBoolean closed = new AtomicBoolean();
        private final LeakTracker tracker;
        private final Lost lost;

        Claim(LeakTracker tracker, Lost lost) {
            this.tracker = tracker;
            this.lost = lost;
        }

        @Override
        public void run() {
            tracker.openCount.decrementAndGet();
            if (!closed.get()) {
                tracker.onLost.accept(lost);
            }
        }
    }

    /// Tracks an object until its claim is closed.
    ///
    /// @param owner the object; nothing that this keeps refers to it
    /// @param what how to call it in reports
    public Tracked track(Object owner, String what) {
        StackTraceElement[] stack = new Throwable().getStackTrace();
        Claim claim = new Claim(this, new Lost(what, List.of(stack).subList(1, stack.length)));
        openCount.incrementAndGet();
        return new Tracked(cleaner.register(owner, claim), claim);
    }

    /// How many objects are tracked, and neither closed nor known to be lost.
    public long openCount() {
        return openCount.get();
    }
}
