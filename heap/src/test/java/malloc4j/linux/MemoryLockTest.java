package malloc4j.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import malloc4j.faults.ChildJvm;
import malloc4j.faults.MappingCeiling;
import malloc4j.faults.Maps;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.Linux;
import malloc4j.internal.os.LinuxCalls;
import malloc4j.internal.os.RecordingCalls;
import malloc4j.internal.region.Ground;
import malloc4j.internal.region.Residency;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class MemoryLockTest {
    private static final int PAGES = 16;

    private final LinuxCalls os = LinuxCalls.instance();
    private final long page = os.sysconf(Linux._SC_PAGESIZE);
    private final RecordingCalls calls = new RecordingCalls(os);
    private long base;

    @BeforeEach
    void map() {
        int flags = Linux.MAP_PRIVATE | Linux.MAP_ANONYMOUS;
        base = os.mmap(0, PAGES * page, Linux.PROT_READ | Linux.PROT_WRITE, flags, -1, 0);
        assertThat(base).isPositive();
    }

    @AfterEach
    void unmap() {
        assertThat(os.munmap(base, PAGES * page)).isZero();
        assertThat(MemoryLock.verify()).as("handles left").isZero();
    }

    private boolean isLocked(int pageIndex) {
        return Maps.flags(base + pageIndex * page).contains("lo");
    }

    @Test
    void lockingMakesWholePagesResidentUntilItIsClosed() {
        try (MemoryLock lock = MemoryLock.lock(base + page + 100, page)) {
            assertThat(lock.address()).isEqualTo(base + page);
            assertThat(lock.byteSize()).isEqualTo(2 * page);
            assertThat(lock.isOnFault()).isFalse();
            assertThat(lock)
                    .hasToString(
                            "MemoryLock[address=0x" + Long.toHexString(base + page) + ", byteSize=" + 2 * page + "]");
            assertThat(List.of(isLocked(0), isLocked(1), isLocked(2), isLocked(3)))
                    .containsExactly(false, true, true, false);
            assertThat(Residency.residentBytes(os, base, PAGES * page)).isEqualTo(2 * page);
        }
        assertThat(isLocked(1)).isFalse();
    }

    @Test
    void lockingOnFaultMakesNothingResident() {
        try (MemoryLock lock = MemoryLock.lockOnFault(base, PAGES * page)) {
            assertThat(lock.isOnFault()).isTrue();
            assertThat(lock.toString()).endsWith(", on fault]");
            assertThat(isLocked(0)).isTrue();
            assertThat(Residency.residentBytes(os, base, PAGES * page)).isZero();
        }
        assertThat(isLocked(0)).isFalse();
    }

    @Test
    void aSegmentIsLockedWithThePagesItLiesIn() {
        try (Arena arena = Arena.ofShared()) {
            MemorySegment segment = arena.allocate(3 * page, page);
            try (MemoryLock lock = MemoryLock.lock(segment);
                    MemoryLock again = MemoryLock.lockOnFault(segment.asSlice(10, 1))) {
                assertThat(lock.byteSize()).isEqualTo(3 * page);
                assertThat(again.byteSize()).isEqualTo(page);
                assertThat(Maps.flags(segment.address())).contains("lo");
            }
            assertThat(Maps.flags(segment.address())).doesNotContain("lo");
        }
    }

    @Test
    void theMemoryOfAnAutomaticArenaLivesAsLongAsItsLock() {
        MemoryLock lock = MemoryLock.lock(Arena.ofAuto().allocate(page, page));
        System.gc();
        assertThat(Maps.flags(lock.address())).contains("lo");
        lock.close();
    }

    @Test
    void whatCannotBeLockedIsRefusedByName() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> MemoryLock.lock(MemorySegment.ofArray(new byte[10])))
                .withMessageContaining("Java heap");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> MemoryLock.lock(base, 0))
                .withMessageContaining("byteSize=0");
        assertThatIllegalArgumentException().isThrownBy(() -> MemoryLock.lock(base, -1));
        assertThatIllegalArgumentException().isThrownBy(() -> MemoryLock.lock(0, 1));
        assertThatIllegalArgumentException().isThrownBy(() -> MemoryLock.lock(-page, 1));
        assertThatIllegalArgumentException().isThrownBy(() -> MemoryLock.lock(base, Long.MAX_VALUE));
        assertThatIllegalArgumentException().isThrownBy(() -> MemoryLock.lock(Long.MAX_VALUE, 1));
        MemorySegment dead;
        try (Arena arena = Arena.ofShared()) {
            dead = arena.allocate(1);
        }
        assertThatIllegalStateException().isThrownBy(() -> MemoryLock.lock(dead));
        assertThatIllegalArgumentException().isThrownBy(() -> MemoryLock.lockAll(MemoryLock.LockAll.ON_FAULT));
    }

    @Test
    void closingTwiceUnlocksOnce() {
        MemoryLock first = MemoryLock.lock(calls, base, page, false, "");
        first.close();
        try (MemoryLock second = MemoryLock.lock(calls, base, page, false, "")) {
            first.close();
            assertThat(Maps.flags(second.address())).contains("lo");
            assertThat(calls.count("munlock")).isOne();
        }
        assertThat(isLocked(0)).isFalse();
    }

    @Test
    void pagesThatAnotherHandleHoldsStayLocked() {
        MemoryLock first = MemoryLock.lock(calls, base, 4 * page, false, "");
        MemoryLock second = MemoryLock.lock(calls, base + 2 * page, 4 * page, true, "");
        first.close();
        assertThat(List.of(isLocked(0), isLocked(1), isLocked(2), isLocked(5)))
                .containsExactly(false, false, true, true);
        second.close();
        assertThat(List.of(isLocked(2), isLocked(5))).containsExactly(false, false);
        assertThat(calls.calls("munlock"))
                .containsExactly(
                        "munlock(0x" + Long.toHexString(base) + ", " + 2 * page + ")",
                        "munlock(0x" + Long.toHexString(base + 2 * page) + ", " + 4 * page + ")");
    }

    @Test
    void randomHandlesLockExactlyWhatTheyHold() {
        Random random = new Random(3);
        List<MemoryLock> held = new ArrayList<>();
        for (int step = 0; step < 80; step++) {
            if (held.isEmpty() || (held.size() < 6 && random.nextBoolean())) {
                int first = random.nextInt(PAGES);
                int count = 1 + random.nextInt(PAGES - first);
                held.add(MemoryLock.lock(calls, base + first * page, count * page, random.nextBoolean(), ""));
            } else {
                held.remove(random.nextInt(held.size())).close();
            }
            assertThat(MemoryLock.verify()).isEqualTo(held.size());
            for (int probe = 0; probe < 3; probe++) {
                int index = random.nextInt(PAGES);
                long address = base + index * page;
                boolean expected = held.stream()
                        .anyMatch(lock -> lock.address() <= address && address < lock.address() + lock.byteSize());
                assertThat(isLocked(index)).as("step %d, page %d", step, index).isEqualTo(expected);
            }
        }
        held.forEach(MemoryLock::close);
    }

    @Test
    void threadsThatLockTheSamePagesNeverUnlockEachOthers() throws Exception {
        MemoryLock kept = MemoryLock.lock(base, page);
        try (ExecutorService threads = Executors.newFixedThreadPool(3)) {
            List<Future<?>> workers = new ArrayList<>();
            for (int count = 0; count < 3; count++) {
                workers.add(threads.submit(() -> {
                    for (int round = 0; round < 5_000; round++) {
                        try (MemoryLock lock = MemoryLock.lock(base, 3 * page)) {
                            assertThat(lock.byteSize()).isEqualTo(3 * page);
                        }
                    }
                }));
            }
            while (!workers.stream().allMatch(Future::isDone)) {
                assertThat(isLocked(0)).isTrue();
            }
            for (Future<?> worker : workers) {
                worker.get();
            }
        }
        assertThat(List.of(isLocked(0), isLocked(1))).containsExactly(true, false);
        kept.close();
    }

    @Test
    void aLockThatIsRefusedHalfWayLocksNothing() {
        assertThat(os.munmap(base + 3 * page, page)).isZero();
        assertThatThrownBy(() -> MemoryLock.lock(base, 6 * page))
                .isInstanceOfSatisfying(SystemCallException.class, refused -> {
                    assertThat(refused.errnoName()).isEqualTo("ENOMEM");
                    assertThat(refused.call()).startsWith("mlock(address=0x" + Long.toHexString(base));
                    assertThat(refused.getMessage()).contains("byteSize=" + 6 * page, "not mapped");
                });
        assertThat(List.of(isLocked(0), isLocked(2))).containsExactly(false, false);
    }

    @Test
    void eachRefusedCallIsReportedAndLeavesNoHandle() {
        for (String name : List.of("sysconf", "mlock", "mlock2")) {
            calls.failOnce(name, 1, Errno.EAGAIN);
            boolean onFault = name.equals("mlock2");
            assertThatThrownBy(() -> MemoryLock.lock(calls, base, page, onFault, ""))
                    .isInstanceOf(SystemCallException.class)
                    .hasMessageContaining(name + "(")
                    .hasMessageContaining("EAGAIN");
            assertThat(MemoryLock.verify()).isZero();
        }
        calls.failOnce("mlock2", 1, Errno.ENOSYS);
        assertThatThrownBy(() -> MemoryLock.lock(calls, base, page, true, "")).hasMessageContaining("needs Linux 4.4");
        calls.failOnce("mlock", 1, Errno.ENOMEM);
        calls.failOnce("prlimit", 1, Errno.EPERM);
        assertThatThrownBy(() -> MemoryLock.lock(calls, base, page, false, ""))
                .hasMessageContaining("the limits cannot be read (prlimit(RLIMIT_MEMLOCK) failed: EPERM");
        calls.failOnce("munlock", 1, Errno.ENOMEM);
        MemoryLock lock = MemoryLock.lock(calls, base, page, false, "");
        assertThatThrownBy(lock::close)
                .isInstanceOf(SystemCallException.class)
                .hasMessageContaining("munlock(address=0x" + Long.toHexString(base));
        lock.close();
        for (String name : List.of("mlockall", "munlockall")) {
            calls.failOnce(name, 1, Errno.EPERM);
        }
        assertThatThrownBy(() -> MemoryLock.lockAll(calls, EnumSet.of(MemoryLock.LockAll.CURRENT)))
                .hasMessageStartingWith("mlockall(MCL_CURRENT) failed: EPERM")
                .hasMessageContaining("RLIMIT_MEMLOCK is ");
        assertThatThrownBy(() -> MemoryLock.unlockAll(calls)).hasMessageStartingWith("munlockall() failed: EPERM");
    }

    @Test
    void endsOfLockedRangesCountAsMappings() {
        int before = Ground.process().mappings().used();
        try (MemoryLock first = MemoryLock.lockOnFault(base, page)) {
            assertThat(Ground.process().mappings().used()).isEqualTo(before + 2);
            try (MappingCeiling ceiling = new MappingCeiling(1)) {
                assertThatThrownBy(() -> MemoryLock.lockOnFault(base + 2 * page, page))
                        .isInstanceOf(SystemCallException.class)
                        .hasMessageStartingWith("mlock2(address=0x" + Long.toHexString(base + 2 * page))
                        .hasMessageContaining("ENOMEM")
                        .hasMessageContaining("a quarter of vm.max_map_count");
                assertThat(isLocked(2)).isFalse();
                assertThat(MemoryLock.verify()).isEqualTo(1);
                MemoryLock beside = MemoryLock.lockOnFault(base + page, 3 * page); // only moves an end
                MemoryLock again = MemoryLock.lockOnFault(base + page, 3 * page); // more holders than beside it
                assertThat(Ground.process().mappings().used())
                        .isEqualTo(Ground.process().mappings().limit());
                again.close();
                beside.close();
                assertThat(first.byteSize()).isEqualTo(page);
                assertThat(ceiling).isNotNull();
            }
            assertThat(Ground.process().mappings().used()).isEqualTo(before + 2);
        }
        assertThat(Ground.process().mappings().used()).isEqualTo(before);
    }

    @Test
    void memoryThatWentBeforeItsLockIsReported() {
        MemoryLock lock = MemoryLock.lock(base, page);
        assertThat(os.munmap(base, page)).isZero();
        assertThatThrownBy(lock::close).hasMessageContaining("close a lock before its memory");
        lock.close();
    }

    @Test
    void limitsAreThoseOfTheProcess() throws Exception {
        MemoryLock.Limits before = MemoryLock.limits();
        assertThat(Files.readString(Path.of("/proc/self/limits")))
                .containsPattern("Max locked memory +"
                        + (before.softBytes() == Long.MAX_VALUE ? "unlimited" : before.softBytes()));
        try (MemoryLock lock = MemoryLock.lock(base, 5 * page)) {
            assertThat(MemoryLock.limits().lockedBytes()).isEqualTo(before.lockedBytes() + lock.byteSize());
        }
        assertThat(new MemoryLock.Limits(100, Long.MAX_VALUE, 40, false))
                .hasToString("RLIMIT_MEMLOCK is 100 bytes (hard: no limit), 40 bytes are locked, "
                        + "CAP_IPC_LOCK is not held")
                .extracting(MemoryLock.Limits::roomBytes)
                .isEqualTo(60L);
        assertThat(new MemoryLock.Limits(100, 100, 400, false).roomBytes()).isZero();
        assertThat(new MemoryLock.Limits(100, 100, 40, true).roomBytes()).isEqualTo(Long.MAX_VALUE);
    }

    @Test
    void theKernelRefusesWhatIsBeyondTheLimit() throws Exception {
        assertThat(Unprivileged.childJvm().run(LockChild.class, "limit")).endsWith("done\n");
    }

    @Test
    void aProcessThatMayLockNothingIsToldSo() throws Exception {
        assertThat(Unprivileged.childJvm().run(LockChild.class, "no limit at all"))
                .endsWith("done\n");
    }

    @Test
    void unlockAllKeepsWhatHandlesHold() throws Exception {
        String output = ChildJvm.small().run(LockChild.class, "all");
        assumeFalse(output.contains("skipped"), output);
        assertThat(output).endsWith("done\n");
    }
}
