package malloc4j.faults;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.time.Duration;
import java.util.List;
import malloc4j.BlockMisuseException;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.MemorySource;
import malloc4j.TestHeaps;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.RecordingCalls;
import malloc4j.internal.os.TestKernel;
import malloc4j.linux.MemoryLock;
import malloc4j.linux.SystemCallException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/// Memory that the program has locked goes back to the kernel all the same, and its heap closes.
class LockedMemoryTest {
    private static final long MIB = 1L << 20;

    private static HeapOptions options(MemorySource source) {
        return HeapOptions.builder()
                .name("locked")
                .source(source)
                .brkClaimBytes(4 * MIB)
                .purgeDelay(Duration.ofMillis(-1))
                .build();
    }

    @ParameterizedTest
    @CsvSource({
        "MMAP, true",
        "MMAP, false",
        "BRK, true",
        "BRK, false",
        "HUGE, true",
        "SHARED_MEMORY, true",
        "HUGETLB, true"
    })
    void pagesLockedByAHandleGoBackAndStayLocked(MemorySource source, boolean kernelHasDontneedLocked) {
        RecordingCalls calls = new RecordingCalls(TestKernel.calls());
        if (!kernelHasDontneedLocked) {
            calls.failFrom(text -> text.endsWith("MADV_DONTNEED_LOCKED)"), 1, Errno.EINVAL);
        }
        Heap heap = TestHeaps.create(calls, options(source));
        long address = heap.malloc(3 * MIB);
        RawMemory.fill(address, 3 * MIB, (byte) 1);
        long locked = (address + 8191) & -4096;
        try (MemoryLock lock = MemoryLock.lock(locked, 8_192)) {
            heap.free(address);
            assertThat(heap.trim(0)).isTrue();
            assertThat(heap.statistics().dirtyBytes()).isZero();
            long again = heap.malloc(3 * MIB);
            assertThat(again).isEqualTo(address);
            assertThat(RawMemory.getLong(locked)).as("its page went back").isZero();
            assertThat(Maps.flags(locked)).as("rights of " + lock).contains("lo");
            heap.free(again);
            heap.verify();
        }
        heap.close();
    }

    @ParameterizedTest
    @EnumSource(
            value = MemorySource.class,
            names = {"MMAP", "BRK", "HUGE", "HUGETLB", "SHARED_MEMORY"})
    void aHeapWithLockedPagesCloses(MemorySource source) {
        Heap heap = Heap.create(options(source));
        long small = heap.malloc(100);
        long large = heap.malloc(100_000);
        long huge = heap.malloc(40 * MIB);
        List<MemoryLock> locks = List.of(
                MemoryLock.lock(small, 100), MemoryLock.lock(large, 5_000), MemoryLock.lock(huge + 65_536, 4_096));
        heap.close();
        locks.forEach(LockedMemoryTest::closeGone);
    }

    private static void closeGone(MemoryLock lock) {
        try {
            lock.close();
        } catch (SystemCallException unmapped) {
            assertThat(unmapped.call()).startsWith("munlock(");
        }
    }

    @Test
    void aHugeBlockWithALockedPageIsCopiedWhereTheKernelCannotMoveIt() {
        try (Heap heap = Heap.create(options(MemorySource.MMAP))) {
            for (long byteSize : new long[] {100 * MIB, 41 * MIB, 35 * MIB, MIB, 1_000}) {
                long address = heap.malloc(40 * MIB);
                Patterns.fill(address, MIB, byteSize);
                MemoryLock lock = MemoryLock.lock(address + 65_536, 4_096);
                long moved = heap.realloc(address, byteSize);
                Patterns.check(moved, Math.min(byteSize, MIB), MIB, byteSize);
                closeGone(lock);
                heap.free(moved);
                heap.verify();
            }
            assertThat(heap.statistics().hugeBytes()).isZero();
        }
    }

    @Test
    void aHugeBlockWhoseAddressesTheKernelKeepsIsFreeAllTheSame() {
        RecordingCalls calls = new RecordingCalls(TestKernel.calls());
        Heap heap = TestHeaps.create(calls, options(MemorySource.MMAP));
        long address = heap.malloc(40 * MIB);
        RawMemory.fill(address, 40 * MIB, (byte) 1);
        long residentBefore = Maps.statusBytes("VmRSS");
        calls.failFrom("munmap", 1, Errno.ENOMEM);
        heap.free(address);
        assertThat(Maps.statusBytes("VmRSS")).as("resident").isLessThan(residentBefore - 30 * MIB);
        assertThat(TestHeaps.chargedBytes(heap)).isZero();
        assertThatThrownBy(() -> heap.free(address)).isInstanceOf(BlockMisuseException.class);
        long large = heap.malloc(100 * MIB);
        long moved = heap.realloc(large, 1_000);
        heap.free(moved);
        assertThat(heap.statistics().hugeBytes()).isZero();
        calls.stopFailing();
        heap.close();
        assertThat(MappedRanges.left(calls)).isEmpty();
    }

    @Test
    void whileAllMemoryIsLockedFreedMemoryGoesBackAndHeapsClose() throws Exception {
        assumeTrue(MemoryLock.limits().roomBytes() > 1L << 30, "a limit on locked memory");
        assertThat(ChildJvm.small().run(LockedMemoryChild.class))
                .contains("given back")
                .doesNotContain("not so");
    }
}
