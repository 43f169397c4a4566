package malloc4j.cli.attach;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.ProtocolException;
import java.net.SocketTimeoutException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.Objects;
import malloc4j.cli.attach.agent.MessageChannel;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@SuppressWarnings("NullAway.Init")
class MessageChannelTest {
    private static final long LONG_MILLIS = 20_000;
    private static final long SHORT_MILLIS = 50;

    @TempDir
    private Path temporary;

    private SocketChannel peer;
    private MessageChannel channel;

    @BeforeEach
    void connect() throws IOException {
        var address = UnixDomainSocketAddress.of(temporary.resolve("socket"));
        try (var server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            server.bind(address);
            peer = SocketChannel.open(address);
            channel = new MessageChannel(server.accept());
        }
    }

    @AfterEach
    void close() throws IOException {
        channel.close();
        peer.close();
    }

    @Test
    void messagesArriveWholeHoweverLarge() throws Exception {
        byte[] large = new byte[10 << 20];
        large[large.length - 1] = 42;
        try (var other = new MessageChannel(peer)) {
            Thread sender = Thread.ofPlatform().start(() -> {
                try {
                    other.send(new byte[0], LONG_MILLIS);
                    other.send(large, LONG_MILLIS);
                } catch (IOException e) {
                    throw new IllegalStateException(e);
                }
            });
            assertThat(channel.receive(LONG_MILLIS)).isEmpty();
            assertThat(Objects.requireNonNull(channel.receive(LONG_MILLIS))).isEqualTo(large);
            sender.join();
        }
    }

    @Test
    void noWaitIsLongerThanTold() throws IOException {
        assertThatThrownBy(() -> channel.receive(SHORT_MILLIS)).isInstanceOf(SocketTimeoutException.class);
        peer.write(ByteBuffer.allocate(2));
        assertThatThrownBy(() -> channel.receive(SHORT_MILLIS)).isInstanceOf(SocketTimeoutException.class);
        assertThatThrownBy(() -> channel.send(new byte[10 << 20], SHORT_MILLIS)) // which nobody reads
                .isInstanceOf(SocketTimeoutException.class);
    }

    @Test
    void theEndIsNoMessage() throws IOException {
        peer.write(ByteBuffer.allocate(Integer.BYTES + 3).putInt(0, 7)); // and breaks off
        peer.close();
        assertThat(channel.receive(LONG_MILLIS)).isNull();
    }

    @Test
    void aLengthThatNoMessageHasIsRefused() throws IOException {
        peer.write(ByteBuffer.allocate(Integer.BYTES).putInt(0, -1));
        assertThatThrownBy(() -> channel.receive(LONG_MILLIS)).isInstanceOf(ProtocolException.class);
    }
}
