package malloc4j.lucene;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.NoSuchFileException;
import java.util.Collection;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import malloc4j.Heap;
import org.apache.lucene.index.IndexFileNames;
import org.apache.lucene.store.BaseDirectory;
import org.apache.lucene.store.IOContext;
import org.apache.lucene.store.IndexInput;
import org.apache.lucene.store.IndexOutput;
import org.apache.lucene.store.SingleInstanceLockFactory;

/// An index in memory outside the Java heap: what Lucene's `ByteBuffersDirectory` does with arrays, on a heap.
///
/// ```java
///   try (Heap heap = Heap.create(HeapOptions.builder().name("index").hardLimitBytes(1L << 30).build());
///           Directory directory = new HeapDirectory(heap);
///           IndexWriter writer = new IndexWriter(directory, new IndexWriterConfig())) { ... }
/// ```
///
/// A file that is deleted goes back to the heap once nobody reads it any more, so the merges of a long-lived index take
/// no more and more memory. [#close] frees all files, also those that somebody still reads: reading on throws then, as
/// of any closed file, and touches nothing that is gone. The heap stays open: it belongs to whoever made it, and
/// refuses to be closed while the directory has files.
///
/// When the heap is full a write throws its `OutOfNativeMemoryError`. `IndexWriter` closes itself then as it does where
/// a disk is full, and the last commit is as it was.
public final class HeapDirectory extends BaseDirectory {
    private final Heap heap;
    private final Map<String, HeapFile> files = new ConcurrentHashMap<>(); // each holds its file once
    private final AtomicLong temporaryCount = new AtomicLong();

    /// An empty directory.
    ///
    /// @param heap where the files lie
    public HeapDirectory(Heap heap) {
        super(new SingleInstanceLockFactory());
        this.heap = heap;
    }

    @Override
    public String[] listAll() {
        ensureOpen();
        return files.keySet().stream().sorted().toArray(String[]::new);
    }

    @Override
    public void deleteFile(String name) throws IOException {
        ensureOpen();
        HeapFile file = files.remove(name);
        if (file == null) {
            throw new NoSuchFileException(name);
        }
        file.release();
    }

    @Override
    public long fileLength(String name) throws IOException {
        ensureOpen();
        return find(name).length();
    }

    private HeapFile find(String name) throws NoSuchFileException {
        HeapFile file = files.get(name);
        if (file == null) {
            throw new NoSuchFileException(name);
        }
        return file;
    }

    @Override
    public IndexOutput createOutput(String name, IOContext context) throws IOException {
        ensureOpen();
        HeapFile file = new HeapFile(heap, name);
        if (files.putIfAbsent(name, file) != null) {
            file.release();
            throw new FileAlreadyExistsException(name);
        }
        return file.output();
    }

    @Override
    public IndexOutput createTempOutput(String prefix, String suffix, IOContext context) throws IOException {
        while (true) {
            String number = Long.toString(temporaryCount.getAndIncrement(), Character.MAX_RADIX);
            String name = IndexFileNames.segmentFileName(prefix, suffix + "_" + number, "tmp");
            if (!files.containsKey(name)) {
                return createOutput(name, context);
            }
        }
    }

    @Override
    public void rename(String source, String destination) throws IOException {
        ensureOpen();
        HeapFile file = find(source);
        if (files.putIfAbsent(destination, file) != null) {
            throw new FileAlreadyExistsException(destination);
        }
        files.remove(source, file);
    }

    @Override
    public void sync(Collection<String> names) {
        ensureOpen();
    }

    @Override
    public void syncMetaData() {
        ensureOpen();
    }

    @Override
    public IndexInput openInput(String name, IOContext context) throws IOException {
        ensureOpen();
        return find(name).input();
    }

    @Override
    public Set<String> getPendingDeletions() {
        return Set.of();
    }

    /// Frees every file. Closing a closed directory does nothing.
    @Override
    public void close() {
        isOpen = false;
        files.values().forEach(HeapFile::free);
        files.clear();
    }

    /// Such as `HeapDirectory@1b2c3d Heap[index, MMAP]`.
    @Override
    public String toString() {
        return HeapDirectory.class.getSimpleName() + "@" + Integer.toHexString(hashCode()) + " " + heap;
    }
}
