package malloc4j.lucene;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.AccessDeniedException;
import java.nio.file.NoSuchFileException;
import java.util.zip.CRC32;
import malloc4j.Heap;
import org.apache.lucene.store.ByteBuffersDataOutput;
import org.apache.lucene.store.ByteBuffersIndexInput;
import org.apache.lucene.store.ByteBuffersIndexOutput;
import org.apache.lucene.store.FilterIndexInput;
import org.apache.lucene.store.IndexInput;
import org.apache.lucene.store.IndexOutput;
import org.jspecify.annotations.Nullable;

/// One file: an arena with blocks of 16 KiB, written once, then read by many.
///
/// ```
///   users = 1 while the directory has it + open outputs + open inputs        0: the arena closes, its blocks are free
/// ```
///
/// Clones and slices of an input do not count, as Lucene does not close them; who reads by one after its input was
/// closed gets what a closed arena throws, never another file's bytes.
final class HeapFile {
    // All of one size: Lucene copies a file of many small blocks into larger ones, and the arena would keep both.
    private static final int BLOCK_BITS = 14;

    private final String name;
    private final Arena arena;
    private int users = 1;
    private boolean isFreed;
    private @Nullable ByteBuffersDataOutput written; // once it is complete

    HeapFile(Heap heap, String name) {
        this.name = name;
        this.arena = heap.ofShared();
    }

    private ByteBuffer block(int byteSize) {
        return arena.allocate(byteSize).asByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
    }

    /// The only output, which is closed once.
    IndexOutput output() throws IOException {
        acquire();
        ByteBuffersDataOutput data =
                new ByteBuffersDataOutput(BLOCK_BITS, BLOCK_BITS, this::block, ByteBuffersDataOutput.NO_REUSE);
        return new ByteBuffersIndexOutput(data, "HeapDirectory output (file=" + name + ")", name, new CRC32(), all -> {
            complete(all);
            release();
        });
    }

    private synchronized void complete(ByteBuffersDataOutput all) {
        written = all;
    }

    /// 0 until it is written.
    synchronized long length() {
        return written == null ? 0 : written.size();
    }

    IndexInput input() throws IOException {
        ByteBuffersDataOutput data;
        synchronized (this) {
            data = written;
            if (data == null) {
                throw new AccessDeniedException(name, null, "still open for writing");
            }
            acquire();
        }
        String description = "HeapDirectory (file=" + name + ")";
        return new Input(description, new ByteBuffersIndexInput(data.toDataInput(), description));
    }

    private synchronized void acquire() throws NoSuchFileException {
        if (isFreed) {
            throw new NoSuchFileException(name);
        }
        users++;
    }

    /// One user less.
    synchronized void release() {
        users--;
        if (users == 0) {
            free();
        }
    }

    /// Frees the blocks, whoever uses them.
    synchronized void free() {
        if (!isFreed) {
            isFreed = true;
            arena.close();
        }
    }

    /// An input that is a user until it is closed.
    private final class Input extends FilterIndexInput {
        private boolean isClosed;

        Input(String description, IndexInput in) {
            super(description, in);
        }

        @Override
        public IndexInput clone() {
            return in.clone();
        }

        @Override
        public synchronized void close() throws IOException {
            in.close();
            if (!isClosed) {
                isClosed = true;
                release();
            }
        }
    }
}
