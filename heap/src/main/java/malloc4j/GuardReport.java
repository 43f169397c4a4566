package malloc4j;

import java.lang.System.Logger.Level;
import java.lang.Thread.UncaughtExceptionHandler;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.StringJoiner;
import java.util.WeakHashMap;
import malloc4j.internal.memory.Sizes;
import malloc4j.internal.os.Errno;
import malloc4j.internal.sample.Sampler;
import malloc4j.internal.sample.Sampler.Known;
import malloc4j.observe.MisuseReport.Block;
import malloc4j.observe.MisuseReport.Call;
import malloc4j.observe.Probe;
import org.jspecify.annotations.Nullable;

/// What [Heap#explain] says of an error by which the JVM tells that a page could not be touched.
final class GuardReport {
    /// What HotSpot says, whether the code was compiled or not.
    private static final String MESSAGE = "unsafe memory access operation";

    private static final int MAX_GUESSES = 3;
    private static final String LOGGER = "malloc4j";

    private static final Set<InternalError> TOLD = Collections.newSetFromMap(new WeakHashMap<>());
    private static WeakReference<InternalError> explained = new WeakReference<>(null);
    private static String explainedText = "";
    private static long explainedNanos = Long.MIN_VALUE; // of the touch that it was about

    private GuardReport() {}

    /// A block between guards, of a heap.
    private record Guarded(Heap heap, Known known) {}

    /// Says in one line each, in the log, what a heap was asked to guard and cannot.
    ///
    /// @param fileRefusal why it keeps no file of them, empty where it does
    static void logRefusals(Heap heap, String fileRefusal) {
        if (!heap.options().observing().hasGuards()) {
            return;
        }
        logFileRefusal(heap, fileRefusal);
        long guards = heap.sampler().guardRefusal();
        long faults = heap.sampler().faultsRefusal();
        if (guards < 0) {
            System.getLogger(LOGGER)
                    .log(
                            Level.WARNING,
                            "heap '" + heap.options().name()
                                    + "' guards no block: the kernel refuses a memory file, or its mapping: "
                                    + Errno.name(guards) + "; check ulimit -n and ulimit -v");
        } else if (faults < 0) {
            System.getLogger(LOGGER)
                    .log(
                            Level.INFO,
                            "heap '" + heap.options().name() + "' guards blocks, and will guess which one was touched: "
                                    + "perf_event_open: " + Errno.name(faults)
                                    + "; kernel.perf_event_paranoid must be 2 or lower");
        }
    }

    /// Tells of uncaught errors about guards in the log, before whoever is told of uncaught errors otherwise.
    static void explainUncaught() {
        UncaughtExceptionHandler next = Thread.getDefaultUncaughtExceptionHandler();
        Thread.setDefaultUncaughtExceptionHandler((thread, thrown) -> {
            try {
                Heap.explain(thrown).ifPresent(text -> System.getLogger(LOGGER)
                        .log(Level.ERROR, "in thread '" + thread.getName() + "': " + text));
            } finally { // whatever the log does
                if (next != null) {
                    next.uncaughtException(thread, thrown);
                } else {
                    System.err.print("Exception in thread \"" + thread.getName() + "\" ");
                    thrown.printStackTrace();
                }
            }
        });
    }

    private static void logFileRefusal(Heap heap, String refusal) {
        if (!refusal.isEmpty()) {
            System.getLogger(LOGGER)
                    .log(
                            Level.WARNING,
                            "heap '" + heap.options().name()
                                    + "' keeps no file of its guarded blocks, so that a touch by"
                                    + " native code will not be explained: " + refusal
                                    + "; name another file by the option guardFile, or none");
        }
    }

    static Optional<String> of(Throwable thrown, List<Heap> heaps) {
        InternalError fault = find(thrown);
        if (fault == null) {
            return Optional.empty();
        }
        String known = known(fault);
        if (known != null) {
            return Optional.of(known);
        }
        Optional<LatestTouch> exact =
                exact(fault, heaps); // first: the page faults of the Java heap push the touch's out
        if (exact.isPresent()) {
            LatestTouch latest = exact.get();
            tell(latest.heap, latest.touch.known(), latest.touch.address(), fault, latest.text());
            return exact.map(LatestTouch::text);
        }
        List<Guarded> all = new ArrayList<>();
        for (Heap heap : heaps) {
            heap.sampler().guarded().forEach(each -> all.add(new Guarded(heap, each)));
        }
        return all.isEmpty() ? Optional.empty() : Optional.of(guess(fault, all));
    }

    private static synchronized @Nullable String known(InternalError fault) {
        return explained.refersTo(fault) ? explainedText : null;
    }

    /// By the latest touch that no other error was explained by.
    private static synchronized Optional<LatestTouch> exact(InternalError fault, List<Heap> heaps) {
        Optional<LatestTouch> latest = heaps.stream()
                .map(GuardReport::latest)
                .flatMap(Optional::stream)
                .max(Comparator.comparingLong(each -> each.touch.nanos()));
        latest.ifPresent(each -> {
            explained = new WeakReference<>(fault);
            explainedText = each.text();
            explainedNanos = each.touch.nanos();
        });
        return latest;
    }

    /// Tells the heap's probe, once for each error.
    private static void tell(Heap heap, Known known, long address, InternalError fault, String text) {
        boolean isFirst;
        synchronized (TOLD) {
            isFirst = TOLD.add(fault);
        }
        if (isFirst && heap.probe().isTold()) {
            List<StackTraceElement> stack = List.of(fault.getStackTrace());
            String name = heap.options().name();
            heap.probe()
                    .guardHit(new Probe.GuardHit(
                            name, heap.heapId(), address, known.offset(), known.block(), stack, text));
        }
    }

    /// What the kernel tells of the latest touch of a guard of a heap.
    private record LatestTouch(Heap heap, Sampler.Touch touch) {
        /// What, by how many bytes beside which block.
        String text() {
            Known known = touch.known();
            Block block = known.block();
            String state = block.isLive() ? "" : "use after free: ";
            long offset = known.offset();
            String where = offset == 0
                    ? touch.address() - block.address() + " bytes into"
                    : offset < 0 ? plural(-offset) + " before" : plural(offset) + " past the end of";
            String what = !state.isEmpty() ? state : offset < 0 ? "underflow: " : "overflow: ";
            return what + Sizes.hex(touch.address()) + " was touched, " + where + " the block of "
                    + plural(block.byteSize()) + " at " + Sizes.hex(block.address()) + " of heap '"
                    + heap.options().name() + "', " + (block.isLive() ? "live" : "freed") + block.calls();
        }

        private static String plural(long bytes) {
            return bytes == 1 ? "1 byte" : bytes + " bytes";
        }
    }

    private static Optional<LatestTouch> latest(Heap heap) {
        Sampler.Touch touch = heap.sampler().latestTouch(explainedNanos);
        return Optional.ofNullable(touch).map(known -> new LatestTouch(heap, known));
    }

    private static @Nullable InternalError find(Throwable thrown) {
        Throwable each = thrown;
        for (int depth = 0; each != null && depth < 32; depth++) { // a chain of causes may be a ring
            String message = each.getMessage();
            if (each instanceof InternalError fault && message != null && message.contains(MESSAGE)) {
                return fault;
            }
            each = each.getCause();
        }
        return null;
    }

    private static String guess(InternalError fault, List<Guarded> all) {
        Set<String> methods = new HashSet<>();
        Set<String> classes = new HashSet<>();
        for (StackTraceElement frame : fault.getStackTrace()) {
            if (!frame.getClassName().startsWith("java.")
                    && !frame.getClassName().startsWith("jdk.")) {
                methods.add(frame.getClassName() + "." + frame.getMethodName());
                classes.add(frame.getClassName());
            }
        }
        List<Guarded> likeliest = all.stream()
                .sorted(Comparator.comparingLong((Guarded each) -> -likeness(each.known, methods, classes))
                        .thenComparingLong(each -> latestNanos(each.known)))
                .limit(MAX_GUESSES)
                .toList();
        StringJoiner text = new StringJoiner("\n");
        text.add("a block was touched outside of its bounds, or after it was freed.");
        text.add(
                "Neither the JVM nor the kernel says at which address: it may have been none of these, where a mapped file was"
                        + " cut. Of " + all.size()
                        + " guarded blocks these have most in common"
                        + " with the error's stack, or were last used: this is a guess.");
        for (Guarded each : likeliest) {
            text.add("  " + describe(each));
        }
        Guarded likely = likeliest.getFirst();
        tell(likely.heap, likely.known, 0, fault, text.toString());
        return text.toString();
    }

    /// The methods that the error's stack and a block's have in common, and half as much their classes; a freed block
    /// is touched more often.
    private static long likeness(Known known, Set<String> methods, Set<String> classes) {
        Set<String> seen = new HashSet<>();
        long likeness = known.block().isLive() ? 0 : 1;
        for (Call call : calls(known)) {
            for (StackTraceElement frame : call.stack()) {
                String method = frame.getClassName() + "." + frame.getMethodName();
                if (methods.contains(method) && seen.add(method)) {
                    likeness += 4;
                }
                if (classes.contains(frame.getClassName()) && seen.add(frame.getClassName())) {
                    likeness += 2;
                }
            }
        }
        return likeness;
    }

    private static List<Call> calls(Known known) {
        List<Call> calls = new ArrayList<>();
        known.block().allocatedIfKnown().ifPresent(calls::add);
        known.block().freedIfKnown().ifPresent(calls::add);
        return calls;
    }

    private static long latestNanos(Known known) {
        return calls(known).stream().mapToLong(Call::ageNanos).min().orElse(Long.MAX_VALUE);
    }

    private static String describe(Guarded each) {
        Known known = each.known;
        return known.block().byteSize() + " bytes at " + Sizes.hex(known.block().address()) + " of heap '"
                + each.heap.options().name() + "', " + (known.block().isLive() ? "live" : "freed")
                + known.block().calls();
    }
}
