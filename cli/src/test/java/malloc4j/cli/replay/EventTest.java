package malloc4j.cli.replay;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class EventTest {
    @Test
    void everyFieldComesBackWhateverTheOthersAre() {
        for (int operation = Event.MALLOC; operation <= Event.FREE; operation++) {
            for (long byteSize : new long[] {0, 1, 4096, Event.MAX_BYTE_SIZE}) {
                for (long byteAlignment : new long[] {1, 16, 4096, 1L << 47}) {
                    long event = Event.pack(operation, byteSize, byteAlignment) | Event.WAIT | Event.ANNOUNCE;
                    assertThat(Event.operation(event)).isEqualTo(operation);
                    assertThat(Event.byteSize(event)).isEqualTo(byteSize);
                    assertThat(Event.byteAlignment(event)).isEqualTo(byteAlignment);
                }
            }
        }
    }

    @Test
    void flagsAreZeroInANewEvent() {
        long event = Event.pack(Event.FREE, Event.MAX_BYTE_SIZE, 1L << 47);
        assertThat(event & (Event.WAIT | Event.ANNOUNCE)).isZero();
    }
}
