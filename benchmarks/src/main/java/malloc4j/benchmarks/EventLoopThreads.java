package malloc4j.benchmarks;

import io.netty.util.concurrent.FastThreadLocalThread;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/// Netty's kind of threads for JMH: by `-Djmh.executor=CUSTOM -Djmh.executor.class=...`.
public final class EventLoopThreads extends ThreadPoolExecutor {
    /// As JMH wants it.
    public EventLoopThreads(int threadCount, String prefix) {
        super(
                threadCount,
                threadCount,
                0,
                TimeUnit.SECONDS,
                new LinkedBlockingQueue<>(),
                task -> new FastThreadLocalThread(task, prefix));
    }
}
