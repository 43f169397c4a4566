package malloc4j.internal.region;

import java.util.concurrent.atomic.AtomicReference;
import java.util.function.LongSupplier;
import malloc4j.internal.os.Daemons;
import malloc4j.internal.os.LinuxCalls;
import malloc4j.internal.os.MemoryCalls;
import org.jspecify.annotations.Nullable;

/// What all heaps of a process stand on: the kernel, a clock, where threads come from, and what there is once because
/// the process has it once.
///
/// ```
///   Ground.process()
///     calls ---------> the kernel                        PageGeometry  \
///     nanoTime                                           ChunkMap       > constants made of it at their first use
///     unstarted -----> a daemon thread                   CacheTags     /
///     mappings ------> MappingBudget
///     memory --------> OwnMemory, with the root record
///     claims --------> BreakClaims
///     addressShare
/// ```
///
/// The ground of a process is chosen once: by whoever calls [#choose] before anybody has asked for it, which a test
/// does at the start of a JVM of its own, or else it is Linux's. It cannot change after that, since addresses, the
/// page and the zones are constants in the machine code of malloc and free.
///
/// What is here is not given another way: a part of a heap gets its ground when it is wired, and what is static asks
/// [#process]. Waiting ([malloc4j.internal.os.Mutex]) is no part of it, nor are files and limits: those are the
/// kernel's, whatever a heap stands on.
public final class Ground {
    private static final AtomicReference<@Nullable Ground> PROCESS = new AtomicReference<>();

    private final @Nullable MemoryCalls calls; // null for Linux's, which are made when they are asked for
    private final LongSupplier clock;
    private final ThreadStarter threads;
    private final Once once;

    /// Makes threads.
    @FunctionalInterface
    public interface ThreadStarter {
        /// A thread that has not been started.
        Thread unstarted(String name, Runnable work);
    }

    /// What there is once, however many views of a ground there are.
    private static final class Once {
        final MappingBudget mappings;
        final OwnMemory memory;
        final BreakClaims claims;
        private @Nullable AddressShare share;

        Once(Ground ground) {
            mappings = MappingBudget.ofProcess(ground.clock);
            memory = new OwnMemory(ground);
            claims = new BreakClaims(ground);
        }

        synchronized AddressShare share(Ground ground) {
            AddressShare known = share;
            if (known == null) {
                known = new AddressShare(AddressShare.addressSpaceLeft(ground.calls()));
                share = known;
            }
            return known;
        }
    }

    /// @param calls the kernel
    /// @param clock nanoseconds from some moment on, as [System#nanoTime]
    public Ground(MemoryCalls calls, LongSupplier clock, ThreadStarter threads) {
        this(calls, clock, threads, null);
    }

    private Ground(@Nullable MemoryCalls calls, LongSupplier clock, ThreadStarter threads, @Nullable Once once) {
        this.calls = calls;
        this.clock = clock;
        this.threads = threads;
        this.once = once == null ? new Once(this) : once;
    }

    /// The ground of this process, from now on the same.
    public static Ground process() {
        Ground chosen = PROCESS.get();
        return chosen == null ? processIsLinux() : chosen;
    }

    private static Ground processIsLinux() {
        Ground linux = new Ground(null, System::nanoTime, Daemons::unstarted, null);
        Ground earlier = PROCESS.compareAndExchange(null, linux);
        return earlier == null ? linux : earlier;
    }

    /// Makes `ground` the one of this process.
    ///
    /// @throws IllegalStateException if somebody has asked for the process's, or chosen it, before
    public static void choose(Ground ground) {
        if (!PROCESS.compareAndSet(null, ground)) {
            throw new IllegalStateException("the ground of this process is in use: choose it before the first heap");
        }
    }

    /// This ground for somebody whose calls go another way: all else is the same.
    public Ground with(MemoryCalls otherCalls) {
        return new Ground(otherCalls, clock, threads, once);
    }

    /// The calls of the kernel.
    ///
    /// @throws UnsupportedOperationException if this is not Linux on x86-64 or aarch64, naming what it is
    /// @throws IllegalCallerException if the JVM does not grant native access to this library, naming the flag to give
    public MemoryCalls calls() {
        return calls == null ? LinuxCalls.instance() : calls;
    }

    /// Nanoseconds from some moment on: only differences mean something.
    public long nanoTime() {
        return clock.getAsLong();
    }

    /// A daemon thread that belongs to nobody's application and has not been started.
    public Thread unstarted(String name, Runnable work) {
        return threads.unstarted(name, work);
    }

    /// The count of the kernel's mappings.
    public MappingBudget mappings() {
        return once.mappings;
    }

    /// Where this library's memory lies.
    public OwnMemory memory() {
        return once.memory;
    }

    /// What was taken from the program break.
    public BreakClaims claims() {
        return once.claims;
    }

    /// How many addresses each part may reserve: of those that were left when it was asked first.
    public AddressShare addressShare() {
        return once.share(this);
    }
}
