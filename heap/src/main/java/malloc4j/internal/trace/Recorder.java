package malloc4j.internal.trace;

import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.file.Path;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import malloc4j.internal.os.Mutex;
import org.jspecify.annotations.Nullable;

/// Writes down what is done with the blocks of one heap, in the order in which it is told: one recording, one file.
///
/// ```
///   threads of the program                                        a thread of its own
///   allocated, freed, ...  --lock-->  ids, threads, a line  -->  LineRing  -->  TraceFile  -->  kernel
///                                                                 1 MiB         every 20 ms, or half a ring
/// ```
///
/// **Order.** A block is told of after the heap has given it, and its free before the heap has it back: so the free of
/// a block comes before whatever its address is given out for next. A realloc takes the ID out of the table before,
/// and puts it under the new address after.
///
/// **What it does not know** it leaves out: blocks from before the recording, which have no ID. Where an address is
/// given out whose ID still lives, the free was by a thread that had not noticed the recording's begin; it is written
/// down then.
///
/// **It never fails whoever tells it.** A full Java heap, a full disk, or more blocks than IDs end the recording: it
/// says so once, in the log, and the program goes on. What was recorded before is in the file.
///
/// Invariant: IDs and threads are numbered in the order of the lines, so each beginning of the file is dense in both.
///
/// Concurrency: any thread at any time. The lock is held for a line, and while the ring is full.
public final class Recorder {
    /// Of an event that allocates: malloc.
    public static final char MALLOC = 'a';

    /// Of an event that allocates: calloc.
    public static final char CALLOC = 'c';

    /// Of an event that allocates: with an alignment.
    public static final char MEMALIGN = 'm';

    /// The ID of no block.
    public static final int NO_ID = NumberTable.NONE;

    private static final String LOGGER = "malloc4j";
    private static final char REALLOC = 'r';
    private static final char FREE = 'f';
    private static final int MAX_ID = Integer.MAX_VALUE - 2; // readers count them in an int
    private static final int EVENT_BYTES = 2 * LineRing.MAX_LINE_BYTES; // a free that was missed, and the event
    private static final int HURRY_BYTES = LineRing.BYTES / 2;
    private static final long FLUSH_NANOS = 20_000_000; // no initialiser, which the end of a stack could lose

    private final Mutex lock = new Mutex();
    private final NumberTable ids = new NumberTable(); // of live blocks, by address
    private final ThreadNumbers threads = new ThreadNumbers(Runtime.getRuntime().availableProcessors());
    private final LineRing lines = new LineRing();
    private final TraceFile file;
    private final Path path;
    private final String heapName;
    private final Consumer<Recorder> onFailure;
    private final Thread writer;
    private int nextId;
    private volatile boolean ended;
    private volatile boolean resting; // the writer is, or is about to
    private volatile @Nullable String failure;

    private Recorder(
            TraceFile file,
            Path path,
            String heapName,
            BiFunction<String, Runnable, Thread> threadMaker,
            Consumer<Recorder> onFailure) {
        this.file = file;
        this.path = path;
        this.heapName = heapName;
        this.onFailure = onFailure;
        this.writer = threadMaker.apply("malloc4j-recorder", this::writeOut);
    }

    /// Begins a recording.
    ///
    /// @param threadMaker makes a daemon thread that was not started
    /// @param onFailure called by a thread of the recorder's when the recording has ended by itself
    /// @throws IOException if the file cannot be written, or another recording goes into it
    public static Recorder open(
            Path path, String heapName, BiFunction<String, Runnable, Thread> threadMaker, Consumer<Recorder> onFailure)
            throws IOException {
        String header = "# malloc-trace 1\n# recorder: malloc4j\n# heap: " + heapName.replaceAll("\\R", " ")
                + "\n# pid: " + ProcessHandle.current().pid() + "\n";
        TraceFile file = TraceFile.open(path, header);
        try {
            Recorder made = new Recorder(file, path, heapName, threadMaker, onFailure);
            made.writer.start();
            return made;
        } catch (Throwable noThread) {
            file.close();
            throw noThread;
        }
    }

    /// Where the trace goes.
    public Path path() {
        return path;
    }

    /// Why the recording has ended by itself, or its end could not be written; null where it is whole, or goes on.
    public @Nullable String failure() {
        return failure;
    }

    /// Ends the recording for whoever tells it something: what was told is written out, and nothing after it.
    public void cut() {
        lock.lock();
        ended = true;
        lock.unlock();
        LockSupport.unpark(writer);
    }

    /// Ends the recording: when this returns, the file is whole. Once it has ended by itself, waits for that.
    public void end() {
        cut();
        boolean interrupted = false;
        while (writer.isAlive() && writer != Thread.currentThread()) {
            try {
                writer.join();
            } catch (InterruptedException again) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    // What happens. Each needs the stack of a slow way of one block.

    /// A block was allocated.
    ///
    /// @param event one of the above
    public void allocated(char event, long address, long byteSize, long byteAlignment) {
        lock.lock();
        try {
            if (begin()) {
                ids.makeRoom();
                int thread = threads.of(Thread.currentThread());
                int unnoticed = ids.put(address, nextId);
                if (unnoticed != NO_ID) {
                    writeFree(thread, unnoticed);
                }
                writeAllocation(event, thread, byteSize, byteAlignment);
            }
        } catch (OutOfMemoryError full) {
            failFull();
        } finally {
            lock.unlock();
        }
    }

    /// A block is about to be freed. Returns whether it has been written down.
    public boolean freed(long address) {
        lock.lock();
        try {
            if (begin() && ids.get(address) != NO_ID) {
                int thread = threads.of(Thread.currentThread());
                writeFree(thread, ids.remove(address));
                return true;
            }
        } catch (OutOfMemoryError full) {
            failFull();
        } finally {
            lock.unlock();
        }
        return false;
    }

    /// A block is about to be reallocated: it has no address until [#reallocated] or [#kept]. Returns its ID, or
    /// [#NO_ID].
    public int reallocating(long address) {
        lock.lock();
        try {
            return ids.remove(address);
        } finally {
            lock.unlock();
        }
    }

    /// A block was reallocated.
    ///
    /// @param id what [#reallocating] has said
    /// @param address where it is now
    public void reallocated(int id, long address, long byteSize) {
        if (id != NO_ID) {
            reallocate(id, address, byteSize);
        }
    }

    private void reallocate(int id, long address, long byteSize) {
        lock.lock();
        try {
            if (begin()) {
                ids.makeRoom();
                int thread = threads.of(Thread.currentThread());
                int unnoticed = ids.put(address, id);
                if (unnoticed != NO_ID) {
                    writeFree(thread, unnoticed);
                }
                writeReallocation(thread, id, byteSize);
            }
        } catch (OutOfMemoryError full) {
            failFull();
        } finally {
            lock.unlock();
        }
    }

    /// A block was not reallocated.
    ///
    /// @param id what [#reallocating] has said
    public void kept(int id, long address) {
        lock.lock();
        try {
            if (id != NO_ID && !ended) {
                ids.makeRoom();
                int unused = ids.put(address, id);
            }
        } catch (OutOfMemoryError full) {
            failFull();
        } finally {
            lock.unlock();
        }
    }

    /// The size of a block was changed where it is.
    public void resized(long address, long byteSize) {
        lock.lock();
        try {
            int id = ids.get(address);
            if (id != NO_ID && begin()) {
                writeReallocation(threads.of(Thread.currentThread()), id, byteSize);
            }
        } catch (OutOfMemoryError full) {
            failFull();
        } finally {
            lock.unlock();
        }
    }

    /// Something was allocated that the heap does not know as a block: who has it remembers its ID. Returns that, or
    /// [#NO_ID] once the recording has ended.
    ///
    /// @param event one of the above
    public int allocatedPart(char event, long byteSize, long byteAlignment) {
        lock.lock();
        try {
            if (begin()) {
                return writeAllocation(event, threads.of(Thread.currentThread()), byteSize, byteAlignment);
            }
        } catch (OutOfMemoryError full) {
            failFull();
        } finally {
            lock.unlock();
        }
        return NO_ID;
    }

    /// That is about to be freed.
    public void freedPart(int id) {
        lock.lock();
        try {
            if (begin()) {
                writeFree(threads.of(Thread.currentThread()), id);
            }
        } catch (OutOfMemoryError full) {
            failFull();
        } finally {
            lock.unlock();
        }
    }

    /// Waits until there is room for an event. Returns whether there will be one. Under the lock.
    private boolean begin() {
        for (int waits = 0; !ended && lines.room() < EVENT_BYTES; waits++) {
            hurry();
            Mutex.pause(waits);
        }
        return !ended;
    }

    private int writeAllocation(char event, int thread, long byteSize, long byteAlignment) {
        int id = nextId++;
        lines.begin(event).number(thread).number(id).number(byteSize);
        if (event == MEMALIGN) {
            lines.number(byteAlignment);
        }
        finish();
        if (id == MAX_ID) {
            fail("2^31 - 2 blocks were recorded, and a trace has no more");
        }
        return id;
    }

    private void writeReallocation(int thread, int id, long byteSize) {
        lines.begin(REALLOC).number(thread).number(id).number(byteSize);
        finish();
    }

    private void writeFree(int thread, int id) {
        lines.begin(FREE).number(thread).number(id);
        finish();
    }

    private void finish() {
        lines.end();
        if (lines.room() < HURRY_BYTES) {
            hurry();
        }
    }

    private void hurry() {
        if (resting) {
            resting = false;
            LockSupport.unpark(writer);
        }
    }

    /// Ends the recording because the Java heap had no room to note something.
    public void failFull() {
        fail("the Java heap is full");
    }

    private void fail(String why) {
        if (!ended) {
            failure = why;
            ended = true;
        }
    }

    // The thread that writes out.

    private void writeOut() {
        try (file) {
            boolean last = false;
            while (!last) {
                last = ended; // what there is now is all, then
                writeLines();
                if (!last) {
                    rest();
                }
            }
        } catch (IOException | RuntimeException | Error refused) {
            failure = failure == null ? String.valueOf(refused.getMessage()) : failure;
            ended = true;
        }
        if (failure != null) {
            report();
        }
    }

    private void writeLines() throws IOException {
        long to = lines.filled();
        if (lines.written() == to) {
            return;
        }
        for (long from = lines.written(); from < to; ) {
            long next = LineRing.partition(from, to);
            file.write(lines.bytes(), (int) (from % LineRing.BYTES), (int) (next - from));
            lines.release(next);
            from = next;
        }
        file.flush();
    }

    private void rest() {
        resting = true;
        if (!ended && lines.room() > HURRY_BYTES) {
            LockSupport.parkNanos(this, FLUSH_NANOS);
        }
        resting = false;
    }

    private void report() {
        try {
            onFailure.accept(this);
        } finally {
            String text = "the recording of heap '" + heapName + "' into " + path + " has ended: " + failure
                    + "; the trace goes up to its last whole line";
            if (isJvmEnding()) { // then whoever logs may have ended already
                System.err.println("malloc4j: " + text);
            } else {
                System.getLogger(LOGGER).log(Level.WARNING, text);
            }
        }
    }

    private static boolean isJvmEnding() {
        try {
            boolean unused = Runtime.getRuntime().removeShutdownHook(Thread.currentThread()); // which is none
            return false;
        } catch (IllegalStateException ending) {
            return true;
        }
    }
}
