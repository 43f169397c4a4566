package malloc4j.cli.replay;

import java.util.BitSet;
import malloc4j.cli.child.BlockPattern;
import malloc4j.cli.child.ChildFailure;
import malloc4j.peers.Allocator;
import malloc4j.peers.Memory;
import malloc4j.peers.Peers;

/// The timed loop: one event after the other, each a call of the allocator, a write into the new block and an entry
/// in the table of addresses.
///
/// Everything that differs between children is a constant here, so the JIT sees a loop over one inlined allocator
/// without a test of an option; nothing is allocated on the Java heap. The loops run in pieces of [#PIECE] events,
/// so that they are compiled as a method that is called often and not only by on-stack replacement.
///
/// Cost: 2 to 3 ns an event besides the allocator (`--with none`).
final class ReplayLoop {
    private static final Allocator ALLOCATOR = Peers.of(ReplayChild.SETTINGS.allocator());
    private static final boolean TOUCH_ALL = ReplayChild.SETTINGS.touch() == Touch.ALL;
    private static final boolean VERIFY = ReplayChild.SETTINGS.verify();
    private static final int PIECE = 1 << 12;

    private final Trace trace;
    /// For each object the address of its block, 0 while it has none.
    private final long[] addresses;
    /// For each object the size of its block; used by the verifying replay only.
    private final long[] byteSizes;

    ReplayLoop(Trace trace, BitSet crossing) {
        this.trace = trace;
        this.addresses = new long[trace.objectCount];
        this.byteSizes = new long[VERIFY ? trace.objectCount : 0];
        ALLOCATOR.prepare(trace.objectCount, crossing);
    }

    static String allocatorVersion() {
        return ALLOCATOR.version();
    }

    /// Replays the events from one index to another, in file order.
    void inOrder(int from, int to) {
        for (int i = from; i < to; i += PIECE) {
            piece(i, Math.min(i + PIECE, to));
        }
    }

    /// Replays one thread's events in that thread's order, waiting where the schedule says so.
    void ofThread(Schedule schedule, Rendezvous rendezvous, int thread, int round) {
        var progress = new Progress(schedule.awaited[thread], schedule.announced[thread], rendezvous, round);
        int end = schedule.starts[thread + 1];
        for (int k = schedule.starts[thread]; k < end; k += PIECE) {
            piece(schedule.order, k, Math.min(k + PIECE, end), progress);
        }
    }

    /// Frees the blocks that these objects still have.
    void freeAll(int[] ids) {
        for (int id : ids) {
            if (addresses[id] != 0) {
                free(id);
            }
        }
    }

    /// Checks the blocks that these objects have, when verifying.
    void checkAll(int[] ids) {
        for (int id : ids) {
            if (VERIFY && addresses[id] != 0) {
                BlockPattern.check(id, addresses[id], byteSizes[id], "at the end");
            }
        }
    }

    private void piece(int from, int to) {
        long[] events = trace.events;
        int[] ids = trace.ids;
        int i = from;
        try {
            for (; i < to; i++) {
                step(events[i], ids[i]);
            }
        } catch (RuntimeException | Error e) {
            throw failed(i, e);
        }
    }

    private void piece(int[] order, int from, int to, Progress progress) {
        long[] events = trace.events;
        int[] ids = trace.ids;
        int i = 0;
        try {
            for (int k = from; k < to; k++) {
                i = order[k];
                long event = events[i];
                if ((event & (Event.WAIT | Event.ANNOUNCE)) == 0) {
                    step(event, ids[i]);
                } else {
                    stepSlow(event, ids[i], progress);
                }
            }
        } catch (RuntimeException | Error e) {
            throw failed(i, e);
        }
    }

    private void stepSlow(long event, int id, Progress progress) {
        if ((event & Event.WAIT) != 0) {
            progress.await();
        }
        step(event, id);
        if ((event & Event.ANNOUNCE) != 0) {
            progress.announce();
        }
    }

    private void step(long event, int id) {
        if (VERIFY) {
            verifiedStep(event, id);
            return;
        }
        long byteSize = Event.byteSize(event);
        long address;
        switch (Event.operation(event)) {
            case Event.MALLOC -> address = ALLOCATOR.malloc(id, byteSize);
            case Event.CALLOC -> address = ALLOCATOR.calloc(id, byteSize);
            case Event.MEMALIGN -> address = ALLOCATOR.memalign(id, Event.byteAlignment(event), byteSize);
            case Event.REALLOC -> address = ALLOCATOR.realloc(id, addresses[id], byteSize);
            default -> {
                free(id);
                return;
            }
        }
        touch(address, byteSize);
        addresses[id] = address;
    }

    private static void touch(long address, long byteSize) {
        if (byteSize == 0) {
            return;
        }
        requireMemory(address, byteSize);
        if (TOUCH_ALL) {
            Memory.fill(address, byteSize, (byte) 1);
        } else if (byteSize >= Long.BYTES) {
            Memory.putLong(address, byteSize);
        } else {
            Memory.putByte(address, (byte) byteSize);
        }
    }

    private static void requireMemory(long address, long byteSize) {
        if (address == 0 && byteSize > 0) {
            throw new ChildFailure("no memory: the allocator returned 0 for " + byteSize + " bytes");
        }
    }

    private void free(int id) {
        long address = addresses[id];
        if (VERIFY && address != 0) {
            BlockPattern.check(id, address, byteSizes[id], "when freed");
        }
        addresses[id] = 0;
        ALLOCATOR.free(id, address);
    }

    private void verifiedStep(long event, int id) {
        long byteSize = Event.byteSize(event);
        long kept = 0;
        long byteAlignment = BlockPattern.naturalAlignment(byteSize);
        long address;
        switch (Event.operation(event)) {
            case Event.MALLOC -> address = ALLOCATOR.malloc(id, byteSize);
            case Event.CALLOC -> {
                address = ALLOCATOR.calloc(id, byteSize);
                requireMemory(address, byteSize);
                BlockPattern.checkZero(id, address, byteSize);
            }
            case Event.MEMALIGN -> {
                byteAlignment = Event.byteAlignment(event);
                address = ALLOCATOR.memalign(id, byteAlignment, byteSize);
            }
            case Event.REALLOC -> {
                long oldByteSize = byteSizes[id];
                BlockPattern.check(id, addresses[id], oldByteSize, "before realloc");
                address = ALLOCATOR.realloc(id, addresses[id], byteSize);
                requireMemory(address, byteSize);
                kept = Math.min(oldByteSize, byteSize);
                BlockPattern.check(id, address, kept, "after realloc");
            }
            default -> {
                free(id);
                return;
            }
        }
        requireMemory(address, byteSize);
        BlockPattern.checkAlignment(id, address, byteAlignment);
        BlockPattern.fill(id, address, kept, byteSize);
        addresses[id] = address;
        byteSizes[id] = byteSize;
    }

    private static ChildFailure failed(int event, Throwable thrown) {
        return new ChildFailure("event " + (event + 1) + ": " + ChildFailure.describe(thrown));
    }

    /// How far a thread has got in its lists of slots.
    private static final class Progress {
        private final int[] awaited;
        private final int[] announced;
        private final Rendezvous rendezvous;
        private final int round;
        private int nextAwaited;
        private int nextAnnounced;

        Progress(int[] awaited, int[] announced, Rendezvous rendezvous, int round) {
            this.awaited = awaited;
            this.announced = announced;
            this.rendezvous = rendezvous;
            this.round = round;
        }

        void await() {
            rendezvous.await(awaited[nextAwaited++], round);
        }

        void announce() {
            rendezvous.announce(announced[nextAnnounced++], round);
        }
    }
}
