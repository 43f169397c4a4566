package malloc4j.engines.arrow;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.stream.IntStream;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.OutOfNativeMemoryError;
import malloc4j.arrow.ArrowBudgets;
import malloc4j.arrow.Malloc4jAllocationManager;
import malloc4j.observe.HeapStatistics;
import org.apache.arrow.flight.AsyncPutListener;
import org.apache.arrow.flight.FlightClient;
import org.apache.arrow.flight.FlightDescriptor;
import org.apache.arrow.flight.FlightRuntimeException;
import org.apache.arrow.flight.FlightServer;
import org.apache.arrow.flight.FlightStream;
import org.apache.arrow.flight.Location;
import org.apache.arrow.flight.Ticket;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/// An Arrow Flight server and its clients on loopback, each on a heap of its own: what is sent arrives, and everything
/// that was allocated is freed.
@SuppressWarnings("try") // Flight's close may be interrupted
class FlightTest {
    private static final int BATCHES = 100;
    private static final int ROWS = 1 << 16;

    @BeforeAll
    static void keepGrpcQuiet() {
        Logger.getLogger("io.grpc").setLevel(Level.OFF); // it warns of the stream that a client has given up
    }

    private static Heap heap(String name, long limitBytes) {
        return Heap.create(
                HeapOptions.builder().name(name).hardLimitBytes(limitBytes).build());
    }

    private static RootAllocator rootOn(Heap heap) {
        return new RootAllocator(RootAllocator.configBuilder()
                .allocationManagerFactory(Malloc4jAllocationManager.factory(heap))
                .build());
    }

    private static void assertAllFreed(Heap heap, long leastBlocks) {
        HeapStatistics end = heap.statistics();
        System.out.printf(
                "flight: heap '%s': %d allocations, %d frees, %d MiB%n",
                heap.options().name(), end.allocatedBlocks(), end.freedBlocks(), end.allocatedBytes() >> 20);
        assertThat(end.allocatedBlocks()).isEqualTo(end.freedBlocks()).isGreaterThanOrEqualTo(leastBlocks);
        assertThat(end.liveBytes()).isZero();
        heap.verify();
    }

    @Test
    void rowsArriveAndEverythingIsFreed() throws Exception {
        try (Heap serverHeap = heap("server", Long.MAX_VALUE);
                Heap clientHeap = heap("client", Long.MAX_VALUE)) {
            try (RootAllocator serverRoot = rootOn(serverHeap);
                    RootAllocator clientRoot = rootOn(clientHeap);
                    NumbersProducer producer = new NumbersProducer(serverRoot);
                    FlightServer server = start(serverRoot, producer);
                    ExecutorService threads = Executors.newFixedThreadPool(2)) {
                List<Future<Long>> sums = IntStream.range(0, 2)
                        .mapToObj(unused -> threads.submit(() -> getAll(clientRoot, server.getPort())))
                        .toList();
                long rows = (long) BATCHES * ROWS;
                for (Future<Long> sum : sums) {
                    assertThat(sum.get()).isEqualTo(rows * (rows - 1) / 2);
                }
                assertThat(putAll(clientRoot, server.getPort())).isEqualTo(rows);
                assertThat(producer.receivedSum()).isEqualTo(rows * (rows - 1) / 2);
                System.out.println(ArrowBudgets.of(serverHeap, serverRoot));
            }
            assertAllFreed(serverHeap, 3 * BATCHES);
            assertAllFreed(clientHeap, 3 * BATCHES);
        }
    }

    @Test
    void clientWithTooSmallAHeapFailsAloneAndLosesNothing() throws Exception {
        try (Heap serverHeap = heap("server", Long.MAX_VALUE);
                Heap smallHeap = heap("small", 256 << 10);
                Heap clientHeap = heap("client", Long.MAX_VALUE)) {
            try (RootAllocator serverRoot = rootOn(serverHeap);
                    RootAllocator smallRoot = rootOn(smallHeap);
                    RootAllocator clientRoot = rootOn(clientHeap);
                    NumbersProducer producer = new NumbersProducer(serverRoot);
                    FlightServer server = start(serverRoot, producer)) {
                assertThatThrownBy(() -> getAll(smallRoot, server.getPort()))
                        .isInstanceOf(FlightRuntimeException.class)
                        .hasRootCauseInstanceOf(OutOfNativeMemoryError.class)
                        .hasStackTraceContaining("of heap 'small' failed");
                long rows = (long) BATCHES * ROWS;
                assertThat(getAll(clientRoot, server.getPort())).isEqualTo(rows * (rows - 1) / 2);
            }
            assertAllFreed(serverHeap, BATCHES);
            assertAllFreed(smallHeap, 0);
            assertAllFreed(clientHeap, BATCHES);
        }
    }

    private static FlightServer start(RootAllocator root, NumbersProducer producer) throws Exception {
        return FlightServer.builder(root, Location.forGrpcInsecure("127.0.0.1", 0), producer)
                .build()
                .start();
    }

    private static FlightClient connect(RootAllocator root, int port) {
        return FlightClient.builder(root, Location.forGrpcInsecure("127.0.0.1", port))
                .build();
    }

    /// The sum of all rows that the server sends.
    private static long getAll(RootAllocator root, int port) throws Exception {
        Ticket ticket = new Ticket((BATCHES + " " + ROWS).getBytes(StandardCharsets.UTF_8));
        long sum = 0;
        try (FlightClient client = connect(root, port);
                FlightStream stream = client.getStream(ticket)) {
            while (stream.next()) {
                sum += NumbersProducer.sum(stream.getRoot());
            }
        }
        return sum;
    }

    /// How many rows were sent.
    private static long putAll(RootAllocator root, int port) throws Exception {
        long sent = 0;
        try (FlightClient client = connect(root, port);
                BigIntVector numbers = NumbersProducer.vector(root);
                VectorSchemaRoot batch = VectorSchemaRoot.of(numbers)) {
            AsyncPutListener acknowledged = new AsyncPutListener();
            FlightClient.ClientStreamListener listener =
                    client.startPut(FlightDescriptor.path("numbers"), batch, acknowledged);
            for (int at = 0; at < BATCHES; at++) {
                NumbersProducer.fill(batch, (long) at * ROWS, ROWS);
                listener.putNext();
                sent += ROWS;
            }
            listener.completed();
            listener.getResult();
        }
        return sent;
    }
}
