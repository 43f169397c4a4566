package malloc4j.lucene;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.OutOfNativeMemoryError;
import malloc4j.observe.HeapStatistics;
import org.apache.lucene.analysis.standard.StandardAnalyzer;
import org.apache.lucene.document.Document;
import org.apache.lucene.document.Field;
import org.apache.lucene.document.StringField;
import org.apache.lucene.document.TextField;
import org.apache.lucene.index.DirectoryReader;
import org.apache.lucene.index.IndexWriter;
import org.apache.lucene.index.IndexWriterConfig;
import org.apache.lucene.index.Term;
import org.apache.lucene.search.IndexSearcher;
import org.apache.lucene.search.TermQuery;
import org.apache.lucene.store.AlreadyClosedException;
import org.apache.lucene.store.Directory;
import org.apache.lucene.store.IOContext;
import org.apache.lucene.store.IndexInput;
import org.apache.lucene.store.IndexOutput;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/// An index on a heap: found right, freed as files go, and whole when there is no more memory.
class HeapDirectoryTest {
    private static final int DOCUMENTS = 20_000;
    private static final int WORDS = 100; // each is in a hundredth of the documents

    private Heap heap = Heap.create(HeapOptions.builder().name("index").build());

    @AfterEach
    void nothingIsLeft() {
        HeapStatistics statistics = heap.statistics();
        assertThat(statistics.allocatedBlocks()).isEqualTo(statistics.freedBlocks());
        heap.verify();
        heap.close();
    }

    private void limit(long byteSize) {
        heap.close();
        heap = Heap.create(
                HeapOptions.builder().name("index").hardLimitBytes(byteSize).build());
    }

    private static Document document(int number) {
        Document document = new Document();
        document.add(new StringField("id", "id-" + number, Field.Store.YES));
        document.add(new TextField("text", "word" + number % WORDS + " and other" + number, Field.Store.YES));
        document.add(new TextField(
                "body", new Random(number).ints(20, 0, 50_000).boxed().toList().toString(), Field.Store.YES));
        return document;
    }

    private static IndexWriter writer(Directory directory) throws IOException {
        return new IndexWriter(directory, new IndexWriterConfig(new StandardAnalyzer()));
    }

    private static void write(IndexWriter writer, int from, int to) throws IOException {
        for (int i = from; i < to; i++) {
            writer.addDocument(document(i));
            if (i % 2_000 == 1_999) {
                writer.commit();
            }
        }
    }

    private static void requireFound(Directory directory, int documents) throws IOException {
        try (DirectoryReader reader = DirectoryReader.open(directory)) {
            assertThat(reader.numDocs()).isEqualTo(documents);
            IndexSearcher searcher = new IndexSearcher(reader);
            for (int word = 0; word < WORDS; word++) {
                assertThat(searcher.count(new TermQuery(new Term("text", "word" + word))))
                        .isEqualTo(documents / WORDS);
            }
            for (int number = 0; number < documents; number += 997) {
                TermQuery query = new TermQuery(new Term("id", "id-" + number));
                int found = searcher.search(query, 1).scoreDocs[0].doc;
                assertThat(searcher.storedFields().document(found).get("text")).endsWith("other" + number);
            }
        }
    }

    @Test
    void anIndexIsFoundRightAndFreedWithItsDirectory() throws IOException {
        HeapDirectory directory = new HeapDirectory(heap);
        try (IndexWriter writer = writer(directory)) {
            write(writer, 0, DOCUMENTS);
        }
        requireFound(directory, DOCUMENTS);
        long fileBytes = 0;
        for (String file : directory.listAll()) {
            fileBytes += directory.fileLength(file);
        }
        HeapStatistics statistics = heap.statistics();
        System.out.println(directory.listAll().length + " files of together " + fileBytes + " bytes in "
                + statistics.liveBlocks() + " blocks of together " + statistics.liveBytes() + " bytes; "
                + statistics.allocatedBlocks() + " blocks allocated in all");
        assertThat(fileBytes).isGreaterThan(1 << 20);
        assertThat(statistics.liveBytes()).isBetween(fileBytes, 2 * fileBytes);
        directory.close();
        assertThat(heap.statistics().liveBlocks()).isZero();
        directory.close();
    }

    @Test
    void aFileThatMergingHasDeletedIsFreedAtOnce() throws IOException {
        try (HeapDirectory directory = new HeapDirectory(heap);
                IndexWriter writer = writer(directory)) {
            write(writer, 0, 4_000);
            long once = heap.statistics().liveBytes();
            for (int round = 0; round < 10; round++) {
                writer.updateDocument(new Term("id", "id-0"), document(0));
                writer.forceMerge(1);
                writer.commit();
            }
            HeapStatistics statistics = heap.statistics();
            assertThat(statistics.liveBytes()).isLessThan(2 * once);
            assertThat(statistics.freedBytes()).isGreaterThan(5 * once);
            assertThat(writer.getDocStats().numDocs).isEqualTo(4_000);
        }
    }

    @Test
    void aReaderKeepsWhatWasDeletedUntilItIsClosed() throws IOException {
        try (HeapDirectory directory = new HeapDirectory(heap)) {
            writeFile(directory, "file");
            long written = heap.statistics().liveBlocks();
            IndexInput input = directory.openInput("file", IOContext.DEFAULT);
            directory.deleteFile("file");
            assertThat(input.readString()).isEqualTo("what is in it");
            assertThat(heap.statistics().liveBlocks()).isEqualTo(written);
            IndexInput clone = input.clone();
            input.close();
            assertThat(heap.statistics().liveBlocks()).isZero();
            clone.seek(0);
            assertThatThrownBy(clone::readByte).isInstanceOf(IllegalStateException.class);
            input.close();
        }
    }

    private static void writeFile(Directory directory, String name) throws IOException {
        try (IndexOutput output = directory.createOutput(name, IOContext.DEFAULT)) {
            output.writeString("what is in it");
        }
    }

    @Test
    void readingOnAfterTheDirectoryWasClosedThrows() throws IOException {
        HeapDirectory directory = new HeapDirectory(heap);
        writeFile(directory, "file");
        IndexInput input = directory.openInput("file", IOContext.DEFAULT);
        directory.close();
        assertThatThrownBy(input::readByte).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(directory::listAll).isInstanceOf(AlreadyClosedException.class);
        input.close();
    }

    @Test
    void nobodyClosesTheHeapUnderADirectoryWithFiles() throws IOException {
        try (HeapDirectory directory = new HeapDirectory(heap)) {
            writeFile(directory, "file");
            assertThatThrownBy(heap::close)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessage("close of heap 'index': open on it: 1 shared arena; close them first");
            requireReadable(directory);
        }
    }

    private static void requireReadable(Directory directory) throws IOException {
        try (IndexInput input = directory.openInput("file", IOContext.DEFAULT)) {
            assertThat(input.readString()).isEqualTo("what is in it");
        }
    }

    @Test
    void anIndexThatOutgrowsItsHeapKeepsItsLastCommitAndGoesOnWithMoreRoom() throws IOException {
        limit(2 << 20);
        try (HeapDirectory directory = new HeapDirectory(heap)) {
            try (IndexWriter writer = writer(directory)) {
                write(writer, 0, 2_000);
            }
            requireFound(directory, 2_000);
            assertThatThrownBy(() -> {
                        try (IndexWriter writer = writer(directory)) {
                            write(writer, 2_000, DOCUMENTS * 10);
                        }
                    })
                    .satisfies(thrown -> assertThat(refusal(thrown))
                            .hasMessageContaining("of heap 'index' failed: the hard limit of the heap or of a parent"));
            int committed = committed(directory);
            assertThat(committed).isGreaterThanOrEqualTo(2_000);
            heap.setHardLimitBytes(64 << 20);
            try (IndexWriter writer = writer(directory)) {
                write(writer, committed, DOCUMENTS);
            }
            requireFound(directory, DOCUMENTS);
        }
    }

    private static int committed(Directory directory) throws IOException {
        try (DirectoryReader reader = DirectoryReader.open(directory)) {
            return reader.numDocs();
        }
    }

    /// Also where a thread that merges was refused.
    private static Throwable refusal(Throwable thrown) {
        Throwable cause = thrown;
        while (cause.getCause() != null && !(cause instanceof OutOfNativeMemoryError)) {
            cause = cause.getCause();
        }
        return cause;
    }

    @Test
    void withoutNativeAccessAHeapIsNotMadeAndSaysWhichFlag() throws Exception {
        Process process = new ProcessBuilder(Arrays.asList(
                        System.getProperty("java.home") + "/bin/java",
                        "--illegal-native-access=deny",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Denied.class.getName()))
                .redirectErrorStream(true)
                .start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).isEqualTo(1);
        assertThat(said).contains("--enable-native-access=ALL-UNNAMED");
    }

    /// Makes a directory.
    static final class Denied {
        private Denied() {}

        public static void main(String[] arguments) {
            new HeapDirectory(Heap.create(HeapOptions.defaults())).close();
        }
    }

    /// The lines of docs/engines.md.
    @Test
    void thePageHasTheseLines() throws IOException {
        Document document = document(1);
        try (Heap heap = Heap.create(HeapOptions.builder()
                        .name("index")
                        .hardLimitBytes(1L << 30)
                        .build());
                Directory directory = new HeapDirectory(heap);
                IndexWriter writer = new IndexWriter(directory, new IndexWriterConfig())) {
            writer.addDocument(document);
        }

        String page = Files.readString(Path.of("..", "..", "docs", "engines.md"));
        String block = page.substring(page.indexOf("## Lucene"))
                .split("```java\n", 2)[1]
                .split("```", 2)[0];
        String sourceCode = Files.readString(Path.of("src/test/java/malloc4j/lucene/HeapDirectoryTest.java"));
        assertThat(sourceCode.replaceAll("\\s+", "")).contains(block.replaceAll("\\s+", ""));
    }
}
