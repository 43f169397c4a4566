package malloc4j;

import java.nio.file.Path;
import java.util.concurrent.locks.LockSupport;

/// A process that records, until it is killed, ends, or cannot go on recording.
public final class RecordingChild {
    static final String OPEN = "open";
    static final String DONE = "done";
    static final int LAST_SIZE = 123_457;

    private RecordingChild() {}

    public static void main(String[] arguments) {
        switch (arguments[0]) {
            case "wait" -> waitForTheEnd(record(arguments[1]));
            case "work" -> work(record(arguments[1]));
            case "common" -> Malloc.free(Malloc.malloc(LAST_SIZE));
            case "exit" -> {
                Heap heap = record(arguments[1]);
                heap.free(heap.malloc(LAST_SIZE));
            }
            case "live" -> keepMany(record(arguments[1]), Integer.parseInt(arguments[2]));
            default -> throw new IllegalArgumentException(arguments[0]);
        }
    }

    private static Heap record(String file) {
        Heap heap = Heap.create(HeapOptions.builder().name("recorded").build());
        heap.startRecording(Path.of(file));
        return heap;
    }

    private static void waitForTheEnd(Heap heap) {
        heap.free(heap.malloc(LAST_SIZE));
        System.out.println(OPEN);
        while (!heap.isClosed()) {
            LockSupport.park();
        }
    }

    private static void work(Heap heap) {
        System.out.println(OPEN);
        for (int count = 0; !heap.isClosed(); count = (count + 1) % 5_000) {
            long first = heap.malloc(count);
            long second = heap.calloc(1, count);
            heap.free(heap.realloc(first, 2L * count));
            heap.free(second);
        }
    }

    private static void keepMany(Heap heap, int count) {
        long last = 0;
        for (int index = 0; index < count; index++) {
            last = heap.malloc(16);
        }
        heap.free(last);
        heap.verify();
        System.out.println(heap.statistics().liveBlocks() + " live");
        heap.startRecording(Path.of("/dev/null")); // the first one has ended by itself
        System.out.println(DONE);
    }
}
