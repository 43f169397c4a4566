package malloc4j.internal.region;

import static org.assertj.core.api.Assertions.assertThat;

import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.Linux;
import malloc4j.internal.os.RecordingCalls;
import malloc4j.internal.os.TestKernel;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ChunkMapTest {
    private final MmapSource source = new MmapSource(Ground.process(), MmapSource.Pages.DEFAULT);

    @Test
    void everyChunkOfARangeHasARecordOfItsOwn() {
        long address = source.acquire(Zone.GRANULE_BYTES);
        long before = 0;
        for (long chunk = address; chunk < address + Zone.GRANULE_BYTES; chunk += Zone.CHUNK_BYTES) {
            long record = ChunkMap.record(chunk);
            assertThat(ChunkMap.record(chunk + Zone.CHUNK_BYTES - 1)).isEqualTo(record);
            assertThat(ChunkMap.chunk(record)).isEqualTo(chunk);
            assertThat(record)
                    .isEqualTo(ChunkMap.RECORDS + (chunk - ChunkMap.BASE) / Zone.CHUNK_BYTES * Zone.RECORD_BYTES);
            assertThat(ChunkMap.tag(chunk)).isZero();
            assertThat(before == 0 || record - before == Zone.RECORD_BYTES).isTrue();
            before = record;
        }
        assertThat(source.release(address, Zone.GRANULE_BYTES)).isZero();
    }

    @Test
    void aTagIsReadForEveryAddressOfItsChunkAndGoesWithTheRange() {
        long address = source.acquire(Zone.GRANULE_BYTES);
        RawMemory.putInt(ChunkMap.record(address) + ChunkMap.TAG, ChunkMap.PAGES);
        assertThat(ChunkMap.tag(address + 65_535)).isEqualTo(ChunkMap.PAGES);
        assertThat(ChunkMap.tag(address + 65_536)).isZero();
        source.release(address, Zone.GRANULE_BYTES);
        assertThat(ChunkMap.tag(address)).isZero();
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 1, -1, Long.MIN_VALUE, Long.MAX_VALUE, 4096})
    void anAddressInNoZoneHasNoRecord(long address) {
        assertThat(ChunkMap.record(address)).isZero();
        assertThat(ChunkMap.tag(address)).isZero();
    }

    @Test
    void theZonesEdgesAreExact() {
        long end = ChunkMap.BASE + ChunkMap.main().byteSize();
        assertThat(ChunkMap.record(ChunkMap.BASE - 1)).isZero();
        assertThat(ChunkMap.record(end)).isZero();
        assertThat(ChunkMap.BASE % Zone.GRANULE_BYTES).isZero();
        assertThat(ChunkMap.CHUNKS * Zone.CHUNK_BYTES).isEqualTo(ChunkMap.main().byteSize());
        assertThat(PageGeometry.PAGE_BYTES).isEqualTo(1L << PageGeometry.PAGE_SHIFT);
        assertThat(PageGeometry.PAGES_PER_CHUNK * PageGeometry.PAGE_BYTES).isEqualTo(Zone.CHUNK_BYTES);
        ChunkMap.main().verify();
    }

    @Test
    void aZoneIsHalvedUntilTheKernelAgrees() {
        RecordingCalls calls = new RecordingCalls(TestKernel.calls());
        calls.failOnce("mmap", 1, Errno.ENOMEM);
        calls.failOnce("mmap", 3, Errno.ENOMEM);
        Zone zone = ChunkMap.reserve(Ground.process().with(calls), 1L << 30);
        assertThat(zone).isNotNull();
        if (zone != null) {
            assertThat(zone.byteSize()).isEqualTo(1L << 28);
            zone.verify();
            assertThat(zone.base() % Zone.GRANULE_BYTES).isZero();
        }
        assertThat(calls.count("munmap"))
                .as("the range whose records were refused")
                .isEqualTo(1);
    }

    @Test
    void noZoneWhereTheKernelRefusesEvenTheSmallest() {
        RecordingCalls calls = new RecordingCalls(TestKernel.calls());
        calls.failFrom("mmap", 1, Errno.ENOMEM);
        assertThat(ChunkMap.reserve(Ground.process().with(calls), 1L << 30)).isNull();
        assertThat(calls.count("mmap")).isEqualTo(7);
    }

    @Test
    void acquiredMemoryReadsZeroAndReleasedMemoryIsUnreadable() {
        RecordingCalls calls = new RecordingCalls(TestKernel.calls());
        MmapSource recorded = new MmapSource(Ground.process().with(calls), MmapSource.Pages.DEFAULT);
        long address = recorded.acquire(Zone.GRANULE_BYTES);
        RawMemory.putLong(address + 8, 1);
        assertThat(recorded.purge(address, PageGeometry.PAGE_BYTES)).isZero();
        assertThat(RawMemory.getLong(address + 8)).isZero();
        RawMemory.putLong(address + 8, 1);
        assertThat(recorded.release(address, Zone.GRANULE_BYTES)).isZero();
        long again = recorded.acquire(Zone.GRANULE_BYTES);
        assertThat(RawMemory.getLong(again + 8)).isZero();
        assertThat(recorded.release(again, Zone.GRANULE_BYTES)).isZero();
    }

    @Test
    void everyRefusalLeavesTheSourceAsItWas() {
        int mappings = Ground.process().mappings().used();
        RecordingCalls refusing = new RecordingCalls(TestKernel.calls());
        refusing.failFrom("mprotect", 1, Errno.ENOMEM);
        assertThat(new MmapSource(Ground.process().with(refusing), MmapSource.Pages.DEFAULT)
                        .acquire(Zone.GRANULE_BYTES))
                .isEqualTo(-Errno.ENOMEM);
        assertThat(Ground.process().mappings().used()).isEqualTo(mappings);
        ChunkMap.main().verify();
        long address = source.acquire(Zone.GRANULE_BYTES);
        RecordingCalls calls = new RecordingCalls(TestKernel.calls());
        calls.failOnce("mmap", 1, Errno.ENOMEM);
        MmapSource refused = new MmapSource(Ground.process().with(calls), MmapSource.Pages.DEFAULT);
        assertThat(refused.release(address, Zone.GRANULE_BYTES)).isEqualTo(-Errno.ENOMEM);
        RawMemory.putLong(address, Linux.PROT_READ);
        assertThat(refused.release(address, Zone.GRANULE_BYTES)).isZero();
        assertThat(Ground.process().mappings().used()).isEqualTo(mappings);
    }
}
