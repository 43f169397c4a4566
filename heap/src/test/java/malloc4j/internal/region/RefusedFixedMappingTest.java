package malloc4j.internal.region;

import static org.assertj.core.api.Assertions.assertThat;

import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.Linux;
import malloc4j.internal.os.RecordingCalls;
import malloc4j.internal.os.SystemCalls;
import malloc4j.internal.os.TestKernel;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// A `MAP_FIXED` that the kernel refuses may have removed what was there, and somebody else may have mapped there
/// since.
class RefusedFixedMappingTest {
    private static final long BYTES = 2 * Zone.GRANULE_BYTES;
    private static final SystemCalls LINUX = TestKernel.calls();
    private static final int ANONYMOUS = Linux.MAP_PRIVATE | Linux.MAP_ANONYMOUS;

    /// What is found where the refused mapping was to be.
    private enum Found {
        HOLE,
        FOREIGN,
        FOREIGN_HALF,
        UNCHANGED
    }

    /// Linux that refuses the next `MAP_FIXED`, and leaves behind what it is told to.
    private static SystemCalls refusingOnce(Found found) {
        boolean[] refused = {false};
        return FakeCalls.with("mmap", (arguments, perform) -> {
            int flags = (int) arguments[3];
            if (refused[0] || (flags & Linux.MAP_FIXED) == 0) {
                return perform.getAsLong();
            }
            refused[0] = true;
            long address = (long) arguments[0];
            long byteSize = (long) arguments[1];
            if (found != Found.UNCHANGED) {
                LINUX.munmap(address, byteSize);
            }
            if (found == Found.FOREIGN || found == Found.FOREIGN_HALF) {
                long part = found == Found.FOREIGN ? byteSize : byteSize / 2;
                LINUX.mmap(address, part, Linux.PROT_READ, ANONYMOUS | Linux.MAP_FIXED_NOREPLACE, -1, 0);
            }
            return -Errno.ENOMEM;
        });
    }

    private static FileSource file(SystemCalls calls) {
        return new FileSource(Ground.process().with(calls), (int) FileSource.openMemory(LINUX, "malloc4j-refused"));
    }

    @ParameterizedTest
    @EnumSource(Found.class)
    void addressesThatMayBeSomebodyElsesAreNeverHandedOutAgain(Found found) {
        int mappingsBefore = Ground.process().mappings().used();
        long lostBefore = ChunkMap.main().lostBytes();
        long wanted = probe();
        FileSource source = file(refusingOnce(found));
        assertThat(source.acquire(BYTES)).isEqualTo(-Errno.ENOMEM);
        boolean isLost = found == Found.FOREIGN || found == Found.FOREIGN_HALF;
        assertThat(ChunkMap.main().lostBytes() - lostBefore).isEqualTo(isLost ? BYTES : 0);
        long address = source.acquire(BYTES);
        assertThat(address == wanted).as("the same addresses").isNotEqualTo(isLost);
        RawMemory.putLong(address, 42);
        assertThat(source.release(address, BYTES)).isZero();
        assertThat(source.close()).isZero();
        assertThat(Ground.process().mappings().used()).isEqualTo(mappingsBefore);
        ChunkMap.main().verify();
    }

    @Test
    void whatWasNotTouchedIsUsedAgainEvenIfTheKernelRefusesToSaySo() {
        long wanted = probe();
        RecordingCalls calls = new RecordingCalls(LINUX);
        calls.failFrom("mmap", 1, Errno.ENFILE);
        FileSource source = file(calls);
        assertThat(source.acquire(BYTES)).isEqualTo(-Errno.ENFILE);
        assertThat(probe()).isEqualTo(wanted);
        assertThat(source.close()).isZero();
    }

    @Test
    void anExtentGoesBackWhereAMappingOverItWouldPassTheLimitOfLockedMemory() {
        RecordingCalls calls = new RecordingCalls(LINUX);
        MmapSource source = new MmapSource(Ground.process().with(calls), MmapSource.Pages.DEFAULT);
        long address = source.acquire(BYTES);
        RawMemory.putLong(address, 42);
        calls.failFrom("mmap", 1, Errno.EAGAIN);
        assertThat(source.release(address, BYTES)).isZero();
        assertThat(source.acquire(BYTES)).isEqualTo(address);
        assertThat(RawMemory.getLong(address)).isZero();
        calls.stopFailing();
        assertThat(source.release(address, BYTES)).isZero();
    }

    @Test
    void aFileGoesWhereAMappingOverItWouldPassTheLimitOfLockedMemory() {
        int mappingsBefore = Ground.process().mappings().used();
        long lostBefore = ChunkMap.main().lostBytes();
        RecordingCalls calls = new RecordingCalls(LINUX);
        FileSource source = file(calls);
        long address = source.acquire(BYTES);
        RawMemory.putLong(address, 42);
        calls.failFrom("mmap", 1, Errno.EAGAIN);
        assertThat(source.release(address, BYTES)).isZero();
        assertThat(ChunkMap.main().lostBytes() - lostBefore).isEqualTo(BYTES);
        calls.stopFailing();
        long next = source.acquire(BYTES);
        assertThat(next).isNotEqualTo(address);
        assertThat(RawMemory.getLong(next)).isZero();
        assertThat(source.release(next, BYTES)).isZero();
        assertThat(source.close()).isZero();
        assertThat(Ground.process().mappings().used()).isEqualTo(mappingsBefore);
        ChunkMap.main().verify();
    }

    @ParameterizedTest
    @EnumSource(Found.class)
    void aReleaseThatIsRefusedKeepsTheExtentOrGivesItUpForGood(Found found) {
        for (boolean isFile : new boolean[] {false, true}) {
            boolean[] armed = {false};
            SystemCalls refusing = refusingOnce(found);
            SystemCalls calls = FakeCalls.with(
                    "mmap", (arguments, perform) -> armed[0] ? mmap(refusing, arguments) : perform.getAsLong());
            PageSource source =
                    isFile ? file(calls) : new MmapSource(Ground.process().with(calls), MmapSource.Pages.DEFAULT);
            int mappingsBefore = Ground.process().mappings().used();
            long lostBefore = ChunkMap.main().lostBytes();
            long address = source.acquire(BYTES);
            RawMemory.putLong(address, 42);
            armed[0] = true;
            long result = source.release(address, BYTES);
            boolean isLost = found == Found.FOREIGN || found == Found.FOREIGN_HALF;
            assertThat(ChunkMap.main().lostBytes() - lostBefore).isEqualTo(isLost ? BYTES : 0);
            if (found == Found.UNCHANGED) {
                assertThat(result).as("still the extent it was").isEqualTo(-Errno.ENOMEM);
                RawMemory.putLong(address, 43);
                result = source.release(address, BYTES);
            }
            assertThat(result).isZero();
            assertThat(Ground.process().mappings().used()).isEqualTo(mappingsBefore);
            assertThat(probe() == address).isNotEqualTo(isLost);
            ChunkMap.main().verify();
            assertThat(source.close()).isZero();
        }
    }

    private static long mmap(SystemCalls calls, Object[] arguments) {
        return calls.mmap(
                (long) arguments[0],
                (long) arguments[1],
                (int) arguments[2],
                (int) arguments[3],
                (int) arguments[4],
                (long) arguments[5]);
    }

    /// The lowest free range of the zone.
    private static long probe() {
        MmapSource source = new MmapSource(Ground.process().with(LINUX), MmapSource.Pages.DEFAULT);
        long address = source.acquire(BYTES);
        assertThat(source.release(address, BYTES)).isZero();
        return address;
    }
}
