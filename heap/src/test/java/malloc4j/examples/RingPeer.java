package malloc4j.examples;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import malloc4j.examples.MessageRing.Consumer;
import malloc4j.examples.MessageRing.Producer;
import malloc4j.linux.SharedMemory;
import malloc4j.linux.SharedMemory.Access;

/// The other end of a ring, in a JVM of its own: `produce NAME COUNT [FIRST]`, `consume NAME COUNT`, with `PID/FD`
/// in place of a name for anonymous memory. After `COUNT` messages it says so and, if asked to `stay`, does nothing
/// more.
final class RingPeer {
    private static final int MAX_MESSAGE_BYTES = 200;

    private RingPeer() {}

    public static void main(String[] arguments) throws Exception {
        long count = Long.parseLong(arguments[2]);
        boolean stays = arguments.length > 3;
        try (SharedMemory memory = open(arguments[1])) {
            if (arguments[0].equals("produce")) {
                try (Producer producer = new Producer(memory)) {
                    produce(producer, count);
                    stayIf(stays);
                }
            } else {
                try (Consumer consumer = new Consumer(memory)) {
                    consumer.awaitPeer(Duration.ofMinutes(1));
                    consume(consumer, count);
                    stayIf(stays);
                }
            }
        }
    }

    private static SharedMemory open(String where) {
        if (where.startsWith("/")) {
            return SharedMemory.open(where, Access.READ_WRITE);
        }
        String[] numbers = where.split("/", 2);
        return SharedMemory.openProcess(Long.parseLong(numbers[0]), Integer.parseInt(numbers[1]), Access.READ_WRITE);
    }

    private static void stayIf(boolean stays) throws InterruptedException {
        System.out.println("done");
        while (stays) {
            Thread.sleep(60_000);
        }
    }

    /// Puts messages 0 to `count - 1`.
    static void produce(Producer producer, long count) throws InterruptedException {
        byte[] bytes = new byte[MAX_MESSAGE_BYTES];
        MemorySegment buffer = MemorySegment.ofArray(bytes);
        for (long number = 0; number < count; number++) {
            producer.put(buffer.asSlice(0, fill(bytes, number)));
        }
    }

    /// Takes messages 0 to `count - 1` and checks every byte.
    static void consume(Consumer consumer, long count) throws InterruptedException {
        byte[] expected = new byte[MAX_MESSAGE_BYTES];
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment buffer = arena.allocate(MAX_MESSAGE_BYTES);
            for (long number = 0; number < count; number++) {
                long size = consumer.take(buffer);
                int expectedSize = fill(expected, number);
                MemorySegment message = MemorySegment.ofArray(expected).asSlice(0, expectedSize);
                if (size != expectedSize || buffer.asSlice(0, size).mismatch(message) != -1) {
                    throw new AssertionError("message " + number + " has " + size + " bytes, or others than were put");
                }
            }
        }
    }

    /// Writes the bytes of message `number`, and returns how many they are: 0 to 200, the size and each byte by a
    /// hash.
    private static int fill(byte[] bytes, long number) {
        long hash = mix(number);
        int size = (int) Long.remainderUnsigned(hash, MAX_MESSAGE_BYTES + 1);
        for (int index = 0; index < size; index++) {
            if ((index & 7) == 0) {
                hash = mix(hash + index);
            }
            bytes[index] = (byte) (hash >>> (8 * (index & 7)));
        }
        return size;
    }

    /// The finaliser of SplitMix64.
    private static long mix(long word) {
        long mixed = word + 0x9e37_79b9_7f4a_7c15L;
        mixed = (mixed ^ mixed >>> 30) * 0xbf58_476d_1ce4_e5b9L;
        mixed = (mixed ^ mixed >>> 27) * 0x94d0_49bb_1331_11ebL;
        return mixed ^ mixed >>> 31;
    }
}
