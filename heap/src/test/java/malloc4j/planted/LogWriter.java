package malloc4j.planted;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayDeque;
import java.util.Random;
import java.util.zip.CRC32;
import malloc4j.Heap;

/// A write-ahead log: transactions collect records in a buffer each, and a flusher writes groups of them.
public final class LogWriter {
    @SuppressWarnings("restricted")
    static final MemorySegment MEMORY = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

    static final Heap HEAP = Heap.common();

    static final int HEADER_BYTES = 8; // length and flags, sequence number
    static final int LAST = 1 << 31;

    /// The records of one transaction, one after the other.
    static final class Transaction {
        private final long id;
        private long base;
        private int capacity;
        private int end;
        private int newest = -HEADER_BYTES; // where the newest record begins
        private int records;

        Transaction(long id, int expectedBytes) {
            this.id = id;
            this.capacity = expectedBytes;
            this.base = HEAP.malloc(expectedBytes);
        }

        void append(byte[] payload) {
            int needed = end + HEADER_BYTES + payload.length;
            if (needed > capacity) {
                capacity = Math.max(needed, capacity + capacity / 2);
                base = HEAP.realloc(base, capacity);
            }
            newest = end;
            putHeader(newest, payload.length, records++);
            MemorySegment.copy(payload, 0, MEMORY, ValueLayout.JAVA_BYTE, base + end + HEADER_BYTES, payload.length);
            end = needed;
        }

        private void putHeader(int at, int lengthAndFlags, int sequence) {
            MEMORY.set(ValueLayout.JAVA_INT_UNALIGNED, base + at, lengthAndFlags);
            MEMORY.set(ValueLayout.JAVA_INT_UNALIGNED, base + at + 4, sequence);
        }

        /// Takes back the newest record, as at a savepoint.
        void rollbackNewest(int previous) {
            if (records > 0) {
                end = newest;
                newest = --records == 0 ? -HEADER_BYTES : previous;
            }
        }

        int newest() {
            return newest;
        }

        /// Marks the last record, by which recovery knows that the transaction was committed.
        void seal() {
            int flags = sealFlags();
            int length = end - newest - HEADER_BYTES;
            MEMORY.set(ValueLayout.JAVA_INT_UNALIGNED, base + newest, length | flags);
        }

        private int sealFlags() {
            return (id & 1) == 0 ? LAST : LAST | 1 << 30;
        }

        void checksum(CRC32 crc, byte[] scratch) {
            MemorySegment.copy(MEMORY, ValueLayout.JAVA_BYTE, base, scratch, 0, end);
            crc.update(scratch, 0, end);
        }

        void close() {
            HEAP.free(base);
        }
    }

    /// Keeps sealed transactions until a group is full. The superblock has the number and checksum of the last group.
    static final class Flusher {
        private final MemorySegment superblock = HEAP.allocate(512, 16);
        private final ArrayDeque<Transaction> pending = new ArrayDeque<>();
        private final byte[] scratch = new byte[1 << 16];
        private final CRC32 crc = new CRC32();
        private long groups;

        void submit(Transaction transaction) {
            transaction.seal();
            pending.addLast(transaction);
            if (pending.size() == 64) {
                flush();
            }
        }

        void flush() {
            for (Transaction transaction; (transaction = pending.pollFirst()) != null; ) {
                transaction.checksum(crc, scratch);
                transaction.close();
            }
            superblock.set(ValueLayout.JAVA_LONG, 0, ++groups);
            superblock.set(ValueLayout.JAVA_LONG, 8, crc.getValue());
        }

        void close() {
            flush();
            HEAP.free(superblock);
        }
    }

    private static byte[] payload(Random random) {
        byte[] bytes = new byte[16 + random.nextInt(120)];
        random.nextBytes(bytes);
        return bytes;
    }

    public static void main(String[] args) {
        Random random = new Random(5);
        Flusher flusher = new Flusher();
        long records = 0;
        for (long id = 0; id < 250_000; id++) {
            Transaction transaction = new Transaction(id, 48 + random.nextInt(200));
            int count = 1 + random.nextInt(5);
            for (int i = 0; i < count; i++) {
                int before = transaction.newest();
                transaction.append(payload(random));
                if (random.nextInt(20) == 0) {
                    transaction.rollbackNewest(before);
                }
            }
            records += transaction.records;
            flusher.submit(transaction);
        }
        flusher.close();
        System.out.println("logged " + records + " records in " + flusher.groups + " groups");
    }
}
