package malloc4j;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import malloc4j.internal.region.Ground;
import malloc4j.internal.trace.Recorder;
import org.jspecify.annotations.Nullable;

/// The recordings of one heap: one at a time, begun and ended by the program, by the end of the heap or of the JVM, or
/// by a failure.
///
/// Concurrency: any thread at any time; `switcher` is called under the lock.
final class Recordings {
    private final String heapName;
    private final Ground ground;
    private final Consumer<@Nullable Recorder> switcher;
    private final ReentrantLock lock = new ReentrantLock();
    private @Nullable Recorder current; // under the lock, as the next
    private @Nullable Thread exitHook;

    /// @param switcher has the heap tell a recorder what happens, or nobody
    Recordings(String heapName, Ground ground, Consumer<@Nullable Recorder> switcher) {
        this.heapName = heapName;
        this.ground = ground;
        this.switcher = switcher;
    }

    /// Begins one.
    ///
    /// @throws IllegalStateException if one is going on, or the JVM is about to end
    /// @throws UncheckedIOException if the file cannot be written, or another recording goes into it
    void start(Path path) {
        Recorder unused = null;
        lock.lock();
        try {
            Recorder running = current;
            if (running != null) {
                throw new IllegalStateException("startRecording(file=" + path + ") of heap '" + heapName
                        + "': a recording into " + running.path() + " is going on: stop it first");
            }
            Recorder made = open(path);
            try {
                Thread hook = ground.unstarted("malloc4j-recorder-exit", () -> end(made));
                Runtime.getRuntime().addShutdownHook(hook);
                exitHook = hook;
                switcher.accept(made);
                current = made;
            } catch (Throwable refused) {
                removeExitHook();
                unused = made;
                throw refused;
            }
        } finally {
            lock.unlock();
            if (unused != null) {
                unused.end(); // without the lock: the recorder's thread may be waiting for it
            }
        }
    }

    private Recorder open(Path path) {
        try {
            return Recorder.open(path, heapName, ground::unstarted, this::end);
        } catch (IOException refused) {
            throw new UncheckedIOException(
                    "startRecording(file=" + path + ") of heap '" + heapName + "': " + refused.getMessage(), refused);
        }
    }

    /// Ends the one that is going on. Returns it, whole, or null when there is none.
    @Nullable
    Recorder stop() {
        Recorder running;
        lock.lock();
        try {
            running = current;
        } finally {
            lock.unlock();
        }
        if (running != null) {
            end(running);
        }
        return running;
    }

    /// Ends a recording, if it is still going on, and waits for its end.
    private void end(Recorder ending) {
        ending.cut(); // before calls can go unseen
        lock.lock();
        try {
            if (current == ending) {
                switcher.accept(null);
                current = null;
                removeExitHook();
            }
        } finally {
            lock.unlock();
        }
        ending.end(); // without the lock, as above
    }

    private void removeExitHook() {
        Thread hook = exitHook;
        exitHook = null;
        if (hook != null && Thread.currentThread() != hook) {
            try {
                boolean unused = Runtime.getRuntime().removeShutdownHook(hook);
            } catch (IllegalStateException jvmIsEnding) {
                return; // then it runs, and finds nothing to do
            }
        }
    }
}
