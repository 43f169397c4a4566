package examples;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.zip.CRC32;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.OutOfNativeMemoryError;

/// An HTTP server that answers with the checksum of what is sent to it. Each request has an arena of its own, on a heap
/// that all share: what it allocates is freed when it is done, whatever way it ends, and when all of them together have
/// the budget, one is told 503 and the server goes on.
public final class RequestServer implements AutoCloseable {
    private static final int PIECE_BYTES = 64 << 10;
    private static final int MOST_BYTES = 1 << 20;

    private final Heap heap;
    private final HttpServer server;
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();

    /// Listens on loopback, at a port that is free.
    ///
    /// @param budgetBytes of all requests together
    public RequestServer(long budgetBytes) throws IOException {
        heap = Heap.create(HeapOptions.builder()
                .name("example-requests")
                .hardLimitBytes(budgetBytes)
                .build());
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/checksum", this::answer);
        server.setExecutor(threads);
        server.start();
    }

    /// Where it listens.
    public URI address() {
        return URI.create("http://127.0.0.1:" + server.getAddress().getPort() + "/checksum");
    }

    private void answer(HttpExchange exchange) throws IOException {
        int status = 200;
        String text;
        try (exchange;
                Arena arena = heap.ofConfined()) {
            try {
                text = checksum(exchange.getRequestBody(), arena);
            } catch (OutOfNativeMemoryError full) {
                status = 503;
                text = "no memory";
            } catch (IndexOutOfBoundsException tooLong) {
                status = 413;
                text = "more than a MiB";
            }
            long unused = exchange.getRequestBody().skip(Long.MAX_VALUE); // what is left of a refused one
            byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(status, bytes.length);
            exchange.getResponseBody().write(bytes);
        }
    }

    private static String checksum(InputStream sent, Arena arena) throws IOException {
        MemorySegment body = arena.allocate(MOST_BYTES);
        byte[] piece = new byte[PIECE_BYTES];
        int byteSize = 0;
        for (int count = sent.read(piece); count > 0; count = sent.read(piece)) {
            MemorySegment.copy(MemorySegment.ofArray(piece), 0, body, byteSize, count);
            byteSize += count;
        }
        ByteBuffer whole = body.asSlice(0, byteSize).asByteBuffer();
        CRC32 checksum = new CRC32();
        checksum.update(whole);
        return Long.toHexString(checksum.getValue());
    }

    /// The heap of the requests: for its statistics.
    public Heap heap() {
        return heap;
    }

    @Override
    public void close() {
        server.stop(0);
        threads.close(); // the last requests are done
        heap.close();
    }

    public static void main(String[] arguments) throws Exception {
        try (RequestServer server = new RequestServer(64 << 20);
                HttpClient client = HttpClient.newHttpClient()) {
            HttpRequest request = HttpRequest.newBuilder(server.address())
                    .POST(HttpRequest.BodyPublishers.ofString("malloc4j"))
                    .build();
            for (int count = 0; count < 3; count++) {
                String answer = client.send(request, HttpResponse.BodyHandlers.ofString())
                        .body();
                System.out.println("checksum " + answer);
            }
        }
    }
}
