package malloc4j.cli.workload;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import malloc4j.cli.child.ChildFailure;
import malloc4j.peers.AllocatorName;
import malloc4j.peers.Memory;
import org.junit.jupiter.api.Test;

/// What a workload works with, on malloc4j with verification on. A JVM has one subject, so this class chooses that
/// of the tests' JVM.
class HandTest {
    static {
        new WorkloadSettings(AllocatorName.MALLOC4J, "live-set", 1, true)
                .asProperties()
                .forEach(System::setProperty);
    }

    private static final int BLOCKS = 1_000;

    private final long[] addresses = new long[BLOCKS];
    private final Hand hand = new Hand(0, addresses, new long[BLOCKS], 4);

    @Test
    void aByteThatSomebodyWroteIsFoundWhenTheBlockIsFreed() {
        long address = hand.malloc(7, 100);
        Memory.putByte(address + 99, (byte) (Memory.getByte(address + 99) + 1));

        assertThatThrownBy(() -> hand.free(7))
                .isInstanceOf(ChildFailure.class)
                .hasMessageStartingWith("block of ID 7 at 0x%x, 100 bytes: byte 99 is ".formatted(address));

        Memory.putByte(address + 99, (byte) (Memory.getByte(address + 99) - 1));
        hand.free(7);
        assertThat(addresses[7]).isZero();
    }

    @Test
    void writingMethodsLeaveAVerifiedBlockAsItIs() {
        long address = hand.malloc(3, 5_000);
        hand.fill(address, 5_000);
        hand.touchFirst(address, 5_000);
        hand.touchEnds(address, 5_000);
        hand.touchPages(address, 5_000);
        hand.free(3);
    }

    @Test
    void callocAndMemalignAreCheckedToo() {
        hand.calloc(1, 333);
        assertThat(hand.memalign(2, 256, 10) % 256).isZero();
        hand.free(1);
        hand.free(2);
        assertThat(hand.freeIfLive(2)).isZero();
    }

    @Test
    void operationsAreSampledOnlyWhenSwitchedOn() {
        pairs(1_000);
        assertThat(hand.mallocNanos().getTotalCount()).isZero();
        Sampling.switchTo(true);
        try {
            pairs(1_000);
        } finally {
            Sampling.switchTo(false);
        }
        long samples = hand.mallocNanos().getTotalCount() + hand.freeNanos().getTotalCount();
        assertThat(samples).isBetween(350L, 650L); // one in four of 2,000
        pairs(1_000);
        assertThat(hand.mallocNanos().getTotalCount() + hand.freeNanos().getTotalCount())
                .isEqualTo(samples);
    }

    @Test
    void everyCallThatAllocatesIsSampled() {
        Sampling.switchTo(true);
        try {
            for (int id = 0; id < 500; id++) {
                hand.calloc(id, 16);
            }
            assertThat(hand.mallocNanos().getTotalCount()).isBetween(75L, 175L); // one in four
            hand.mallocNanos().reset();
            for (int id = 500; id < 1_000; id++) {
                hand.memalign(id, 64, 16);
            }
            assertThat(hand.mallocNanos().getTotalCount()).isBetween(75L, 175L);
        } finally {
            Sampling.switchTo(false);
        }
        for (int id = 0; id < 1_000; id++) {
            hand.free(id);
        }
    }

    private void pairs(int count) {
        for (int i = 0; i < count; i++) {
            hand.malloc(i, 16);
            hand.free(i);
        }
    }

    @Test
    void aRingKeepsAFifthAndFreesTheRest() {
        var ring = new Ring(0, 100);
        long operations = 0;
        for (int i = 0; i < 100; i++) {
            operations += ring.allocate(hand, 8);
        }
        assertThat(operations).isEqualTo(100);
        assertThat(live()).isEqualTo(100);
        long[] first = addresses.clone();

        operations = ring.allocate(hand, 8); // keeps 0 to 19, frees 80, and allocates at 20
        assertThat(operations).isEqualTo(81);
        assertThat(live()).isEqualTo(21);
        assertThat(Arrays.copyOf(addresses, 20)).isEqualTo(Arrays.copyOf(first, 20));

        for (int i = 0; i < 79; i++) {
            ring.allocate(hand, 8);
        }
        assertThat(live()).isEqualTo(100);
        ring.allocate(hand, 8); // keeps 20 to 39, and allocates at 0
        assertThat(live()).isEqualTo(21);
        assertThat(addresses[0]).isNotZero();
        assertThat(addresses[20]).isNotZero();
        assertThat(addresses[1]).isZero();
        assertThat(addresses[40]).isZero();

        ring.freeAll(hand);
        assertThat(live()).isZero();
    }

    private long live() {
        return Arrays.stream(addresses).filter(address -> address != 0).count();
    }

    @Test
    void randomNumbersStayBelowTheirBoundAndReachIt() {
        int[] seen = new int[10];
        for (int i = 0; i < 10_000; i++) {
            seen[hand.nextInt(10)]++;
        }
        assertThat(Arrays.stream(seen).boxed())
                .allSatisfy(count -> assertThat(count).isBetween(800, 1_200));
    }
}
