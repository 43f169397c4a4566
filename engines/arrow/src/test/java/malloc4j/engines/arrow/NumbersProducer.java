package malloc4j.engines.arrow;

import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.arrow.flight.FlightStream;
import org.apache.arrow.flight.NoOpFlightProducer;
import org.apache.arrow.flight.PutResult;
import org.apache.arrow.flight.Ticket;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.VectorSchemaRoot;

/// A server's part: sends the numbers from 0 on, as many batches of so many rows as a ticket says, and adds up what it
/// is sent.
final class NumbersProducer extends NoOpFlightProducer implements AutoCloseable {
    private final BufferAllocator allocator;
    private final AtomicLong receivedSum = new AtomicLong();

    NumbersProducer(BufferAllocator parent) {
        this.allocator = parent.newChildAllocator("producer", 0, Long.MAX_VALUE);
    }

    static BigIntVector vector(BufferAllocator allocator) {
        return new BigIntVector("number", allocator);
    }

    static void fill(VectorSchemaRoot batch, long first, int rows) {
        BigIntVector numbers = (BigIntVector) batch.getVector(0);
        numbers.allocateNew(rows);
        for (int row = 0; row < rows; row++) {
            numbers.set(row, first + row);
        }
        batch.setRowCount(rows);
    }

    static long sum(VectorSchemaRoot batch) {
        BigIntVector numbers = (BigIntVector) batch.getVector(0);
        long sum = 0;
        for (int row = 0; row < batch.getRowCount(); row++) {
            sum += numbers.get(row);
        }
        return sum;
    }

    @Override
    public void getStream(CallContext context, Ticket ticket, ServerStreamListener listener) {
        String[] words = new String(ticket.getBytes(), StandardCharsets.UTF_8).split(" ", -1);
        int batches = Integer.parseInt(words[0]);
        int rows = Integer.parseInt(words[1]);
        try (BigIntVector numbers = vector(allocator);
                VectorSchemaRoot batch = VectorSchemaRoot.of(numbers)) {
            listener.start(batch);
            for (int at = 0; at < batches && !listener.isCancelled(); at++) {
                while (!listener.isReady() && !listener.isCancelled()) {
                    Thread.onSpinWait();
                }
                fill(batch, (long) at * rows, rows);
                listener.putNext();
            }
            listener.completed();
        }
    }

    @Override
    public Runnable acceptPut(CallContext context, FlightStream stream, StreamListener<PutResult> acknowledge) {
        return () -> {
            while (stream.next()) {
                receivedSum.addAndGet(sum(stream.getRoot()));
            }
            acknowledge.onCompleted();
        };
    }

    long receivedSum() {
        return receivedSum.get();
    }

    @Override
    public void close() {
        allocator.close();
    }
}
