package malloc4j.arena;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.TRUNCATE_EXISTING;
import static java.nio.file.StandardOpenOption.WRITE;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.AsynchronousFileChannel;
import java.nio.channels.CompletionHandler;
import java.nio.file.Path;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/// An asynchronous channel that knows when nobody is left to answer: the thread that was to do it has died.
final class AsynchronousFile implements AutoCloseable {
    private volatile boolean died;
    private final ExecutorService executor = Executors.newSingleThreadExecutor(work -> {
        Thread thread = new Thread(work);
        thread.setUncaughtExceptionHandler((dying, thrown) -> died = true);
        return thread;
    });
    private final AsynchronousFileChannel channel;

    AsynchronousFile(Path file) throws IOException {
        channel = AsynchronousFileChannel.open(file, Set.of(CREATE, TRUNCATE_EXISTING, READ, WRITE), executor);
    }

    /// Writes at 0, and waits for the `Future`.
    int write(ByteBuffer buffer) throws Exception {
        return await(channel.write(buffer, 0));
    }

    /// Reads from 0, and waits for the `Future`.
    int read(ByteBuffer buffer) throws Exception {
        return await(channel.read(buffer, 0));
    }

    /// As [#read], but told by a handler.
    int readWithHandler(ByteBuffer buffer) throws Exception {
        CompletableFuture<Integer> told = new CompletableFuture<>();
        channel.read(buffer, 0, told, new CompletionHandler<>() {
            @Override
            public void completed(Integer count, CompletableFuture<Integer> attached) {
                attached.complete(count);
            }

            @Override
            public void failed(Throwable thrown, CompletableFuture<Integer> attached) {
                attached.completeExceptionally(thrown);
            }
        });
        return await(told);
    }

    private int await(Future<Integer> future) throws Exception {
        while (true) {
            try {
                return future.get(10, TimeUnit.MILLISECONDS);
            } catch (TimeoutException notYet) {
                if (died && !future.isDone()) {
                    throw new BufferUse.NoAnswer();
                }
            }
        }
    }

    @Override
    public void close() throws IOException {
        channel.close();
        executor.shutdown();
    }
}
