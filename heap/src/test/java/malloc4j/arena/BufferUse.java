package malloc4j.arena;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.TRUNCATE_EXISTING;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.AsynchronousServerSocketChannel;
import java.nio.channels.AsynchronousSocketChannel;
import java.nio.channels.DatagramChannel;
import java.nio.channels.FileChannel;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.zip.Adler32;
import java.util.zip.CRC32;
import java.util.zip.CRC32C;
import java.util.zip.Deflater;
import java.util.zip.Inflater;

/// What programs do with a direct buffer, each tried.
@SuppressWarnings("ImmutableEnumChecker") // no act has a state
enum BufferUse {
    FILE("`FileChannel`: `write`, `read`, at a position too", (buffers, file) -> {
        try (FileChannel channel = FileChannel.open(file, CREATE, TRUNCATE_EXISTING, READ, WRITE)) {
            assertThat(channel.write(text(buffers))).isEqualTo(4);
            assertThat(channel.write(text(buffers), 4)).isEqualTo(4);
            assertRead(buffers, buffer -> channel.read(buffer, 4));
            channel.position(0);
            assertRead(buffers, channel::read);
        }
    }),
    FILE_MANY("`FileChannel` gathering write, scattering read", (buffers, file) -> {
        try (FileChannel channel = FileChannel.open(file, CREATE, TRUNCATE_EXISTING, READ, WRITE)) {
            assertThat(channel.write(new ByteBuffer[] {text(buffers), text(buffers)}))
                    .isEqualTo(8);
            ByteBuffer[] read = {buffers.of(4), buffers.of(4)};
            assertThat(channel.position(0).read(read)).isEqualTo(8);
            assertText(read[0].flip());
            assertText(read[1].flip());
        }
    }),
    ASYNCHRONOUS_FILE("`AsynchronousFileChannel`: `write`, and `get` of the `Future`", (buffers, file) -> {
        try (AsynchronousFile asynchronous = new AsynchronousFile(file)) {
            assertThat(asynchronous.write(text(buffers))).isEqualTo(4);
        }
    }),
    ASYNCHRONOUS_FILE_READ("`AsynchronousFileChannel`: `read`, and `get` of the `Future`", (buffers, file) -> {
        try (AsynchronousFile asynchronous = new AsynchronousFile(file)) {
            assertThat(asynchronous.write(ByteBuffer.wrap("text".getBytes(StandardCharsets.UTF_8))))
                    .isEqualTo(4);
            assertRead(buffers, asynchronous::read);
        }
    }),
    ASYNCHRONOUS_FILE_HANDLER("the same, and a `CompletionHandler`", (buffers, file) -> {
        try (AsynchronousFile asynchronous = new AsynchronousFile(file)) {
            assertThat(asynchronous.write(ByteBuffer.wrap("text".getBytes(StandardCharsets.UTF_8))))
                    .isEqualTo(4);
            assertRead(buffers, asynchronous::readWithHandler);
        }
    }),
    SOCKET("`SocketChannel`: `write`, `read`, gathering and scattering too", (buffers, file) -> {
        try (ServerSocketChannel server = ServerSocketChannel.open().bind(loopback());
                SocketChannel client = SocketChannel.open(server.getLocalAddress());
                SocketChannel accepted = server.accept()) {
            assertThat(client.write(text(buffers))).isEqualTo(4);
            assertRead(buffers, accepted::read);
            assertThat(client.write(new ByteBuffer[] {text(buffers)})).isEqualTo(4);
            assertRead(buffers, buffer -> (int) accepted.read(new ByteBuffer[] {buffer}));
        }
    }),
    ASYNCHRONOUS_SOCKET("`AsynchronousSocketChannel`: `write`, `read`", (buffers, file) -> {
        try (AsynchronousServerSocketChannel server =
                        AsynchronousServerSocketChannel.open().bind(loopback());
                AsynchronousSocketChannel client = AsynchronousSocketChannel.open()) {
            Future<AsynchronousSocketChannel> accepting = server.accept();
            client.connect(server.getLocalAddress()).get();
            try (AsynchronousSocketChannel accepted = accepting.get()) {
                assertThat(client.write(text(buffers)).get()).isEqualTo(4);
                assertRead(buffers, buffer -> accepted.read(buffer).get());
            }
        }
    }),
    DATAGRAM("`DatagramChannel`: `send`, `receive`", (buffers, file) -> {
        try (DatagramChannel one = DatagramChannel.open().bind(loopback());
                DatagramChannel other = DatagramChannel.open().bind(loopback())) {
            assertThat(one.send(text(buffers), other.getLocalAddress())).isEqualTo(4);
            assertRead(buffers, buffer -> other.receive(buffer) == null ? 0 : buffer.position());
        }
    }),
    CHECKSUMS("`CRC32`, `CRC32C`, `Adler32`", (buffers, file) -> {
        CRC32 crc = new CRC32();
        crc.update(text(buffers));
        assertThat(crc.getValue()).isEqualTo(0x3b8ba7c7L);
        CRC32C castagnoli = new CRC32C();
        castagnoli.update(text(buffers));
        CRC32C ofArray = new CRC32C();
        ofArray.update("text".getBytes(StandardCharsets.UTF_8));
        assertThat(castagnoli.getValue()).isEqualTo(ofArray.getValue());
        Adler32 adler = new Adler32();
        adler.update(text(buffers));
        assertThat(adler.getValue()).isEqualTo(0x046701c6L);
    }),
    DEFLATE("`Deflater`, `Inflater`", (buffers, file) -> {
        ByteBuffer packed = buffers.of(64);
        try (DeflaterResource deflater = new DeflaterResource()) {
            deflater.it.setInput(text(buffers));
            deflater.it.finish();
            deflater.it.deflate(packed);
        }
        Inflater inflater = new Inflater();
        try {
            inflater.setInput(packed.flip());
            assertRead(buffers, inflater::inflate);
        } finally {
            inflater.end();
        }
    }),
    DIGEST("`MessageDigest`: `update`", (buffers, file) -> {
        MessageDigest digest = MessageDigest.getInstance("SHA-256");
        digest.update(text(buffers));
        assertThat(digest.digest())
                .isEqualTo(MessageDigest.getInstance("SHA-256").digest("text".getBytes(StandardCharsets.UTF_8)));
    }),
    CHARSETS("`CharsetDecoder`, `CharsetEncoder`", (buffers, file) -> {
        assertThat(StandardCharsets.UTF_8.decode(text(buffers)).toString()).isEqualTo("text");
        ByteBuffer encoded = buffers.of(4);
        StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap("text"), encoded, true);
        assertText(encoded.flip());
    }),
    MAPPED("`equals`, `compareTo`, `mismatch`, `put` with a `MappedByteBuffer`", (buffers, file) -> {
        Files.writeString(file, "text");
        try (FileChannel channel = FileChannel.open(file, READ);
                Arena arena = Arena.ofConfined()) {
            MappedByteBuffer mapped = (MappedByteBuffer)
                    channel.map(FileChannel.MapMode.READ_ONLY, 0, 4, arena).asByteBuffer();
            ByteBuffer text = text(buffers);
            assertThat(text).isEqualTo(mapped);
            assertThat(mapped.equals(text)).isTrue();
            assertThat(mapped.compareTo(text)).isZero();
            assertThat(text.mismatch(mapped)).isEqualTo(-1);
            assertText(buffers.of(4).put(mapped).flip());
        }
    }),
    SEGMENT("`MemorySegment.ofBuffer`, and its `fill`, `copyFrom`, `mismatch`", (buffers, file) -> {
        MemorySegment segment = MemorySegment.ofBuffer(buffers.of(4));
        segment.fill((byte) 7);
        segment.copyFrom(MemorySegment.ofBuffer(text(buffers)));
        assertThat(segment.mismatch(MemorySegment.ofArray("text".getBytes(StandardCharsets.UTF_8))))
                .isEqualTo(-1);
        assertText(segment.asByteBuffer());
    }),
    OTHER_THREAD("anything in another thread", (buffers, file) -> {
        ByteBuffer buffer = text(buffers);
        FutureTask<Byte> task = new FutureTask<>(() -> buffer.get(0));
        Thread.ofPlatform().start(task);
        assertThat(task.get()).isEqualTo((byte) 't');
    });

    final String text;
    final Act act;

    BufferUse(String text, Act act) {
        this.text = text;
        this.act = act;
    }

    /// Where a buffer comes from.
    interface Buffers {
        /// A buffer of `byteSize` bytes.
        ByteBuffer of(int byteSize);
    }

    /// Uses some buffers, and checks what became of it.
    interface Act {
        void on(Buffers buffers, Path file) throws Throwable;
    }

    private interface Reading {
        int into(ByteBuffer buffer) throws Exception;
    }

    /// Nobody answered.
    static final class NoAnswer extends Exception {
        private static final long serialVersionUID = 1L;
    }

    /// A deflater for try-with-resources.
    private static final class DeflaterResource implements AutoCloseable {
        final Deflater it = new Deflater();

        @Override
        public void close() {
            it.end();
        }
    }

    private static ByteBuffer text(Buffers buffers) {
        return buffers.of(4).put("text".getBytes(StandardCharsets.UTF_8)).flip();
    }

    private static void assertText(ByteBuffer buffer) {
        byte[] bytes = new byte[buffer.remaining()];
        buffer.get(bytes);
        assertThat(bytes).asString(StandardCharsets.UTF_8).isEqualTo("text");
    }

    private static void assertRead(Buffers buffers, Reading reading) throws Exception {
        ByteBuffer buffer = buffers.of(4);
        assertThat(reading.into(buffer)).isEqualTo(4);
        assertText(buffer.flip());
    }

    private static InetSocketAddress loopback() {
        return new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    }
}
