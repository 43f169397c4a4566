package program;

import io.netty.bootstrap.Bootstrap;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import java.net.InetAddress;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import malloc4j.Heap;
import malloc4j.netty.Malloc4jByteBufAllocator;
import malloc4j.observe.HeapStatistics;

/// A server on loopback that echoes, and a client that sends bytes and checks what comes back. The main thread fills
/// the client's buffers, its event loop releases them; what the client has read, a third thread checks and releases.
///
/// Argument: MiB to send. Prints `echoed BYTES`, and the blocks of the common heap: `allocated N freed N live N`.
public final class Echo {
    private static final int MESSAGE_BYTES = 8 << 10;
    private static final long AHEAD_BYTES = 1 << 20;

    private final long byteCount;
    private final AtomicLong returned = new AtomicLong();
    private final ExecutorService checker = Executors.newSingleThreadExecutor();
    private final CountDownLatch allReturned = new CountDownLatch(1);

    private Echo(long byteCount) {
        this.byteCount = byteCount;
    }

    /// Echoes.
    public static void main(String[] arguments) throws InterruptedException {
        new Echo(Long.parseLong(arguments[0]) << 20).run();
        HeapStatistics blocks = Heap.common().statistics();
        System.out.println("allocated " + blocks.allocatedBlocks() + " freed " + blocks.freedBlocks() + " live "
                + blocks.liveBlocks() + " used "
                + Malloc4jByteBufAllocator.DEFAULT.metric().usedDirectMemory());
    }

    private void run() throws InterruptedException {
        EventLoopGroup loops = new MultiThreadIoEventLoopGroup(3, NioIoHandler.newFactory());
        try {
            Channel server = new ServerBootstrap()
                    .group(loops)
                    .channel(NioServerSocketChannel.class)
                    .option(ChannelOption.ALLOCATOR, Malloc4jByteBufAllocator.DEFAULT)
                    .childOption(ChannelOption.ALLOCATOR, Malloc4jByteBufAllocator.DEFAULT)
                    .childHandler(initializer(new Echoing()))
                    .bind(InetAddress.getLoopbackAddress(), 0)
                    .sync()
                    .channel();
            Channel client = new Bootstrap()
                    .group(loops)
                    .channel(NioSocketChannel.class)
                    .option(ChannelOption.ALLOCATOR, Malloc4jByteBufAllocator.DEFAULT)
                    .handler(initializer(new Checking()))
                    .connect(server.localAddress())
                    .sync()
                    .channel();
            send(client);
            if (!allReturned.await(120, TimeUnit.SECONDS)) {
                throw new IllegalStateException("only " + returned + " bytes came back");
            }
            client.close().sync();
            server.close().sync();
        } finally {
            loops.shutdownGracefully(0, 10, TimeUnit.SECONDS).sync();
            checker.shutdown();
        }
        boolean ended = checker.awaitTermination(10, TimeUnit.SECONDS);
        System.out.println("echoed " + returned + (ended ? "" : ", still checking"));
    }

    private static ChannelInitializer<Channel> initializer(ChannelInboundHandlerAdapter handler) {
        return new ChannelInitializer<>() {
            @Override
            protected void initChannel(Channel channel) {
                channel.pipeline().addLast(handler);
            }
        };
    }

    private void send(Channel client) throws InterruptedException {
        for (long sent = 0; sent < byteCount; sent += MESSAGE_BYTES) {
            ByteBuf message = client.alloc().buffer(16); // and grows
            for (int index = 0; index < MESSAGE_BYTES; index += Long.BYTES) {
                message.writeLong(sent + index);
            }
            ChannelFuture unused = client.writeAndFlush(message, client.voidPromise());
            while (sent - returned.get() > AHEAD_BYTES) {
                Thread.sleep(0, 100_000);
            }
        }
    }

    /// The server's side.
    private static final class Echoing extends ChannelInboundHandlerAdapter {
        @Override
        public void channelRead(ChannelHandlerContext context, Object message) {
            ChannelFuture unused = context.writeAndFlush(message, context.voidPromise());
        }
    }

    /// The client's side.
    private final class Checking extends ChannelInboundHandlerAdapter {
        private long expected; // of the checker's thread: the offset of the next byte
        private long word;

        @Override
        public void channelRead(ChannelHandlerContext context, Object message) {
            ByteBuf bytes = (ByteBuf) message;
            checker.execute(() -> check(bytes));
        }

        private void check(ByteBuf bytes) {
            int byteSize = bytes.readableBytes();
            while (bytes.isReadable()) {
                word = (word << 8) | bytes.readUnsignedByte();
                expected++;
                if (expected % Long.BYTES == 0 && word != expected - Long.BYTES) {
                    System.out.println("at " + expected + ": " + word);
                    System.exit(1);
                }
            }
            bytes.release();
            if (returned.addAndGet(byteSize) == byteCount) {
                allReturned.countDown();
            }
        }
    }
}
