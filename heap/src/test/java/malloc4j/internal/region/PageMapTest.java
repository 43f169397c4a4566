package malloc4j.internal.region;

import static org.assertj.core.api.Assertions.assertThat;

import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.Linux;
import malloc4j.internal.os.LinuxCalls;
import malloc4j.internal.os.RecordingCalls;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PageMapTest {
    private final MmapSource source = new MmapSource(LinuxCalls.instance(), MmapSource.Pages.DEFAULT);

    @Test
    void everyChunkOfARangeHasARecordOfItsOwn() {
        long address = source.acquire(Zone.GRANULE_BYTES);
        long before = 0;
        for (long chunk = address; chunk < address + Zone.GRANULE_BYTES; chunk += Zone.CHUNK_BYTES) {
            long record = PageMap.record(chunk);
            assertThat(PageMap.record(chunk + Zone.CHUNK_BYTES - 1)).isEqualTo(record);
            assertThat(PageMap.chunk(record)).isEqualTo(chunk);
            assertThat(record)
                    .isEqualTo(PageMap.RECORDS + (chunk - PageMap.BASE) / Zone.CHUNK_BYTES * Zone.RECORD_BYTES);
            assertThat(PageMap.tag(chunk)).isZero();
            assertThat(before == 0 || record - before == Zone.RECORD_BYTES).isTrue();
            before = record;
        }
        assertThat(source.release(address, Zone.GRANULE_BYTES)).isZero();
    }

    @Test
    void aTagIsReadForEveryAddressOfItsChunkAndGoesWithTheRange() {
        long address = source.acquire(Zone.GRANULE_BYTES);
        RawMemory.putInt(PageMap.record(address) + PageMap.TAG, PageMap.PAGES);
        assertThat(PageMap.tag(address + 65_535)).isEqualTo(PageMap.PAGES);
        assertThat(PageMap.tag(address + 65_536)).isZero();
        source.release(address, Zone.GRANULE_BYTES);
        assertThat(PageMap.tag(address)).isZero();
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 1, -1, Long.MIN_VALUE, Long.MAX_VALUE, 4096})
    void anAddressInNoZoneHasNoRecord(long address) {
        assertThat(PageMap.record(address)).isZero();
        assertThat(PageMap.tag(address)).isZero();
    }

    @Test
    void theZonesEdgesAreExact() {
        long end = PageMap.BASE + PageMap.main().byteSize();
        assertThat(PageMap.record(PageMap.BASE - 1)).isZero();
        assertThat(PageMap.record(end)).isZero();
        assertThat(PageMap.BASE % Zone.GRANULE_BYTES).isZero();
        assertThat(PageMap.CHUNKS * Zone.CHUNK_BYTES).isEqualTo(PageMap.main().byteSize());
        assertThat(PageMap.PAGE_BYTES).isEqualTo(1L << PageMap.PAGE_SHIFT);
        assertThat(PageMap.PAGES_PER_CHUNK * PageMap.PAGE_BYTES).isEqualTo(Zone.CHUNK_BYTES);
        PageMap.main().verify();
    }

    @Test
    void aZoneIsHalvedUntilTheKernelAgrees() {
        RecordingCalls calls = new RecordingCalls(LinuxCalls.instance());
        calls.failOnce("mmap", 1, Errno.ENOMEM);
        calls.failOnce("mmap", 3, Errno.ENOMEM);
        Zone zone = PageMap.reserve(calls, 1L << 30);
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
        RecordingCalls calls = new RecordingCalls(LinuxCalls.instance());
        calls.failFrom("mmap", 1, Errno.ENOMEM);
        assertThat(PageMap.reserve(calls, 1L << 30)).isNull();
        assertThat(calls.count("mmap")).isEqualTo(7);
    }

    @Test
    void acquiredMemoryReadsZeroAndReleasedMemoryIsUnreadable() {
        RecordingCalls calls = new RecordingCalls(LinuxCalls.instance());
        MmapSource recorded = new MmapSource(calls, MmapSource.Pages.DEFAULT);
        long address = recorded.acquire(Zone.GRANULE_BYTES);
        RawMemory.putLong(address + 8, 1);
        assertThat(recorded.purge(address, PageMap.PAGE_BYTES)).isZero();
        assertThat(RawMemory.getLong(address + 8)).isZero();
        RawMemory.putLong(address + 8, 1);
        assertThat(recorded.release(address, Zone.GRANULE_BYTES)).isZero();
        long again = recorded.acquire(Zone.GRANULE_BYTES);
        assertThat(RawMemory.getLong(again + 8)).isZero();
        assertThat(recorded.release(again, Zone.GRANULE_BYTES)).isZero();
    }

    @Test
    void everyRefusalLeavesTheSourceAsItWas() {
        int mappings = MappingBudget.used();
        RecordingCalls refusing = new RecordingCalls(LinuxCalls.instance());
        refusing.failFrom("mprotect", 1, Errno.ENOMEM);
        assertThat(new MmapSource(refusing, MmapSource.Pages.DEFAULT).acquire(Zone.GRANULE_BYTES))
                .isEqualTo(-Errno.ENOMEM);
        assertThat(MappingBudget.used()).isEqualTo(mappings);
        PageMap.main().verify();
        long address = source.acquire(Zone.GRANULE_BYTES);
        RecordingCalls calls = new RecordingCalls(LinuxCalls.instance());
        calls.failOnce("mmap", 1, Errno.ENOMEM);
        MmapSource refused = new MmapSource(calls, MmapSource.Pages.DEFAULT);
        assertThat(refused.release(address, Zone.GRANULE_BYTES)).isEqualTo(-Errno.ENOMEM);
        RawMemory.putLong(address, Linux.PROT_READ);
        assertThat(refused.release(address, Zone.GRANULE_BYTES)).isZero();
        assertThat(MappingBudget.used()).isEqualTo(mappings);
    }
}
