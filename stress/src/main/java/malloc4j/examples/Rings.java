package malloc4j.examples;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/// Small rings in arrays, and messages that fill one: eight bytes short of its capacity, all the same.
final class Rings {
    private static final int CAPACITY = 64;
    private static final int MESSAGE_BYTES = CAPACITY - Long.BYTES;
    private static final MemorySegment[] MESSAGES = {message(0), message(1), message(2)};

    private Rings() {}

    static MemorySegment empty() {
        MemorySegment ring = MemorySegment.ofArray(new long[(int) MessageRing.byteSize(CAPACITY) / Long.BYTES]);
        MessageRing.format(ring);
        return ring;
    }

    private static MemorySegment message(int of) {
        byte[] bytes = new byte[MESSAGE_BYTES];
        Arrays.fill(bytes, (byte) of);
        return MemorySegment.ofArray(bytes);
    }

    /// A message of bytes `of`.
    static MemorySegment of(int of) {
        return MESSAGES[of];
    }

    /// What the next message is of: `empty`, a number, or `mixed` when it is not one that was put.
    static String poll(MessageRing.Consumer consumer) {
        byte[] bytes = new byte[MESSAGE_BYTES];
        long size = consumer.poll(MemorySegment.ofArray(bytes));
        if (size == MessageRing.Consumer.EMPTY) {
            return "empty";
        }
        for (byte each : bytes) {
            if (each != bytes[0]) {
                return "mixed";
            }
        }
        return size == MESSAGE_BYTES ? Integer.toString(bytes[0]) : "mixed";
    }
}
