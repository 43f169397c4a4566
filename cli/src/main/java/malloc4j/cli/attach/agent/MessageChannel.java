package malloc4j.cli.attach.agent;

import java.io.IOException;
import java.net.ProtocolException;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/// Whole messages over a socket, each behind its length, and none waited for longer than the caller says: at the other
/// end is a process that may be stopped or hung.
public final class MessageChannel implements AutoCloseable {
    private static final int MAX_MESSAGE_BYTES = 1 << 28;

    private final SocketChannel socket;
    private final Selector selector;

    /// Takes over the socket.
    public MessageChannel(SocketChannel socket) throws IOException {
        this.socket = socket;
        selector = Selector.open();
        socket.configureBlocking(false);
        socket.register(selector, SelectionKey.OP_READ);
    }

    /// Sends a whole message.
    ///
    /// @throws SocketTimeoutException if the other end did not take it within `millis`
    public void send(byte[] message, long millis) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(Integer.BYTES + message.length);
        buffer.putInt(message.length).put(message).flip();
        long deadline = deadline(millis);
        while (buffer.hasRemaining()) {
            await(SelectionKey.OP_WRITE, deadline);
            socket.write(buffer);
        }
    }

    /// The next message, or null where the other end has closed or died.
    ///
    /// @throws SocketTimeoutException if it did not come within `millis`
    public byte @Nullable [] receive(long millis) throws IOException {
        long deadline = deadline(millis);
        ByteBuffer length = fill(ByteBuffer.allocate(Integer.BYTES), deadline);
        if (length == null) {
            return null;
        }
        int byteSize = length.getInt();
        if (byteSize < 0 || byteSize > MAX_MESSAGE_BYTES) {
            throw new ProtocolException("a message of " + byteSize + " bytes");
        }
        ByteBuffer message = fill(ByteBuffer.allocate(byteSize), deadline);
        return message == null ? null : message.array();
    }

    @Override
    public void close() throws IOException {
        try (socket) {
            selector.close();
        }
    }

    private @Nullable ByteBuffer fill(ByteBuffer buffer, long deadline) throws IOException {
        while (buffer.hasRemaining()) {
            await(SelectionKey.OP_READ, deadline);
            if (socket.read(buffer) < 0) {
                return null;
            }
        }
        return buffer.flip();
    }

    private void await(int operation, long deadline) throws IOException {
        long millis = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
        socket.keyFor(selector).interestOps(operation);
        if (millis <= 0 || selector.select(ignored -> {}, millis) == 0) {
            throw new SocketTimeoutException("nothing moved in time");
        }
    }

    private static long deadline(long millis) {
        return System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
    }
}
