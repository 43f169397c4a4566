package malloc4j.cli.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.util.List;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.cli.serve.HeapEvent.Kind;
import org.junit.jupiter.api.Test;

/// What has happened to a heap, told by what has changed.
class EventLogTest {
    private static final long LIMIT_BYTES = 8 << 20;
    private static final int BLOCK_BYTES = 1 << 20;

    private final EventLog log = new EventLog();
    private long now;

    private List<HeapEvent> look(Heap heap) {
        log.look(++now, heap.statistics(), heap.snapshot());
        return log.end();
    }

    private List<Kind> kinds(Heap heap) {
        return look(heap).stream().map(HeapEvent::kind).toList();
    }

    @Test
    void nothingHasHappenedWhereNothingHasChanged() {
        try (Heap heap = Heap.create(HeapOptions.defaults())) {
            heap.free(heap.malloc(100));
            assertThat(look(heap)).as("what was before the first look").isEmpty();
            heap.free(heap.malloc(100));
            assertThat(look(heap)).isEmpty();
        }
    }

    @Test
    void mapsTrimsRefusalsAndLimitsAreTold() {
        HeapOptions options = HeapOptions.builder()
                .hardLimitBytes(LIMIT_BYTES)
                .softLimitBytes(LIMIT_BYTES / 2)
                .mmapThresholdBytes(BLOCK_BYTES)
                .option("purgeDelayMillis", "-1")
                .build();
        try (Heap heap = Heap.create(options)) {
            assertThat(look(heap)).isEmpty();
            long[] blocks = new long[(int) (LIMIT_BYTES / BLOCK_BYTES)];
            for (int index = 0; index < blocks.length; index++) {
                blocks[index] = heap.malloc(BLOCK_BYTES);
            }
            assertThat(kinds(heap)).containsExactly(Kind.MAPPED, Kind.SOFT_LIMIT, Kind.HARD_LIMIT);
            assertThat(kinds(heap)).as("told once").hasSize(3);
            assertThatExceptionOfType(OutOfMemoryError.class).isThrownBy(() -> heap.malloc(BLOCK_BYTES));
            HeapEvent refused = look(heap).getLast();
            assertThat(refused.kind()).isEqualTo(Kind.REFUSED);
            assertThat(refused.amount()).isEqualTo(1);
            assertThat(refused.heapId()).isEqualTo(heap.heapId());
            for (long block : blocks) {
                heap.free(block);
            }
            HeapEvent unmapped = look(heap).getLast();
            assertThat(unmapped.kind()).isEqualTo(Kind.UNMAPPED);
            assertThat(unmapped.amount()).isEqualTo(LIMIT_BYTES);
            assertThat(unmapped.timeMillis()).isEqualTo(now);

            long block = heap.malloc(64 << 10);
            heap.segment(block).fill((byte) 1);
            heap.free(block);
            assertThat(kinds(heap)).endsWith(Kind.MAPPED);
            log.trimmed();
            boolean unused = heap.trim(0);
            assertThat(kinds(heap)).contains(Kind.TRIMMED).doesNotContain(Kind.PURGED);
        }
    }

    @Test
    void theNewestAreKept() {
        try (Heap heap = Heap.create(
                HeapOptions.builder().mmapThresholdBytes(BLOCK_BYTES).build())) {
            assertThat(look(heap)).isEmpty();
            for (int turn = 0; turn < 80; turn++) {
                long block = heap.malloc(BLOCK_BYTES);
                assertThat(look(heap).getLast().kind()).isEqualTo(Kind.MAPPED);
                heap.free(block);
                assertThat(look(heap).getLast().kind()).isEqualTo(Kind.UNMAPPED);
            }
            List<HeapEvent> events = log.end();
            assertThat(events).hasSize(100);
            assertThat(events.getLast().number()).isEqualTo(160);
            assertThat(events.getFirst().number()).isEqualTo(61);
        }
    }
}
