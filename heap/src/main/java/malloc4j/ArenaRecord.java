package malloc4j;

import java.util.Arrays;
import malloc4j.internal.slab.SizeClasses;
import malloc4j.internal.trace.Recorder;

/// What an arena has handed out, for the recording that ran when it was opened: each allocation as one of its own,
/// freed when the arena gives its blocks back. Of the blocks that they lie in nothing is recorded.
///
/// Concurrency: that of the arena's blocks.
final class ArenaRecord {
    private static final int FIRST_LENGTH = 8;

    private final Recorder recorder;
    private int[] ids = new int[FIRST_LENGTH];
    private int count;

    ArenaRecord(Recorder recorder) {
        this.recorder = recorder;
    }

    /// Notes an allocation. Throws nothing.
    void add(long byteSize, long byteAlignment, boolean isZeroed) {
        if (!makeRoom()) {
            return;
        }
        char plain = isZeroed ? Recorder.CALLOC : Recorder.MALLOC;
        char event = byteAlignment <= SizeClasses.QUANTUM_BYTES ? plain : Recorder.MEMALIGN;
        int id = recorder.allocatedPart(event, byteSize, byteAlignment);
        if (id != Recorder.NO_ID) {
            ids[count++] = id;
        }
    }

    private boolean makeRoom() {
        try {
            ids = count == ids.length ? Arrays.copyOf(ids, 2 * count) : ids;
            return true;
        } catch (OutOfMemoryError full) {
            recorder.failFull();
            return false;
        }
    }

    /// Notes that all of it is about to be freed.
    void end() {
        for (; count > 0; count--) {
            recorder.freedPart(ids[count - 1]);
        }
    }
}
