package malloc4j.cli.replay;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class LiveQueuesTest {
    private final LiveQueues queues = new LiveQueues();

    @Test
    void givesTheOldestOfEachKind() {
        queues.addKind();
        queues.addKind();
        queues.add(0, 10);
        queues.add(1, 11);
        queues.add(0, 12);

        assertThat(queues.takeOldest(0)).isEqualTo(10);
        queues.add(0, 13);
        assertThat(queues.takeOldest(0)).isEqualTo(12);
        assertThat(queues.takeOldest(1)).isEqualTo(11);
        assertThat(queues.takeOldest(0)).isEqualTo(13);
    }

    @Test
    void aQueueThatWasEmptiedIsUsedAgain() {
        queues.addKind();
        assertThat(queues.takeOldest(0)).isEqualTo(LiveQueues.NONE);
        queues.add(0, 1);
        assertThat(queues.takeOldest(0)).isEqualTo(1);
        assertThat(queues.takeOldest(0)).isEqualTo(LiveQueues.NONE);
        queues.add(0, 2);
        assertThat(queues.takeOldest(0)).isEqualTo(2);
    }

    @Test
    void growsBeyondItsFirstArrays() {
        int kinds = 3_000;
        for (int kind = 0; kind < kinds; kind++) {
            queues.addKind();
            queues.add(kind, kind * 100);
        }
        assertThat(queues.kindCount()).isEqualTo(kinds);
        for (int kind = 0; kind < kinds; kind++) {
            assertThat(queues.takeOldest(kind)).isEqualTo(kind * 100);
        }
    }
}
