package malloc4j;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.SystemCalls;
import malloc4j.internal.region.FakeCalls;
import malloc4j.internal.region.Ground;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The file that a heap keeps of what it guards: as [malloc4j.internal.sample.GuardFile] draws it, and never in the way
/// of the heap.
class GuardFileTest {
    private static final int HEADER_BYTES = 4096;
    private static final int RECORD_BYTES = 2048;
    private static final long PID = ProcessHandle.current().pid();

    @TempDir
    @SuppressWarnings("NullAway.Init")
    private Path folder;

    private static Heap guarded(Path file) {
        return Heap.create(options(file));
    }

    private static HeapOptions options(Path file) {
        return HeapOptions.builder()
                .name("guarded")
                .guardEvery(1)
                .guardFile(file.toString())
                .build();
    }

    private static ByteBuffer read(Path file) throws IOException {
        return ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
    }

    /// The place of the only record.
    private static int record(ByteBuffer file) {
        int found = 0;
        for (int at = HEADER_BYTES; at < file.limit(); at += RECORD_BYTES) {
            if (file.getInt(at) != 0) {
                assertThat(found).isZero();
                found = at;
            }
        }
        assertThat(found).isPositive();
        return found;
    }

    private static String text(ByteBuffer file, int at, int length) {
        byte[] bytes = new byte[length];
        file.get(at, bytes);
        return new String(bytes, StandardCharsets.UTF_8);
    }

    private static void requireUsable(Heap heap) {
        long block = heap.malloc(40);
        heap.free(block);
        assertThat(heap.sampler().guardCensus().freedBlocks()).isPositive();
        heap.verify();
    }

    @Test
    void aFileTellsWhatABlockIsAndWas() throws IOException {
        Path file = folder.resolve("guards-%p");
        Path real = folder.resolve("guards-" + PID);
        try (Heap heap = guarded(file)) {
            assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(real)))
                    .isEqualTo("rw-------");
            long block = heap.malloc(77);
            ByteBuffer live = read(real);
            assertThat(text(live, 0, 8)).isEqualTo("m4jguard");
            assertThat(live.getLong(16)).isEqualTo(PID);
            assertThat(block - live.getLong(32)).isBetween(0L, live.getLong(40));
            assertThat(live.limit()).isEqualTo(HEADER_BYTES + live.getInt(68) * RECORD_BYTES);
            assertThat(text(live, 96, live.getInt(92))).isEqualTo("guarded");
            int record = record(live);
            assertThat(live.getInt(record)).isEqualTo(2).isEqualTo(live.getInt(record + 2040));
            assertThat(live.getInt(record + 4)).isEqualTo(1);
            assertThat(live.getLong(record + 8)).isEqualTo(block);
            assertThat(live.getLong(record + 16)).isEqualTo(77);
            assertThat(text(live, record + 48, live.getInt(record + 40)))
                    .startsWith(Thread.currentThread().getName() + "\nmalloc4j.GuardFileTest.aFileTells")
                    .contains("(GuardFileTest.java:");

            heap.free(block);
            ByteBuffer freed = read(real);
            assertThat(freed.getInt(record)).isEqualTo(4).isEqualTo(freed.getInt(record + 2040));
            assertThat(freed.getInt(record + 4)).isEqualTo(2);
            assertThat(freed.getLong(record + 32)).isGreaterThan(freed.getLong(record + 24));
            assertThat(freed.getLong(record + 24)).isGreaterThan(freed.getLong(80));
            assertThat(text(freed, record + 1044, freed.getInt(record + 44))).contains("malloc4j.GuardFileTest.aFile");
        }
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void whatIsTooLongIsCutAtAWholeFrame() throws IOException, InterruptedException {
        Path file = folder.resolve("guards");
        try (Heap heap = guarded(file)) {
            Thread thread = new Thread(() -> recurse(40, heap), "ä€😀".repeat(100));
            thread.start();
            thread.join();
            ByteBuffer read = read(file);
            int record = record(read);
            String text = text(read, record + 48, read.getInt(record + 40));
            assertThat(read.getInt(record + 40)).isBetween(800, 996);
            assertThat(text).startsWith("ä€??ä€??").doesNotContain("\ufffd").endsWith("\n...");
            assertThat(text.lines().skip(1).filter(line -> !line.equals("...")))
                    .isNotEmpty()
                    .allMatch(
                            line -> line.matches("malloc4j\\.GuardFileTest\\.recurse\\(GuardFileTest\\.java:\\d+\\)"));
        }
    }

    private static void recurse(int levels, Heap heap) {
        if (levels == 0) {
            heap.free(heap.malloc(10));
        } else {
            recurse(levels - 1, heap);
        }
    }

    @Test
    void noFileIsKeptWhereNoneIsWantedOrNothingIsGuarded() {
        HeapOptions unguarded = HeapOptions.builder()
                .guardFile(folder.resolve("unused").toString())
                .build();
        try (Heap heap = Heap.create(unguarded);
                Heap none = guarded(Path.of("none"))) {
            heap.free(heap.malloc(10));
            requireUsable(none);
            assertThat(folder).isEmptyDirectory();
            assertThat(Path.of("none")).doesNotExist();
        }
    }

    @Test
    void aNameThatIsTakenGetsANumberAndWhatHasItStays() throws IOException {
        Path file = folder.resolve("guards");
        Files.writeString(file, "somebody's");
        Files.createSymbolicLink(folder.resolve("guards-2"), folder.resolve("elsewhere"));
        Files.createDirectory(folder.resolve("guards-3"));
        try (Heap heap = guarded(file);
                Heap second = guarded(file)) {
            requireUsable(heap);
            requireUsable(second);
            assertThat(file).hasContent("somebody's");
            assertThat(folder.resolve("elsewhere")).doesNotExist();
            assertThat(folder.resolve("guards-4")).isRegularFile();
            assertThat(folder.resolve("guards-5")).isRegularFile();
        }
        assertThat(folder.resolve("guards-4")).doesNotExist();
        assertThat(folder.resolve("guards-5")).doesNotExist();
    }

    @Test
    void whatADeadProcessHasLeftIsSetAside() throws IOException {
        Path file = folder.resolve("guards");
        byte[] left = new byte[HEADER_BYTES];
        ByteBuffer.wrap(left)
                .order(ByteOrder.LITTLE_ENDIAN)
                .put("m4jguard".getBytes(StandardCharsets.UTF_8))
                .putLong(16, PID)
                .putLong(24, 1);
        Files.write(file, left);
        try (Heap heap = guarded(file)) {
            requireUsable(heap);
            assertThat(folder.resolve("guards.old")).hasBinaryContent(left);
            assertThat(read(file).getLong(24)).isGreaterThan(1);
        }
        assertThat(file).doesNotExist();
    }

    @ParameterizedTest
    @ValueSource(strings = {"/proc/guards", "/nosuch/folder/guards", "/dev/null/guards", "", "a\0b", "/"})
    void aPathWhereNothingCanBeMadeLeavesTheHeapAsItIs(String path) {
        try (Heap heap = guarded(folder.resolve("kept"))) {
            requireUsable(heap);
        }
        HeapOptions options =
                HeapOptions.builder().guardEvery(1).guardFile(path).build();
        try (Heap heap = Heap.create(options)) {
            requireUsable(heap);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"open", "fallocate"})
    void aFullDiskLeavesTheHeapAsItIs(String call) {
        int before = Ground.process().mappings().used();
        SystemCalls calls = FakeCalls.with(call, (arguments, perform) -> -Errno.ENOSPC);
        try (Heap heap = Heap.create(calls, options(folder.resolve("guards")))) {
            requireUsable(heap);
            assertThat(folder).isEmptyDirectory();
        }
        assertThat(Ground.process().mappings().used()).isEqualTo(before);
    }

    @Test
    void aFileThatSomebodyCutsIsNotWrittenAnyMore() throws IOException {
        Path file = folder.resolve("guards");
        try (Heap heap = guarded(file)) {
            requireUsable(heap);
            try (RandomAccessFile cut = new RandomAccessFile(file.toFile(), "rw")) {
                cut.setLength(0);
            }
            for (int turn = 0; turn < 1_000; turn++) {
                requireUsable(heap);
            }
        }
        assertThat(file).doesNotExist();
    }
}
