package examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.zip.CRC32;
import malloc4j.Malloc;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Runs each program, and tries what somebody who has copied it would.
class ProgramsTest {
    @FunctionalInterface
    private interface Program {
        void main(String[] arguments) throws Throwable;
    }

    private static List<String> run(Program program) throws Throwable {
        PrintStream before = System.out;
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        System.setOut(new PrintStream(said, true, StandardCharsets.UTF_8));
        try {
            program.main(new String[0]);
        } finally {
            System.setOut(before);
        }
        return said.toString(StandardCharsets.UTF_8).lines().toList();
    }

    @Test
    void theCacheFillsItsMemoryAndDropsTheOldest() throws Throwable {
        List<String> said = run(OffHeapCache::main);
        assertThat(said).startsWith("the first page is there: true", "the second is gone: true");
        assertThat(said.getLast()).matches("\\d{5} values of 100000 in 16 MiB, \\d{5} dropped");
    }

    @Test
    void theCacheKeepsWhatItWasGiven() {
        try (OffHeapCache cache = new OffHeapCache(4 << 20)) {
            assertThat(cache.put("key", "Grüße")).isTrue();
            assertThat(cache.get("key")).contains("Grüße");
            assertThat(cache.put("key", "")).isTrue();
            assertThat(cache.get("key")).contains("");
            assertThat(cache.put("key", "x".repeat(8 << 20))).isFalse();
            assertThat(cache.get("key")).isEmpty();
            assertThat(cache.size()).isZero();
        }
    }

    @Test
    void theIndexIsThereWhenItIsOpenedAgain() throws Throwable {
        assertThat(run(FileIndex::main)).containsExactly("12345 squared is 152399025", "100001 is not there: true");
    }

    @Test
    void theIndexIsFullAtItsSizeAndTakesNoOtherFile(@TempDir Path directory) throws Throwable {
        Path file = directory.resolve("full.bin");
        try (FileIndex index = new FileIndex(file, 4)) {
            for (long key = 1; key <= 4; key++) {
                index.put(key, -key);
            }
            assertThat(index.get(3)).hasValue(-3);
            assertThatThrownBy(() -> index.put(5, 1)).hasMessage("the index is full");
        }
        Path other = Files.writeString(directory.resolve("other.txt"), "something else");
        assertThatThrownBy(() -> new FileIndex(other, 4)).hasMessageEndingWith("other.txt is no index");
        assertThat(Files.readString(other)).startsWith("something else");
    }

    @Test
    void numbersAreSortedByCWithinTheBudget() throws Throwable {
        List<String> said = run(SortInC::main);
        assertThat(said)
                .contains("sorted: [-1, 3, 7, 42, 1000]", "live at the end: 0")
                .anyMatch(line -> line.startsWith("more than the budget is refused, by the HEAP"));
    }

    @Test
    void theServerAnswers() throws Throwable {
        CRC32 expected = new CRC32();
        expected.update("malloc4j".getBytes(StandardCharsets.UTF_8));
        String line = "checksum " + Long.toHexString(expected.getValue());
        assertThat(run(RequestServer::main)).containsExactly(line, line, line);
    }

    @Test
    void theServerRefusesWhatIsTooLong() throws Throwable {
        try (RequestServer server = new RequestServer(64 << 20);
                HttpClient client = HttpClient.newHttpClient()) {
            HttpRequest request = HttpRequest.newBuilder(server.address())
                    .POST(HttpRequest.BodyPublishers.ofByteArray(new byte[(1 << 20) + 1]))
                    .build();
            assertThat(client.send(request, HttpResponse.BodyHandlers.ofString())
                            .statusCode())
                    .isEqualTo(413);
        }
    }

    @Test
    void theServerRefusesWhatItHasNoMemoryForAndGoesOn() throws Throwable {
        try (RequestServer server = new RequestServer(256 << 10);
                HttpClient client = HttpClient.newHttpClient()) {
            HttpRequest request = HttpRequest.newBuilder(server.address())
                    .POST(HttpRequest.BodyPublishers.ofString("x"))
                    .build();
            for (int count = 0; count < 2; count++) {
                assertThat(client.send(request, HttpResponse.BodyHandlers.ofString())
                                .statusCode())
                        .isEqualTo(503);
            }
            assertThat(server.heap().statistics().liveBytes()).isZero();
        }
    }

    @Test
    void noProgramLeaks() throws Exception {
        for (Class<?> program : List.of(OffHeapCache.class, FileIndex.class, SortInC.class, RequestServer.class)) {
            assertThat(ChildJvm.run("-Dmalloc4j.leaks=exit", "-Dmalloc4j.profileBytes=1", program.getName()))
                    .as(program.getName())
                    .isNotEmpty()
                    .doesNotContain("live blocks", "live block,", "not freed");
        }
        assertThat(ChildJvm.run("-Dmalloc4j.leaks=exit", "-Dmalloc4j.profileBytes=1", Leaking.class.getName()))
                .as("that one would be told")
                .contains("not freed, by examples.ProgramsTest$Leaking.main");
    }

    /// Frees nothing.
    static final class Leaking {
        public static void main(String[] arguments) {
            Malloc.malloc(1000);
        }
    }
}
