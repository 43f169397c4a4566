package malloc4j.linux;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.OptionalLong;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.internal.os.Linux;
import malloc4j.internal.os.LinuxCalls;
import malloc4j.linux.SharedMemory.Liveness;
import malloc4j.observe.Area;
import malloc4j.observe.AreaKind;
import malloc4j.observe.ExtentSnapshot;
import malloc4j.observe.HeapSnapshot;
import malloc4j.observe.MappedRange;
import malloc4j.observe.MemoryUse;
import malloc4j.observe.MemoryUse.Figure;
import malloc4j.observe.Probe;
import malloc4j.process.AddressSpace;
import malloc4j.process.MemoryLimits;
import malloc4j.process.Reading;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Records that are printed, as in a log or a failed test, are for people: addresses in hexadecimal, modes in octal,
/// sizes in units.
class PrintedRecordsTest {
    @ParameterizedTest
    @ValueSource(strings = {"en-US", "tr-TR", "ar-EG-u-nu-arab", "de-DE"})
    void areasHaveHexadecimalAddressesAndUnits(String language) {
        Locale before = Locale.getDefault();
        Locale.setDefault(Locale.forLanguageTag(language));
        try {
            long[] figures = new long[Figure.count()];
            figures[Figure.RESIDENT.index()] = 3 << 19;
            MemoryUse use = MemoryUse.of(figures);
            MappedRange range = new MappedRange(
                    0x7f0d_c2d8_6000L, 5 << 20, "rw-p", 0x1000, "fe:00", 77, "/a (deleted)", "rd wr", use);
            assertThat(range)
                    .hasToString(
                            "MappedRange[0x7f0dc2d86000-0x7f0dc3286000 rw-p 5 MiB, fileOffset=0x1000, device=fe:00,"
                                    + " inode=77, name=/a (deleted), flags=rd wr, use=MemoryUse[Rss=1.5 MiB], deleted]");
            assertThat(new Area(0x1000, 0x3000, AreaKind.SLAB, "heap", "x", use, range).toString())
                    .startsWith(
                            "Area[0x1000-0x4000 12 KiB, kind=SLAB, owner=heap, detail=x, use=MemoryUse[Rss=1.5 MiB],");
            assertThat(new AddressSpace.Gap(0x1000, 1L << 63)).hasToString("Gap[0x1000-0x8000000000001000 8 EiB]");
            OptionalLong none = OptionalLong.empty();
            assertThat(new AddressSpace.Bases(OptionalLong.of(0xab000), none, none, none, none, none, none))
                    .hasToString("Bases[program=0xab000, breakStart=-, breakEnd=-, mmapTop=-, interpreter=-, vdso=-,"
                            + " stackTop=-]");
        } finally {
            Locale.setDefault(before);
        }
    }

    @Test
    void limitsAndStatisticsHaveUnits() {
        Reading<Long> unlimited = Reading.of(MemoryLimits.UNLIMITED);
        Reading<Long> size = Reading.of(3L << 29);
        Reading<Long> unknown = Reading.unknown("no such file");
        assertThat(new MemoryLimits.ResourceLimit(size, unlimited, Reading.of(0L)))
                .hasToString("ResourceLimit[softBytes=1.5 GiB, hardBytes=unlimited, usedBytes=0 B]");
        assertThat(new MemoryLimits.Overcommit(
                        Reading.of(MemoryLimits.OvercommitMode.NEVER), Reading.of(50L), unknown, size, size))
                .hasToString("Overcommit[mode=NEVER, ratioPercent=50, fixedBytes=unknown: no such file,"
                        + " limitBytes=1.5 GiB, committedBytes=1.5 GiB]");
        assertThat(new MemoryLimits.Machine(size, size, Reading.of(0L), unknown))
                .hasToString("Machine[totalBytes=1.5 GiB, availableBytes=1.5 GiB, swapTotalBytes=0 B,"
                        + " swapFreeBytes=unknown: no such file]");
        assertThat(new MemoryLimits.Level("/a", unlimited, unknown, size, unlimited, size))
                .hasToString("Level[path=/a, limitBytes=unlimited, highBytes=unknown: no such file,"
                        + " usedBytes=1.5 GiB, swapLimitBytes=unlimited, swapUsedBytes=1.5 GiB]");
        assertThat(MemoryLimits.read().toString()).doesNotContain(Long.toString(MemoryLimits.UNLIMITED));
        try (Heap heap = Heap.create(HeapOptions.builder().name("printed").build())) {
            heap.free(heap.malloc(3 << 20));
            assertThat(heap.statistics().toString())
                    .contains("largeBlocks=0, largeBytes=0 B", "reservedBytes=4 MiB", "magazineBytes=");
        }
    }

    @Test
    void snapshotsEventsAndRoomsHaveThemToo() {
        assertThat(new HeapSnapshot.Block(0x7f0d_c2d8_6000L, 5 << 20))
                .hasToString("Block[0x7f0dc2d86000-0x7f0dc3286000 5 MiB]");
        assertThat(new HeapSnapshot.Budget(3 << 19, Long.MAX_VALUE, 64 << 20))
                .hasToString("Budget[usedBytes=1.5 MiB, softBytes=none, hardBytes=64 MiB]");
        assertThat(new HeapSnapshot.Cache(1, "main", 2, 3 << 19))
                .hasToString("Cache[number=1, thread=main, slabs=2, liveBytes=1.5 MiB]");
        assertThat(new HeapSnapshot.Parts(1024, 2048, 16, 1 << 20, 0, 0, 0, 0, 1L << 30))
                .hasToString("Parts[liveBytes=1 KiB, slabFreeBytes=2 KiB, slabTailBytes=16 B, largeBytes=1 MiB,"
                        + " stockedBytes=0 B, dirtyBytes=0 B, freeBytes=0 B, otherBytes=0 B, hugeBytes=1 GiB]");
        assertThat(new ExtentSnapshot.Slab(0xab000, 16, 4096, 7, 3, 0xC000))
                .hasToString("Slab[address=0xab000, blockBytes=16, capacity=4096, liveBlocks=7, cache=3,"
                        + " purgedPages=0xc000]");
        assertThat(new ExtentSnapshot(0x20_0000, 4096, 512, 16, new long[8], new long[8], new long[32], new long[0]))
                .hasToString("ExtentSnapshot[0x200000-0x400000 2 MiB, slabs=0, largeBlocks=0]");
        assertThat(new Probe.Event("cache", 2, Probe.Kind.MAP, 5, 0xab000, 4 << 20, 0))
                .hasToString("Event[heap=cache, heapId=2, kind=MAP, nanoTime=5, address=0xab000, byteSize=4 MiB,"
                        + " detail=0]");
        assertThat(new MemoryLimits.Room("the machine has no more", 3L << 29))
                .hasToString("Room[what=the machine has no more, bytes=1.5 GiB]");
    }

    @Test
    void filesHaveOctalModes(@TempDir Path directory) throws Exception {
        Path file = Files.write(directory.resolve("file"), new byte[3 << 20]);
        Files.setPosixFilePermissions(file, java.nio.file.attribute.PosixFilePermissions.fromString("rw-r-----"));
        assertThat(String.valueOf(FileStatus.of(LinuxCalls.instance(), file.toString(), Linux.AT_SYMLINK_NOFOLLOW)))
                .startsWith("FileStatus[a regular file, mode=0640, uid=")
                .contains("byteSize=3145728 (3 MiB)");
        assertThat(new SharedMemory.Status(
                                "/a", 4096, 0, 0600, 7, java.time.Instant.EPOCH, Liveness.STALE, OptionalLong.empty())
                        .toString())
                .isEqualTo("Status[name=/a, byteSize=4096 (4 KiB), allocatedBytes=0 (0 B), mode=0600, uid=7,"
                        + " created=1970-01-01T00:00:00Z, liveness=STALE, creatorPid=-]");
        assertThat(SharedMemoryOptions.builder().mode(0640).build())
                .hasToString("SharedMemoryOptions[mode=0640, reserve=true, persistent=false, hugePageBytes=0 B,"
                        + " contents=null]");
    }
}
