package malloc4j.planted;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import malloc4j.Heap;

/// Encodes nested documents in a tagged binary form, and sums up what it has written.
public final class DocumentEncoder {
    static final byte NUMBER = 1;
    static final byte TEXT = 2;
    static final byte DOCUMENT = 3;
    static final byte END = 0;

    /// Bytes that grow as they are written.
    static final class GrowingBuffer implements AutoCloseable {
        private long address;
        private MemorySegment bytes;
        private long size;

        GrowingBuffer(long capacity) {
            address = Heap.common().malloc(capacity);
            bytes = Heap.common().segment(address);
        }

        private long reserve(int count) {
            if (size + count > bytes.byteSize()) {
                address = Heap.common().realloc(address, Math.max(size + count, 2 * bytes.byteSize()));
                bytes = Heap.common().segment(address);
            }
            long at = size;
            size += count;
            return at;
        }

        void putByte(byte value) {
            long at = reserve(1);
            bytes.set(ValueLayout.JAVA_BYTE, at, value);
        }

        void putLong(long value) {
            long at = reserve(Long.BYTES);
            bytes.set(ValueLayout.JAVA_LONG_UNALIGNED, at, value);
        }

        void putText(String text) {
            byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
            long at = reserve(2 + utf8.length);
            bytes.set(ValueLayout.JAVA_SHORT_UNALIGNED, at, (short) utf8.length);
            MemorySegment.copy(utf8, 0, bytes, ValueLayout.JAVA_BYTE, at + 2, utf8.length);
        }

        /// Room for a number that is known only later.
        MemorySegment putSlot() {
            long at = reserve(Integer.BYTES);
            MemorySegment slot = bytes.asSlice(at, Integer.BYTES);
            slot.set(ValueLayout.JAVA_INT_UNALIGNED, 0, 0);
            return slot;
        }

        long size() {
            return size;
        }

        MemorySegment written() {
            return bytes.asSlice(0, size);
        }

        @Override
        public void close() {
            Heap.common().free(address);
        }
    }

    /// A document: a hint of how long it is (0: unknown), tagged members, the end's tag.
    static final class Encoder {
        private final GrowingBuffer out;

        Encoder(GrowingBuffer out) {
            this.out = out;
        }

        void encode(Map<String, Object> document) {
            long start = out.size();
            MemorySegment lengthHint = out.putSlot();
            for (Map.Entry<String, Object> member : document.entrySet()) {
                encodeMember(member.getKey(), member.getValue());
            }
            out.putByte(END);
            fillIn(lengthHint, out.size() - start);
        }

        @SuppressWarnings("unchecked")
        private void encodeMember(String name, Object value) {
            out.putByte(value instanceof Long ? NUMBER : value instanceof String ? TEXT : DOCUMENT);
            out.putText(name);
            switch (value) {
                case Long number -> out.putLong(number);
                case String text -> out.putText(text);
                default -> encode((Map<String, Object>) value);
            }
        }

        private static void fillIn(MemorySegment slot, long length) {
            slot.set(ValueLayout.JAVA_INT_UNALIGNED, 0, (int) length);
        }
    }

    static Map<String, Object> randomDocument(Random random, int depth) {
        Map<String, Object> document = new LinkedHashMap<>();
        int members = 1 + random.nextInt(5);
        for (int i = 0; i < members; i++) {
            int kind = random.nextInt(depth == 0 ? 2 : 3);
            document.put(
                    "m" + i,
                    kind == 0
                            ? (Object) random.nextLong()
                            : kind == 1 ? "t".repeat(random.nextInt(40)) : randomDocument(random, depth - 1));
        }
        return document;
    }

    static long checksum(MemorySegment bytes) {
        long sum = 0;
        for (long i = 0; i < bytes.byteSize(); i++) {
            sum = sum * 31 + bytes.get(ValueLayout.JAVA_BYTE, i);
        }
        return sum;
    }

    public static void main(String[] args) {
        Random random = new Random(3);
        List<Map<String, Object>> documents = new ArrayList<>();
        for (int i = 0; i < 200; i++) {
            documents.add(randomDocument(random, 3));
        }
        long total = 0;
        long sum = 0;
        for (int i = 0; i < 100_000; i++) {
            try (GrowingBuffer buffer = new GrowingBuffer(48)) {
                new Encoder(buffer).encode(documents.get(i % documents.size()));
                total += buffer.size();
                sum ^= checksum(buffer.written());
            }
        }
        System.out.println("encoded " + total + " bytes " + (sum != -1));
    }
}
