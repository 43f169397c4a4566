package malloc4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import malloc4j.faults.ChildJvm;
import malloc4j.internal.memory.RawMemory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A debug heap beside what goes wrong around it.
class DebugHeapFaultsTest {
    private static HeapOptions.Builder debug(DebugMode mode) {
        return HeapOptions.builder().name("debugged").debug(mode);
    }

    @Test
    void aHeapWhoseFileWasCutShortIsLookedAtAndClosed(@TempDir Path folder) throws Exception {
        Path file = folder.resolve("heap");
        Heap heap = Heap.create(debug(DebugMode.FULL)
                .source(MemorySource.FILE)
                .file(file.toString())
                .build());
        List<Long> blocks = new ArrayList<>();
        for (int count = 0; count < 20; count++) {
            blocks.add(heap.malloc(50_000));
        }
        heap.free(blocks.removeLast());
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            channel.truncate(0);
        }
        assertThat(heap.findDamage()).isEmpty();
        assertThatThrownBy(() -> heap.realloc(blocks.getFirst(), 60_000)).isInstanceOf(InternalError.class);
        blocks.forEach(heap::free); // the one that was not moved, too
        assertThat(heap.statistics().liveBlocks()).isZero();
        heap.verify();
        heap.close();
        assertThat(Files.readString(Path.of("/proc/self/maps"))).doesNotContain(file.toString());
    }

    @Test
    void aLogThatThrowsLosesNoLineAndHoldsNoHeapOpen() {
        Logger logger = Logger.getLogger("malloc4j");
        AtomicInteger told = new AtomicInteger();
        Handler handler = new Handler() {
            @Override
            public void publish(LogRecord line) {
                if (line.getMessage().contains("'debugged'")) {
                    told.incrementAndGet();
                    throw new IllegalStateException("the log is broken");
                }
            }

            @Override
            public void flush() {}

            @Override
            public void close() {}
        };
        logger.addHandler(handler);
        try {
            Heap heap = Heap.create(debug(DebugMode.REDZONE).build());
            long first = heap.malloc(24);
            long second = heap.malloc(24);
            RawMemory.putByte(first + 24, (byte) 0);
            RawMemory.putByte(second + 24, (byte) 0);
            assertThatCode(heap::close).doesNotThrowAnyException();
            assertThat(told).hasValue(2);
            assertThatThrownBy(() -> heap.malloc(1)).isInstanceOf(IllegalStateException.class);
        } finally {
            logger.removeHandler(handler);
        }
    }

    @Test
    void anotherHeapAtTheLimitLeavesAClosedOnesQuarantineAlone() throws Exception {
        assertThat(ChildJvm.small("-Xmx64m").run(Closing.class)).contains("passed");
    }

    /// Heaps are closed while another one with the same parent asks for what they keep.
    static final class Closing {
        private Closing() {}

        public static void main(String[] arguments) throws Exception {
            Heap parent = Heap.create(HeapOptions.builder()
                    .name("parent")
                    .hardLimitBytes(64 << 20)
                    .build());
            Heap full = Heap.create(
                    HeapOptions.builder().name("full").parent(parent).build());
            AtomicBoolean isOver = new AtomicBoolean();
            Thread filling = new Thread(() -> {
                while (!isOver.get()) {
                    fill(full);
                }
            });
            filling.start();
            for (int count = 0; count < 300; count++) {
                try (Heap closed =
                        Heap.create(debug(DebugMode.REDZONE).parent(parent).build())) {
                    leaveInQuarantine(closed);
                }
            }
            isOver.set(true);
            filling.join();
            full.close();
            parent.close();
            System.out.println("passed");
        }

        private static void fill(Heap heap) {
            List<Long> blocks = new ArrayList<>();
            try {
                while (true) {
                    blocks.add(heap.malloc(100_000));
                }
            } catch (OutOfNativeMemoryError isFull) {
                blocks.forEach(heap::free);
            }
        }

        private static void leaveInQuarantine(Heap heap) {
            try {
                for (int count = 0; count < 200; count++) {
                    heap.free(heap.malloc(count * 317L));
                }
            } catch (OutOfNativeMemoryError isFull) {
                // of the parent
            }
        }
    }

    @Test
    void aBlockThatIsBeingMovedIsNotFreedByAnotherThread() throws Exception {
        assertThat(ChildJvm.small("-Xmx64m").run(Moving.class)).contains("passed");
    }

    /// A block is moved, and another thread frees it, and what lies in quarantine.
    static final class Moving {
        private static final long BYTES = 60_000_000;

        private Moving() {}

        public static void main(String[] arguments) throws Exception {
            try (Heap heap =
                    Heap.create(debug(DebugMode.REDZONE).quarantineBytes(0).build())) {
                for (int count = 0; count < 200; count++) {
                    moveAndFree(heap);
                }
                if (heap.statistics().liveBlocks() != 0) {
                    throw new AssertionError(heap.statistics());
                }
                heap.verify();
            }
            System.out.println("passed");
        }

        private static void moveAndFree(Heap heap) throws Exception {
            long block = heap.malloc(BYTES);
            AtomicInteger freed = new AtomicInteger();
            CyclicBarrier both = new CyclicBarrier(2);
            Thread other = new Thread(() -> {
                try {
                    both.await();
                    heap.free(block);
                    freed.incrementAndGet();
                } catch (BlockMisuseException refused) {
                    // it was moved first
                } catch (Exception failed) {
                    throw new AssertionError(failed);
                }
                heap.free(heap.malloc(BYTES)); // what is in quarantine leaves it
            });
            other.start();
            both.await();
            try {
                heap.free(heap.realloc(block, BYTES + 100));
                freed.incrementAndGet();
            } catch (BlockMisuseException refused) {
                // it was freed first
            }
            other.join();
            if (freed.get() != 1) {
                throw new AssertionError("freed " + freed + " times");
            }
        }
    }

    @Test
    void aFullJavaHeapLosesNoBlock() throws Exception {
        assertThat(ChildJvm.small("-Xms24m", "-Xmx24m", "-Xint").run(Full.class))
                .contains("passed");
    }

    /// Blocks are freed and moved while the Java heap is full.
    static final class Full {
        private static final int COUNT = 200;

        private Full() {}

        public static void main(String[] arguments) {
            try (Heap heap = Heap.create(debug(DebugMode.FULL).build())) {
                long[] blocks = new long[COUNT];
                allocate(heap, blocks);
                heap.free(heap.realloc(heap.malloc(1), 2)); // every class is there
                Object all = everything();
                int failed = 0;
                for (long block : blocks) {
                    try {
                        heap.free(block);
                    } catch (OutOfMemoryError full) {
                        failed++;
                    }
                }
                if (all.hashCode() == 0) {
                    throw new AssertionError("never");
                }
                all = null;
                if (failed != 0 || heap.statistics().liveBlocks() != 0) {
                    throw new AssertionError(failed + " failed, " + heap.statistics());
                }
                if (!heap.findDamage().isEmpty()) {
                    throw new AssertionError("false report");
                }
                heap.verify();
            }
            System.out.println("passed");
        }

        private static Object everything() {
            Object[] all = {null};
            for (int length = 1 << 18; length > 0; ) {
                try {
                    Object[] next = new Object[length];
                    next[0] = all;
                    all = next;
                } catch (OutOfMemoryError full) {
                    length /= 2;
                }
            }
            return all;
        }

        private static void allocate(Heap heap, long[] blocks) {
            for (int number = 0; number < COUNT; number++) {
                blocks[number] = heap.malloc(number * 317L);
            }
        }
    }
}
