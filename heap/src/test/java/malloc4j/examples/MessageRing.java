package malloc4j.examples;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import malloc4j.linux.Mapping;
import malloc4j.linux.SharedMemory;
import org.jspecify.annotations.Nullable;

/// A queue of messages from one process to another through shared memory, without a lock and without a system call
/// while both keep up.
///
/// ```
/// byte 0          8          128     136              256     264              384                384 + capacity
///      | "M4J-RING"| capacity |  tail | producer's     |  head | consumer's     | data                |
///      |           |          |       | state          |       | state          |                     |
///        written once           the producer's line      the consumer's line
///
///      data, at index = position & (capacity - 1):
///           index of head                      index of tail
///             v                                  v
///      | free | size | bytes, 0 to 7 | size | ... | free                                                |
///               8      of padding      8
/// ```
///
/// - `tail` and `head` are positions in the endless stream of bytes ever written and ever read. Each is written by
///   one process, and lies in 128 bytes of its own: processors fetch lines of 64 bytes in pairs, and a line that
///   both write travels at each message.
/// - `0 <= tail - head <= capacity`; both are multiples of 8; from head to tail there are whole messages
///   ([#verify]).
/// - The producer writes a message and then sets `tail` (release); the consumer reads `tail` (acquire) and then the
///   message. The consumer reads a message and then sets `head` (release); the producer reads `head` (acquire) and
///   then writes over it. Those are the only words that both use, besides the states.
/// - Each end keeps its own position and the last it saw of the other's in fields, and looks again only when that
///   no longer suffices.
/// - A message may go over the end of the data and on at its start. The largest is `capacity - 8` bytes.
///
/// **Whether the other lives.** Each end holds a role of the [SharedMemory] ([SharedMemory#hold]), which the kernel
/// takes from a process that dies: an end that has waited for a while asks for it. There can be one producer and
/// one consumer at a time; after one was killed another takes its place. A message that a dead producer had not
/// finished was never there; one that a dead consumer had not finished is read again.
///
/// **Trust.** What comes out of the memory is checked before it is used as a size or a position, so another process
/// cannot make this one read or write outside of it. It can change a message while that is being copied.
public final class MessageRing {
    static final long TAIL = 128;
    static final long PRODUCER_STATE = 136;
    static final long HEAD = 256;
    static final long CONSUMER_STATE = 264;
    static final long DATA = 384;
    static final long SIZE_BYTES = Long.BYTES;

    private static final long MAGIC = 0x474e_4952_2d4a_344dL; // "M4J-RING" in memory
    private static final long CAPACITY = 8;
    private static final long MIN_CAPACITY = 64;
    private static final long MAX_CAPACITY = 1L << 40;

    private static final int PRODUCER_ROLE = 0;
    private static final int CONSUMER_ROLE = 1;

    private static final long NEVER_CAME = 0;
    private static final long ATTACHED = 1;
    private static final long ENDED = 2;

    private static final VarHandle WORD = ValueLayout.JAVA_LONG.varHandle();

    private MessageRing() {}

    /// The size of the shared memory for a ring.
    ///
    /// @param capacity bytes of data, a power of two from 64 to 2^40
    public static long byteSize(long capacity) {
        if (capacity < MIN_CAPACITY || capacity > MAX_CAPACITY || Long.bitCount(capacity) != 1) {
            throw new IllegalArgumentException(
                    "capacity=" + capacity + " is not a power of two from " + MIN_CAPACITY + " to " + MAX_CAPACITY);
        }
        return DATA + capacity;
    }

    /// Makes zeroed memory of [#byteSize] an empty ring: the `contents` of a new segment, before anybody can open
    /// it.
    public static void format(MemorySegment memory) {
        long capacity = memory.byteSize() - DATA;
        byteSize(capacity);
        memory.set(ValueLayout.JAVA_LONG, CAPACITY, capacity);
        memory.set(ValueLayout.JAVA_LONG, 0, MAGIC);
    }

    /// Checks the invariants while neither end is at work. Returns how many messages there are.
    static long verify(MemorySegment ring) {
        long capacity = capacityOf(ring);
        long head = get(ring, HEAD);
        long tail = get(ring, TAIL);
        checkPositions(head, tail, capacity);
        long count = 0;
        while (tail - head > 0) {
            long size = ring.get(ValueLayout.JAVA_LONG, DATA + (head & (capacity - 1)));
            checkSize(size, tail - head);
            head += recordBytes(size);
            count++;
        }
        if (head != tail) {
            throw damaged("the last message ends at " + head + ", after tail=" + tail);
        }
        return count;
    }

    private static long capacityOf(MemorySegment ring) {
        if (ring.byteSize() < DATA || ring.get(ValueLayout.JAVA_LONG, 0) != MAGIC) {
            throw new IllegalArgumentException("this memory of byteSize=" + ring.byteSize() + " is not a ring");
        }
        long capacity = ring.get(ValueLayout.JAVA_LONG, CAPACITY);
        if (byteSize(capacity) != ring.byteSize()) {
            throw damaged("capacity=" + capacity + " in memory of byteSize=" + ring.byteSize());
        }
        return capacity;
    }

    private static void checkPositions(long head, long tail, long capacity) {
        if (tail - head < 0 || tail - head > capacity || ((tail | head) & (SIZE_BYTES - 1)) != 0) {
            throw damaged("head=" + head + ", tail=" + tail + ", capacity=" + capacity);
        }
    }

    private static void checkSize(long size, long available) {
        if (size < 0 || size > available - SIZE_BYTES) {
            throw damaged("a message of size=" + size + " in " + available + " bytes");
        }
    }

    private static IllegalStateException damaged(String what) {
        return new IllegalStateException("the ring is damaged: " + what);
    }

    /// The bytes a message takes: its size, its bytes, and padding up to a multiple of 8.
    private static long recordBytes(long size) {
        return SIZE_BYTES + (size + SIZE_BYTES - 1 & -SIZE_BYTES);
    }

    private static long get(MemorySegment ring, long offset) {
        return (long) WORD.getAcquire(ring, offset);
    }

    private static void set(MemorySegment ring, long offset, long value) {
        WORD.setRelease(ring, offset, value);
    }

    /// The process at the other end has died, or has closed its end.
    public static final class PeerGoneException extends IllegalStateException {
        private static final long serialVersionUID = 1L;

        PeerGoneException(String message) {
            super(message);
        }
    }

    /// What both ends have: their view of the memory, and of each other.
    private abstract static class End implements AutoCloseable {
        final MemorySegment ring;
        final long capacity;
        private final @Nullable Mapping mapping;
        private final long ownState;
        private final long peerState;
        private final BooleanSupplier peerLives;
        private boolean closed;

        /// An end over memory that somebody else looks after.
        End(MemorySegment ring, long ownState, long peerState, BooleanSupplier peerLives) {
            this(ring, null, ownState, peerState, peerLives);
        }

        private End(
                MemorySegment ring,
                @Nullable Mapping mapping,
                long ownState,
                long peerState,
                BooleanSupplier peerLives) {
            this.capacity = capacityOf(ring);
            this.ring = ring;
            this.mapping = mapping;
            this.ownState = ownState;
            this.peerState = peerState;
            this.peerLives = peerLives;
            set(ring, ownState, ATTACHED);
        }

        /// Takes a role and maps the memory.
        static Mapping attach(SharedMemory memory, int role, String what) {
            if (!memory.hold(role)) {
                throw new IllegalStateException(
                        "process " + memory.holder(role).orElse(0) + " is the " + what + " of this ring already");
            }
            Mapping mapping = memory.map();
            boolean isRing = false;
            try {
                MemorySegment ring = mapping.segment();
                checkPositions(get(ring, HEAD), get(ring, TAIL), capacityOf(ring));
                isRing = true;
                return mapping;
            } finally {
                if (!isRing) {
                    mapping.close();
                }
            }
        }

        /// Waits until the other end has come, and after one has died until the next has. Returns whether it has
        /// before the time is over.
        boolean awaitPeer(Duration atMost) throws InterruptedException {
            long deadline = System.nanoTime() + atMost.toNanos();
            Patience patience = new Patience();
            while (get(ring, peerState) == NEVER_CAME || peerHasDied()) {
                if (System.nanoTime() - deadline >= 0) {
                    return false;
                }
                patience.pause();
            }
            return true;
        }

        /// Whether the other end has been closed.
        final boolean peerHasEnded() {
            return get(ring, peerState) == ENDED;
        }

        /// Whether the other end was there, was not closed, and its process is gone. Costs a system call.
        final boolean peerHasDied() {
            return get(ring, peerState) == ATTACHED && !peerLives.getAsBoolean();
        }

        final void requireOpen() {
            if (closed) {
                throw new IllegalStateException("this end of the ring is closed");
            }
        }

        /// Tells the other end that this one has ended, and gives the mapping back. The role goes with the
        /// `SharedMemory`.
        @Override
        public void close() {
            if (!closed) {
                closed = true;
                set(ring, ownState, ENDED);
                if (mapping != null) {
                    mapping.close();
                }
            }
        }
    }

    /// The end that writes. One thread at a time uses it.
    public static final class Producer extends End {
        private long tail; // as in the memory
        private long seenHead; // at most what is in the memory

        /// Becomes the ring's producer.
        ///
        /// @throws IllegalStateException if there is one that lives
        /// @throws IllegalArgumentException if the memory is not a ring
        public Producer(SharedMemory memory) {
            this(attach(memory, PRODUCER_ROLE, "producer"), () -> memory.holder(CONSUMER_ROLE)
                    .isPresent());
        }

        private Producer(Mapping mapping, BooleanSupplier consumerLives) {
            super(mapping.segment(), mapping, PRODUCER_STATE, CONSUMER_STATE, consumerLives);
            begin();
        }

        Producer(MemorySegment ring, BooleanSupplier consumerLives) {
            super(ring, PRODUCER_STATE, CONSUMER_STATE, consumerLives);
            begin();
        }

        private void begin() {
            tail = get(ring, TAIL);
            seenHead = get(ring, HEAD);
        }

        /// The size of the largest message in bytes.
        public long maxMessageBytes() {
            return capacity - SIZE_BYTES;
        }

        /// Adds a message if there is room for it now. Returns whether there was.
        ///
        /// @throws IllegalArgumentException if the message is larger than [#maxMessageBytes]
        public boolean offer(MemorySegment message) {
            requireOpen();
            long size = message.byteSize();
            if (size > maxMessageBytes()) {
                throw new IllegalArgumentException(
                        "a message of " + size + " bytes is larger than this ring takes, " + maxMessageBytes());
            }
            long end = tail + recordBytes(size);
            if (end - seenHead > capacity) {
                seenHead = get(ring, HEAD);
                checkPositions(seenHead, tail, capacity);
                if (end - seenHead > capacity) {
                    return false;
                }
            }
            long index = tail & (capacity - 1);
            ring.set(ValueLayout.JAVA_LONG, DATA + index, size);
            long start = index + SIZE_BYTES & (capacity - 1);
            long upToEnd = Math.min(size, capacity - start);
            MemorySegment.copy(message, 0, ring, DATA + start, upToEnd);
            MemorySegment.copy(message, upToEnd, ring, DATA, size - upToEnd);
            set(ring, TAIL, end);
            tail = end;
            return true;
        }

        /// Adds a message, and waits while there is no room for it; also for a consumer that has not come yet.
        ///
        /// @throws PeerGoneException if there is no room and the consumer has died or closed its end; the message
        ///     was not added
        public void put(MemorySegment message) throws InterruptedException {
            Patience patience = new Patience();
            while (!offer(message)) {
                if (patience.pause()) {
                    if (peerHasEnded()) {
                        throw new PeerGoneException("the ring is full and its consumer has closed it");
                    }
                    if (peerHasDied()) {
                        throw new PeerGoneException("the ring is full and its consumer has died");
                    }
                }
            }
        }
    }

    /// The end that reads. One thread at a time uses it.
    public static final class Consumer extends End {
        /// There is no message now.
        public static final long EMPTY = -1;

        /// There will be no message any more: the producer has closed its end.
        public static final long END = -2;

        private long head; // as in the memory
        private long seenTail; // at most what is in the memory

        /// Becomes the ring's consumer.
        ///
        /// @throws IllegalStateException if there is one that lives
        /// @throws IllegalArgumentException if the memory is not a ring
        public Consumer(SharedMemory memory) {
            this(attach(memory, CONSUMER_ROLE, "consumer"), () -> memory.holder(PRODUCER_ROLE)
                    .isPresent());
        }

        private Consumer(Mapping mapping, BooleanSupplier producerLives) {
            super(mapping.segment(), mapping, CONSUMER_STATE, PRODUCER_STATE, producerLives);
            begin();
        }

        Consumer(MemorySegment ring, BooleanSupplier producerLives) {
            super(ring, CONSUMER_STATE, PRODUCER_STATE, producerLives);
            begin();
        }

        private void begin() {
            head = get(ring, HEAD);
            seenTail = get(ring, TAIL);
        }

        /// Copies the next message into `buffer` and removes it. Returns its size in bytes, or [#EMPTY].
        ///
        /// @throws IllegalArgumentException if the buffer is too small, saying what size it takes; the message
        ///     stays
        public long poll(MemorySegment buffer) {
            requireOpen();
            if (head == seenTail) {
                seenTail = get(ring, TAIL);
                checkPositions(head, seenTail, capacity);
                if (head == seenTail) {
                    return EMPTY;
                }
            }
            long index = head & (capacity - 1);
            long size = ring.get(ValueLayout.JAVA_LONG, DATA + index);
            checkSize(size, seenTail - head);
            if (size > buffer.byteSize()) {
                throw new IllegalArgumentException(
                        "the next message has " + size + " bytes, the buffer " + buffer.byteSize());
            }
            long start = index + SIZE_BYTES & (capacity - 1);
            long upToEnd = Math.min(size, capacity - start);
            MemorySegment.copy(ring, DATA + start, buffer, 0, upToEnd);
            MemorySegment.copy(ring, DATA, buffer, upToEnd, size - upToEnd);
            head += recordBytes(size);
            set(ring, HEAD, head);
            return size;
        }

        /// Copies the next message into `buffer` and removes it, and waits while there is none; also for a producer
        /// that has not come yet. Returns its size in bytes, or [#END].
        ///
        /// @throws PeerGoneException if the producer has died and all its messages are read
        public long take(MemorySegment buffer) throws InterruptedException {
            Patience patience = new Patience();
            long size;
            while ((size = poll(buffer)) == EMPTY) {
                if (patience.pause()) {
                    boolean ended = peerHasEnded();
                    if (ended || peerHasDied()) {
                        size = poll(buffer); // what was added between the last look and the end
                        if (size != EMPTY) {
                            return size;
                        }
                        if (ended) {
                            return END;
                        }
                        throw new PeerGoneException("the ring is empty and its producer has died");
                    }
                }
            }
            return size;
        }
    }

    /// Waiting that gets longer: first busily, for what comes at once, then asleep, for up to a millisecond.
    private static final class Patience {
        private static final int SPINS = 1000;
        private static final long FIRST_NANOS = 10_000;
        private static final long MAX_NANOS = 1_000_000;

        private int spins;
        private long nanos = FIRST_NANOS;

        /// Returns whether it has slept, and it is time to look after the other end.
        boolean pause() throws InterruptedException {
            if (spins < SPINS) {
                spins++;
                Thread.onSpinWait();
                return false;
            }
            LockSupport.parkNanos(nanos);
            if (Thread.interrupted()) {
                throw new InterruptedException();
            }
            nanos = Math.min(2 * nanos, MAX_NANOS);
            return true;
        }
    }
}
