package malloc4j.internal.region;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.RecordingCalls;
import malloc4j.internal.os.TestKernel;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/// A zone of its own: its addresses are made up and never touched, its records are real.
class ZoneTest {
    private static final long GRANULE = Zone.GRANULE_BYTES;
    private static final long BYTES = 64 * GRANULE;
    private static final long BASE = 1L << 45;

    private final RecordingCalls calls = new RecordingCalls(TestKernel.calls());
    private final long records = ChunkMap.reserveRecords(calls, BYTES);
    private final Zone zone = new Zone(BASE, BYTES, records, 0, Ground.process().memory());

    @AfterEach
    void unmapRecords() {
        assertThat(TestKernel.calls().munmap(records, Zone.recordBytes(BYTES))).isZero();
    }

    private long allocate(long granules) {
        return zone.allocateRange(calls, granules * GRANULE);
    }

    private void free(long address, long granules) {
        assertThat(zone.clearRecords(calls, address, granules * GRANULE)).isZero();
        zone.freeRange(address, granules * GRANULE);
    }

    @Test
    void aRangeThatIsLostHasNoRecordsForWhoeverIsThereNow() {
        zone.addRange(BASE, BYTES);
        long first = allocate(1);
        long second = allocate(1);
        zone.loseRange(first, GRANULE);
        assertThat(zone.records(first)).isFalse();
        assertThat(zone.records(second - 1)).isFalse();
        assertThat(zone.records(second)).isTrue();
        zone.loseRange(second, GRANULE);
        assertThat(zone.records(second)).isFalse();
        zone.verify();
    }

    @Test
    void rangesComeFromTheLowestHole() {
        zone.addRange(BASE, BYTES);
        long first = allocate(2);
        long second = allocate(3);
        long third = allocate(1);
        assertThat(first).isEqualTo(BASE);
        assertThat(second).isEqualTo(BASE + 2 * GRANULE);
        assertThat(third).isEqualTo(BASE + 5 * GRANULE);
        free(first, 2);
        assertThat(allocate(3)).as("the hole is too small").isEqualTo(BASE + 6 * GRANULE);
        assertThat(allocate(1)).isEqualTo(BASE);
        free(second, 3);
        assertThat(allocate(4)).as("both holes together").isEqualTo(BASE + GRANULE);
    }

    @Test
    void aZoneThatIsFullSaysSo() {
        zone.addRange(BASE, BYTES);
        assertThat(allocate(65)).isEqualTo(-Errno.ENOSPC);
        assertThat(allocate(64)).isEqualTo(BASE);
        assertThat(allocate(1)).isEqualTo(-Errno.ENOSPC);
        free(BASE, 64);
        assertThat(allocate(64)).isEqualTo(BASE);
    }

    @Test
    void recordsAreReadableBeforeTheirRangeIsHandedOut() {
        zone.addRange(BASE, BYTES);
        assertThat(zone.recordedBytes()).isZero();
        assertThat(zone.records(BASE)).isFalse();
        long address = allocate(2);
        assertThat(zone.records(address + 2 * GRANULE - 1)).isTrue();
        assertThat(zone.records(BASE - 1)).isFalse();
        for (long chunk = 0; chunk < 2 * GRANULE; chunk += Zone.CHUNK_BYTES) {
            long record = zone.record(address + chunk + 5);
            assertThat(zone.chunk(record)).isEqualTo(address + chunk);
            for (int offset = 0; offset < Zone.RECORD_BYTES; offset += 8) {
                assertThat(RawMemory.getLong(record + offset)).isZero();
            }
            RawMemory.fill(record, Zone.RECORD_BYTES, (byte) -1);
        }
        long recorded = zone.recordedBytes();
        free(address, 2);
        assertThat(zone.recordedBytes()).isEqualTo(recorded);
        assertThat(RawMemory.getLong(zone.record(address)))
                .as("a free range's record")
                .isZero();
    }

    @Test
    void aRefusedCommitTakesNothing() {
        zone.addRange(BASE, BYTES);
        calls.failOnce("mprotect", 1, Errno.ENOMEM);
        assertThat(allocate(1)).isEqualTo(-Errno.ENOMEM);
        zone.verify();
        assertThat(zone.recordedBytes()).isZero();
        assertThat(allocate(1)).isEqualTo(BASE);
    }

    @Test
    void aRefusedClearingKeepsTheRange() {
        zone.addRange(BASE, BYTES);
        long address = allocate(16); // whose records fill whole pages, of 64 KiB too
        RawMemory.putLong(zone.record(address), 42);
        calls.failOnce("madvise", 1, Errno.ENOMEM);
        assertThat(zone.clearRecords(calls, address, 16 * GRANULE)).isEqualTo(-Errno.ENOMEM);
        assertThat(RawMemory.getLong(zone.record(address))).isEqualTo(42);
        assertThat(allocate(1)).isEqualTo(BASE + 16 * GRANULE);
        free(address, 16);
        assertThat(allocate(16)).isEqualTo(address);
    }

    @Test
    void clearingLeavesTheRecordsOfNeighboursInTheSamePages() {
        zone.addRange(BASE, BYTES);
        long address = allocate(32);
        long end = address + 32 * GRANULE;
        for (long chunk = address; chunk < end; chunk += Zone.CHUNK_BYTES) {
            RawMemory.fill(zone.record(chunk), Zone.RECORD_BYTES, (byte) 1);
        }
        long from = address + 3 * GRANULE;
        long to = address + 24 * GRANULE;
        free(from, 21);
        for (long chunk = address; chunk < end; chunk += Zone.CHUNK_BYTES) {
            long word = chunk >= from && chunk < to ? 0 : 0x0101_0101_0101_0101L;
            assertThat(RawMemory.getLong(zone.record(chunk))).isEqualTo(word);
            assertThat(RawMemory.getLong(zone.record(chunk) + Zone.RECORD_BYTES - 8))
                    .isEqualTo(word);
        }
    }

    @Test
    void rangesGoBackWithoutTheJavaHeap() {
        zone.addRange(BASE, BYTES);
        for (int granule = 0; granule < 64; granule++) {
            assertThat(allocate(1)).isEqualTo(BASE + granule * GRANULE);
        }
        giveBackEverySecond(0);
        long allocated = allocatedByGivingBackEverySecond(1); // joins them all
        zone.verify();
        assertThat(allocated).isZero();
        assertThat(allocate(64)).isEqualTo(BASE);
        zone.freeRange(BASE, BYTES);
        for (int granule = 0; granule < 64; granule++) {
            assertThat(allocate(1)).isEqualTo(BASE + granule * GRANULE);
        }
        assertThat(allocatedByGivingBackEverySecond(0))
                .as("thirty-two ranges apart")
                .isZero();
        zone.verify();
    }

    private void giveBackEverySecond(int first) {
        for (int granule = first; granule < 64; granule += 2) {
            zone.freeRange(BASE + granule * GRANULE, GRANULE);
        }
    }

    private long allocatedByGivingBackEverySecond(int first) {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long before = threads.getCurrentThreadAllocatedBytes();
        long nothing = threads.getCurrentThreadAllocatedBytes() - before; // what asking takes
        before = threads.getCurrentThreadAllocatedBytes();
        giveBackEverySecond(first);
        return threads.getCurrentThreadAllocatedBytes() - before - nothing;
    }

    @Test
    void verifyFindsARangeBeyondTheZone() {
        zone.addRange(BASE + BYTES, GRANULE);
        assertThatExceptionOfType(AssertionError.class)
                .isThrownBy(zone::verify)
                .withMessage("zone: a free range ends beyond the zone");
    }

    @Test
    void randomOperationsAgreeWithAnIntervalMap() {
        zone.addRange(BASE, BYTES);
        SplittableRandom random = new SplittableRandom(5);
        TreeMap<Long, Long> live = new TreeMap<>();
        for (int step = 0; step < 5_000; step++) {
            if (random.nextInt(5) < 3) {
                long granules = 1L + random.nextInt(6);
                long expected = lowestHole(live, granules);
                long address = allocate(granules);
                assertThat(address).isEqualTo(expected < 0 ? -Errno.ENOSPC : expected);
                if (expected >= 0) {
                    live.put(address, granules);
                }
            } else if (!live.isEmpty()) {
                Long address = live.ceilingKey(BASE + random.nextLong(BYTES));
                long chosen = address == null ? live.firstKey() : address;
                free(chosen, live.getOrDefault(chosen, 0L));
                live.remove(chosen);
            }
            zone.verify();
        }
        assertThat(live).isNotEmpty();
    }

    private static long lowestHole(Map<Long, Long> live, long granules) {
        long at = BASE;
        for (var range : live.entrySet()) {
            if (range.getKey() - at >= granules * GRANULE) {
                return at;
            }
            at = range.getKey() + range.getValue() * GRANULE;
        }
        return BASE + BYTES - at >= granules * GRANULE ? at : -1;
    }
}
