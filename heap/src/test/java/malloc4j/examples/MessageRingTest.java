package malloc4j.examples;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import malloc4j.examples.MessageRing.Consumer;
import malloc4j.examples.MessageRing.PeerGoneException;
import malloc4j.examples.MessageRing.Producer;
import malloc4j.faults.PeerJvm;
import malloc4j.linux.Mapping;
import malloc4j.linux.SharedMemory;
import malloc4j.linux.SharedMemory.Access;
import malloc4j.linux.SharedMemoryOptions;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The ring alone, and between this JVM and another one, which may be killed.
@Timeout(value = 3, unit = TimeUnit.MINUTES)
class MessageRingTest {
    private static final long CAPACITY = 64 << 10;
    private static final long MESSAGES = 1_000_000;

    private final String name = "/malloc4j-ring-" + ProcessHandle.current().pid();
    private final List<PeerJvm> peers = new ArrayList<>();

    @AfterEach
    void cleanUp() {
        peers.forEach(PeerJvm::close);
        SharedMemory.unlink(name);
    }

    private PeerJvm peer(String... arguments) throws IOException {
        PeerJvm peer = PeerJvm.start(RingPeer.class, arguments);
        peers.add(peer);
        return peer;
    }

    private static SharedMemoryOptions ring() {
        return SharedMemoryOptions.builder().contents(MessageRing::format).build();
    }

    private SharedMemory named(long capacity) {
        return SharedMemory.create(name, MessageRing.byteSize(capacity), ring());
    }

    private static MemorySegment onHeap(long capacity) {
        MemorySegment ring = MemorySegment.ofArray(new long[(int) (MessageRing.byteSize(capacity) / Long.BYTES)]);
        MessageRing.format(ring);
        return ring;
    }

    private static MemorySegment message(int size, int seed) {
        byte[] bytes = new byte[size];
        new Random(seed).nextBytes(bytes);
        return MemorySegment.ofArray(bytes);
    }

    // One process.

    @ParameterizedTest
    @ValueSource(longs = {64, 256, 4096})
    void messagesOfAllSizesComeOutAsTheyWentInAtEveryPosition(long capacity) {
        MemorySegment ring = onHeap(capacity);
        Producer producer = new Producer(ring, () -> true);
        Consumer consumer = new Consumer(ring, () -> true);
        Random random = new Random(capacity);
        Deque<MemorySegment> model = new ArrayDeque<>();
        MemorySegment buffer = MemorySegment.ofArray(new byte[(int) capacity]);
        long bytes = 0;
        boolean filling = true;
        for (int step = 0; step < 20_000; step++) {
            if (filling) {
                MemorySegment message = message(random.nextInt((int) producer.maxMessageBytes() + 1), step);
                long recordBytes = 8 + (message.byteSize() + 7) / 8 * 8;
                boolean fits = bytes + recordBytes <= capacity;
                assertThat(producer.offer(message)).as("back-pressure").isEqualTo(fits);
                if (fits) {
                    model.add(message);
                    bytes += recordBytes;
                }
            } else {
                MemorySegment expected = model.poll();
                long size = consumer.poll(buffer);
                assertThat(size).isEqualTo(expected == null ? Consumer.EMPTY : expected.byteSize());
                if (expected != null) {
                    assertThat(buffer.asSlice(0, size).mismatch(expected)).isEqualTo(-1);
                    bytes -= 8 + (size + 7) / 8 * 8;
                }
            }
            assertThat(MessageRing.verify(ring)).isEqualTo(model.size());
            filling = random.nextInt(100) < (filling ? 60 : 40);
        }
    }

    @Test
    void theLargestMessageFillsTheRingAndALargerOneIsRefused() {
        MemorySegment ring = onHeap(64);
        Producer producer = new Producer(ring, () -> true);
        Consumer consumer = new Consumer(ring, () -> true);
        MemorySegment buffer = MemorySegment.ofArray(new byte[56]);
        assertThat(producer.offer(message(3, 1))).isTrue(); // so that the next one goes over the end
        assertThat(consumer.poll(buffer)).isEqualTo(3);
        assertThat(producer.maxMessageBytes()).isEqualTo(56);
        assertThat(producer.offer(message(56, 2))).isTrue();
        assertThat(producer.offer(message(0, 3))).isFalse();
        assertThat(consumer.poll(buffer)).isEqualTo(56);
        assertThat(buffer.mismatch(message(56, 2))).isEqualTo(-1);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> producer.offer(message(57, 4)))
                .withMessage("a message of 57 bytes is larger than this ring takes, 56");
        assertThat(MessageRing.verify(ring)).isZero();
    }

    @Test
    void aMessageThatTheBufferDoesNotHoldStays() {
        MemorySegment ring = onHeap(64);
        Producer producer = new Producer(ring, () -> true);
        Consumer consumer = new Consumer(ring, () -> true);
        assertThat(producer.offer(message(20, 1))).isTrue();
        assertThatIllegalArgumentException()
                .isThrownBy(() -> consumer.poll(MemorySegment.ofArray(new byte[19])))
                .withMessage("the next message has 20 bytes, the buffer 19");
        assertThat(consumer.poll(MemorySegment.ofArray(new byte[20]))).isEqualTo(20);
    }

    @Test
    void whatIsReadIsCheckedBeforeItIsUsed() {
        long[][] damages = {
            {MessageRing.TAIL, 4},
            {MessageRing.TAIL, 72},
            {MessageRing.TAIL, -8},
            {MessageRing.DATA, 9},
            {MessageRing.DATA, -1},
            {MessageRing.DATA, Long.MAX_VALUE}
        };
        for (long[] damage : damages) {
            MemorySegment ring = onHeap(64);
            Consumer consumer = new Consumer(ring, () -> true);
            assertThat(new Producer(ring, () -> true).offer(message(8, 1))).isTrue();
            ring.set(JAVA_LONG, damage[0], damage[1]);
            assertThatIllegalStateException()
                    .isThrownBy(() -> consumer.poll(MemorySegment.ofArray(new byte[64])))
                    .withMessageStartingWith("the ring is damaged: ");
            assertThatIllegalStateException().isThrownBy(() -> MessageRing.verify(ring));
        }
        MemorySegment ring = onHeap(64);
        Producer producer = new Producer(ring, () -> true);
        assertThat(producer.offer(message(56, 1))).isTrue();
        ring.set(JAVA_LONG, MessageRing.HEAD, 128);
        assertThatIllegalStateException().isThrownBy(() -> producer.offer(message(1, 1)));
    }

    @Test
    void onlyARingIsTakenForOne() {
        for (long capacity : new long[] {0, 32, 65, 96, -64, Long.MIN_VALUE, 1L << 41}) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> MessageRing.byteSize(capacity))
                    .withMessage("capacity=" + capacity + " is not a power of two from 64 to 1099511627776");
        }
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new Producer(MemorySegment.ofArray(new long[1000]), () -> true))
                .withMessage("this memory of byteSize=8000 is not a ring");
        try (SharedMemory memory = SharedMemory.create(name, 5000)) {
            assertThatIllegalArgumentException().isThrownBy(() -> new Producer(memory));
            assertThatIllegalArgumentException().isThrownBy(() -> new Consumer(memory));
        }
    }

    @Test
    void thereIsOneProducerAndOneConsumer() {
        String held = "process " + ProcessHandle.current().pid() + " is the ";
        try (SharedMemory memory = named(64);
                SharedMemory again = SharedMemory.open(name, Access.READ_WRITE);
                Producer producer = new Producer(memory);
                Consumer consumer = new Consumer(again)) {
            for (SharedMemory opening : List.of(memory, again)) {
                assertThatIllegalStateException()
                        .isThrownBy(() -> new Producer(opening))
                        .withMessage(held + "producer of this ring already");
                assertThatIllegalStateException()
                        .isThrownBy(() -> new Consumer(opening))
                        .withMessage(held + "consumer of this ring already");
            }
            assertThat(producer.offer(message(1, 1))).isTrue();
            assertThat(consumer.poll(MemorySegment.ofArray(new byte[1]))).isEqualTo(1);
        }
    }

    @Test
    void anEndThatIsClosedTellsTheOther() throws InterruptedException {
        MemorySegment buffer = MemorySegment.ofArray(new byte[64]);
        MemorySegment ring = onHeap(64);
        Producer producer = new Producer(ring, () -> true);
        Consumer consumer = new Consumer(ring, () -> true);
        assertThat(producer.offer(message(5, 1))).isTrue();
        producer.close();
        producer.close();
        assertThatIllegalStateException().isThrownBy(() -> producer.offer(buffer));
        assertThat(consumer.take(buffer)).isEqualTo(5);
        assertThat(consumer.take(buffer)).isEqualTo(Consumer.END);
        consumer.close();
        assertThatIllegalStateException().isThrownBy(() -> consumer.poll(buffer));

        Producer next = new Producer(ring, () -> true);
        assertThat(next.offer(message(56, 2))).isTrue();
        assertThatThrownBy(() -> next.put(message(1, 3)))
                .isInstanceOf(PeerGoneException.class)
                .hasMessage("the ring is full and its consumer has closed it");
    }

    @Test
    void waitingForAnEndThatNeverComesIsOver() throws InterruptedException {
        MemorySegment ring = onHeap(64);
        AtomicBoolean consumerLives = new AtomicBoolean(true);
        Producer producer = new Producer(ring, consumerLives::get);
        assertThat(producer.awaitPeer(Duration.ofMillis(20)))
                .as("nobody has come")
                .isFalse();
        try (Consumer consumer = new Consumer(ring, () -> true)) {
            assertThat(consumer.awaitPeer(Duration.ZERO)).isTrue();
            assertThat(producer.awaitPeer(Duration.ZERO)).isTrue();
            consumerLives.set(false);
            assertThat(producer.awaitPeer(Duration.ofMillis(20))).as("died").isFalse();
        }
        assertThat(producer.awaitPeer(Duration.ZERO)).as("came, and ended").isTrue();
        Thread.currentThread().interrupt();
        assertThatThrownBy(() -> new Producer(onHeap(64), () -> true).awaitPeer(Duration.ofMinutes(1)))
                .isInstanceOf(InterruptedException.class);
    }

    @Test
    void positionsGoOnPastTheLargestNumber() {
        MemorySegment ring = onHeap(64);
        ring.set(JAVA_LONG, MessageRing.HEAD, Long.MAX_VALUE - 7);
        ring.set(JAVA_LONG, MessageRing.TAIL, Long.MAX_VALUE - 7);
        Producer producer = new Producer(ring, () -> true);
        Consumer consumer = new Consumer(ring, () -> true);
        MemorySegment buffer = MemorySegment.ofArray(new byte[64]);
        for (int number = 0; number < 20; number++) {
            assertThat(producer.offer(message(50, number))).isTrue();
            assertThat(producer.offer(message(50, number))).isFalse();
            assertThat(MessageRing.verify(ring)).isEqualTo(1);
            assertThat(consumer.poll(buffer)).isEqualTo(50);
            assertThat(buffer.asSlice(0, 50).mismatch(message(50, number))).isEqualTo(-1);
        }
    }

    // Two processes.

    @Test
    void aMillionMessagesComeFromAnotherProcessThroughANamedRing() throws Exception {
        try (SharedMemory memory = named(CAPACITY);
                Consumer consumer = new Consumer(memory)) {
            PeerJvm producer = peer("produce", name, MESSAGES + "");
            RingPeer.consume(consumer, MESSAGES);
            MemorySegment buffer = MemorySegment.ofArray(new byte[1]);
            assertThat(consumer.take(buffer)).isEqualTo(Consumer.END);
            assertThat(producer.line()).isEqualTo("done");
            producer.join();
            verifyEmpty(memory);
        }
    }

    @Test
    void aMillionMessagesGoToAnotherProcessThroughAnAnonymousRing() throws Exception {
        try (SharedMemory memory = SharedMemory.anonymous("ring", MessageRing.byteSize(CAPACITY), ring());
                Producer producer = new Producer(memory)) {
            String where = ProcessHandle.current().pid() + "/" + memory.fd();
            PeerJvm consumer = peer("consume", where, MESSAGES + "");
            RingPeer.produce(producer, MESSAGES);
            assertThat(consumer.line()).isEqualTo("done");
            consumer.join();
            verifyEmpty(memory);
        }
    }

    private static void verifyEmpty(SharedMemory memory) {
        try (Mapping mapping = memory.map(Access.READ_ONLY)) {
            assertThat(MessageRing.verify(mapping.segment())).isZero();
        }
    }

    @Test
    void aSmallRingBetweenProcessesIsFullAndEmptyAllTheTime() throws Exception {
        try (SharedMemory memory = named(256);
                Consumer consumer = new Consumer(memory)) {
            PeerJvm producer = peer("produce", name, "20000");
            RingPeer.consume(consumer, 20_000);
            producer.join();
        }
    }

    @Test
    void aProducerThatIsKilledIsNoticedAndReplaced() throws Exception {
        try (SharedMemory memory = named(CAPACITY);
                Consumer consumer = new Consumer(memory)) {
            PeerJvm killed = peer("produce", name, "100", "stay");
            assertThat(killed.line()).isEqualTo("done");
            killed.kill();
            RingPeer.consume(consumer, 100); // all that it had put
            MemorySegment buffer = MemorySegment.ofArray(new byte[200]);
            assertThatThrownBy(() -> consumer.take(buffer))
                    .isInstanceOf(PeerGoneException.class)
                    .hasMessage("the ring is empty and its producer has died");
            PeerJvm next = peer("produce", name, "1000");
            assertThat(consumer.awaitPeer(Duration.ofMinutes(1))).isTrue();
            RingPeer.consume(consumer, 1000);
            next.join();
        }
    }

    @Test
    void aProducerThatIsKilledInTheMiddleLeavesWholeMessages() throws Exception {
        try (SharedMemory memory = named(CAPACITY);
                Consumer consumer = new Consumer(memory)) {
            PeerJvm killed = peer("produce", name, Long.MAX_VALUE + "");
            RingPeer.consume(consumer, 50_000);
            killed.kill();
            try (Mapping mapping = memory.map(Access.READ_ONLY)) {
                long left = MessageRing.verify(mapping.segment());
                MemorySegment buffer = MemorySegment.ofArray(new byte[200]);
                for (long number = 0; number < left; number++) {
                    assertThat(consumer.take(buffer)).isBetween(0L, 200L);
                }
                assertThatThrownBy(() -> consumer.take(buffer)).isInstanceOf(PeerGoneException.class);
            }
        }
    }

    @Test
    void aConsumerThatIsKilledIsNoticedAndReplaced() throws Exception {
        try (SharedMemory memory = named(CAPACITY);
                Producer producer = new Producer(memory)) {
            PeerJvm killed = peer("consume", name, "10", "stay");
            MemorySegment message = message(200, 1);
            RingPeer.produce(producer, 10);
            assertThat(killed.line()).isEqualTo("done");
            killed.kill();
            assertThatThrownBy(() -> {
                        while (true) {
                            producer.put(message);
                        }
                    })
                    .isInstanceOf(PeerGoneException.class)
                    .hasMessage("the ring is full and its consumer has died");
            try (SharedMemory again = SharedMemory.open(name, Access.READ_WRITE);
                    Consumer next = new Consumer(again)) {
                MemorySegment buffer = MemorySegment.ofArray(new byte[200]);
                long size;
                long count = 0;
                while ((size = next.poll(buffer)) != Consumer.EMPTY) {
                    assertThat(size).isEqualTo(200);
                    assertThat(buffer.get(JAVA_BYTE, 199)).isEqualTo(message.get(JAVA_BYTE, 199));
                    count++;
                }
                assertThat(count).isEqualTo(CAPACITY / 208);
                assertThat(producer.offer(message)).isTrue();
            }
        }
    }
}
