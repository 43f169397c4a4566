package malloc4j.lucene;

import java.nio.file.Path;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.observe.HeapStatistics;
import org.apache.lucene.store.Directory;
import org.apache.lucene.store.FilterDirectory;
import org.apache.lucene.tests.store.BaseDirectoryTestCase;
import org.junit.After;
import org.junit.Before;

/// Lucene's own tests of what a directory must do, each on a heap that must be empty at its end.
public class HeapDirectoryContractTest extends BaseDirectoryTestCase {
    private Heap heap = Heap.common();

    /// A heap for the test.
    @Before
    public void openHeap() {
        heap = Heap.create(HeapOptions.builder().name("contract").build());
    }

    /// That nothing is left.
    @After
    public void closeHeap() {
        HeapStatistics statistics = heap.statistics();
        assertEquals(statistics.allocatedBlocks(), statistics.freedBlocks());
        assertEquals(0, statistics.liveBlocks());
        heap.close();
    }

    @Override
    protected Directory getDirectory(Path path) {
        return new FilterDirectory(new HeapDirectory(heap)) {};
    }
}
