package malloc4j.cli.child;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Consumer;
import malloc4j.peers.AllocatorAbsent;
import org.jspecify.annotations.Nullable;

/// Allocators under comparison, each in a child JVM. One that is absent or fails drops out, the others go on.
public final class Contest {
    private static final int AT_ONCE = 4; // most of the time each waits for memory to settle

    private final Progress progress;
    private final Map<String, String> absent = new LinkedHashMap<>();
    private final List<Failure> failures = new ArrayList<>();

    public Contest(Progress progress) {
        this.progress = progress;
    }

    /// An allocator that crashed, misbehaved or had no memory.
    ///
    /// @param subject what it was put to
    public record Failure(String subject, String allocator, String reason) {}

    /// Whether this allocator turned out not to be installed.
    public synchronized boolean isAbsent(String allocator) {
        return absent.containsKey(allocator);
    }

    /// Allocators that are not installed, and what was looked for.
    public synchronized Map<String, String> absent() {
        return new LinkedHashMap<>(absent);
    }

    public synchronized List<Failure> failures() {
        return List.copyOf(failures);
    }

    /// Does something with several contestants at a time. For what is not timed.
    public static <C> void atOnce(List<C> contestants, Consumer<C> work) {
        try (ExecutorService executor = Executors.newFixedThreadPool(AT_ONCE)) {
            List<Future<?>> passes = new ArrayList<>();
            for (C contestant : contestants) {
                passes.add(executor.submit(() -> work.accept(contestant)));
            }
            for (Future<?> pass : passes) {
                pass.get();
            }
        } catch (InterruptedException | ExecutionException e) {
            throw new IllegalStateException("a contestant was lost", e);
        }
    }

    /// One allocator put to one subject.
    public final class Contestant implements AutoCloseable {
        private final String subject;
        private final String allocator;
        private @Nullable ChildProcess child;
        private volatile boolean out;

        public Contestant(String subject, String allocator) {
            this.subject = subject;
            this.allocator = allocator;
        }

        public boolean isOut() {
            return out;
        }

        /// Does a step unless this one has dropped out before; drops it if the step fails.
        public void attempt(String doing, Runnable step) {
            if (out) {
                return;
            }
            synchronized (Contest.this) {
                progress.show(subject + ": " + allocator + ", " + doing);
            }
            try {
                step.run();
            } catch (AllocatorAbsent e) {
                drop();
                synchronized (Contest.this) {
                    absent.put(allocator, String.valueOf(e.getMessage()));
                }
            } catch (ChildFailure e) {
                drop();
                synchronized (Contest.this) {
                    failures.add(new Failure(subject, allocator, String.valueOf(e.getMessage())));
                }
            }
        }

        /// Starts its child JVM.
        public void start(ChildProcess.Launch launch) {
            close();
            child = ChildProcess.start(launch);
        }

        /// Asks its child JVM.
        public String ask(String question) {
            if (child == null) {
                throw new IllegalStateException(allocator + " was not started");
            }
            return child.ask(question);
        }

        /// Ends its child JVM.
        @Override
        public void close() {
            if (child != null) {
                child.close();
                child = null;
            }
        }

        private void drop() {
            out = true;
            close();
        }
    }
}
