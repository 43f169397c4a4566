package malloc4j.linux;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.faults.Maps;
import malloc4j.internal.region.Ground;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/// Anonymous mappings: their options, their segments' life and death, protection, residency, the limit.
class MappingTest {
    private static final long PAGE = Mapping.systemPageByteSize();
    private static final long MIB = 1L << 20;

    // Options

    @Test
    void memoryIsZeroWritableAndExactlyAsLargeAsAsked() {
        try (Mapping mapping = Mapping.anonymous(5_000).map()) {
            MemorySegment memory = mapping.segment();
            assertThat(memory.byteSize()).isEqualTo(5_000).isEqualTo(mapping.byteSize());
            assertThat(memory.address()).isEqualTo(mapping.address());
            assertThat(memory.toArray(JAVA_BYTE)).containsOnly(0);
            memory.set(JAVA_BYTE, 4_999, (byte) 7);
            assertThatThrownBy(() -> memory.get(JAVA_BYTE, 5_000)).isInstanceOf(IndexOutOfBoundsException.class);
            assertThat(Maps.at(mapping.address()).permissions()).isEqualTo("rw-p");
            assertThat(mapping.protection()).isEqualTo(Protection.READ_WRITE);
            assertThat(mapping.pageByteSize()).isEqualTo(PAGE);
            assertThat(mapping)
                    .hasToString("Mapping[anonymous memory, address=0x" + Long.toHexString(mapping.address())
                            + ", byteSize=5000 (4.9 KiB)]");
            mapping.verify();
        }
    }

    @Test
    void sharedMemoryIsShared() {
        try (Mapping mapping = Mapping.anonymous(PAGE).shared().map()) {
            assertThat(Maps.at(mapping.address()).permissions()).isEqualTo("rw-s");
        }
    }

    @Test
    void populatedMemoryIsResidentAndOtherIsNot() {
        try (Mapping populated = Mapping.anonymous(MIB).populate().map();
                Mapping readOnly = Mapping.anonymous(MIB)
                        .protection(Protection.READ)
                        .transparentHugePages(false)
                        .populate()
                        .map();
                Mapping huge = Mapping.anonymous(4 * MIB)
                        .transparentHugePages(true)
                        .populate()
                        .map();
                Mapping lazy = Mapping.anonymous(MIB).map()) {
            assertThat(populated.residentBytes()).isEqualTo(MIB);
            assertThat(readOnly.residentBytes()).isEqualTo(MIB);
            assertThat(huge.residentBytes()).isEqualTo(4 * MIB);
            assertThat(lazy.residentBytes()).isZero();
        }
    }

    @Test
    void populatingComesAfterTheAdviceAboutHugePages() throws IOException {
        assumeTrue(
                !Files.readString(Path.of("/sys/kernel/mm/transparent_hugepage/enabled"))
                        .contains("[never]"),
                "this kernel gives no transparent huge pages");
        try (Mapping mapping = Mapping.anonymous(16 * MIB)
                .transparentHugePages(true)
                .populate()
                .map()) {
            assertThat(Maps.flags(mapping.address())).contains("hg");
            assertThat(Maps.smapsBytes(mapping.address(), "AnonHugePages")).isPositive();
        }
    }

    @Test
    void noReserveAndStackAndHugePageAdviceReachTheKernel() {
        try (Mapping noReserve = Mapping.anonymous(1L << 40).noReserve().map();
                Mapping none =
                        Mapping.anonymous(MIB).transparentHugePages(false).map()) {
            assertThat(Maps.flags(noReserve.address())).contains("nr");
            noReserve.segment().set(JAVA_LONG, 1L << 39, 42);
            assertThat(noReserve.residentBytes(1L << 39, 1)).isEqualTo(PAGE);
            assertThat(Maps.flags(none.address())).contains("nh");
        }
    }

    @Test
    void aStackCostsWhatIsTouched() {
        try (Mapping stack = Mapping.anonymous(64 * MIB).stack().noReserve().map()) {
            stack.segment().set(JAVA_BYTE, 64 * MIB - 1, (byte) 1);
            assertThat(stack.residentBytes()).isEqualTo(PAGE);
        }
    }

    @Test
    void aFixedAddressIsTakenAndNeverReplacesAnything() {
        Mapping first = Mapping.anonymous(4 * PAGE).map();
        long address = first.address();
        assertThatThrownBy(() -> Mapping.anonymous(PAGE).at(address + PAGE).map())
                .isInstanceOf(SystemCallException.class)
                .hasMessageContaining("address=0x" + Long.toHexString(address + PAGE))
                .hasMessageContaining("MAP_FIXED_NOREPLACE")
                .hasMessageContaining("EEXIST")
                .hasMessageContaining("choose another address");
        first.segment().set(JAVA_LONG, PAGE, 42);
        first.close();
        try (Mapping second = Mapping.anonymous(4 * PAGE).at(address).map()) {
            assertThat(second.address()).isEqualTo(address);
            assertThat(second.segment().get(JAVA_LONG, PAGE)).isZero();
        }
    }

    @Test
    void hugePagesComeFromThePoolOrAreRefusedWithWhatToDo() throws IOException {
        long free = Long.parseLong(Files.readString(Path.of("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages"))
                .strip());
        if (free < 2) {
            assertThatThrownBy(() -> Mapping.anonymous((free + 1) * 2 * MIB)
                            .hugePages(2 * MIB)
                            .map())
                    .isInstanceOf(SystemCallException.class)
                    .hasMessageContaining("MAP_HUGETLB of 2097152 bytes")
                    .hasMessageContaining("ENOMEM")
                    .hasMessageContaining("nr_hugepages");
            return;
        }
        try (Mapping mapping = Mapping.anonymous(3 * MIB).hugePages(2 * MIB).map()) {
            assertThat(mapping.pageByteSize()).isEqualTo(2 * MIB);
            assertThat(mapping.segment().byteSize()).isEqualTo(3 * MIB);
            mapping.segment().fill((byte) 1);
            assertThat(mapping.residentBytes()).isEqualTo(3 * MIB);
            assertThat(Maps.smapsBytes(mapping.address(), "KernelPageSize")).isEqualTo(2 * MIB);
            assertThatIllegalArgumentException().isThrownBy(() -> mapping.protect(Protection.READ, 0, PAGE));
            mapping.protect(Protection.READ, 2 * MIB, MIB);
            mapping.protect(Protection.READ_WRITE);
            assertThatThrownBy(() -> mapping.resize(5 * MIB))
                    .isInstanceOf(SystemCallException.class)
                    .hasMessageContaining("cannot grow");
            mapping.resize(MIB);
            mapping.verify();
        }
        assertThatThrownBy(() -> Mapping.anonymous(MIB).hugePages(8 * MIB).map())
                .isInstanceOf(SystemCallException.class)
                .hasMessageContaining("EINVAL")
                .hasMessageContaining("no huge pages of that size");
    }

    @Test
    void aSizeThatNoProcessHasIsRefusedAsThat() {
        try (Mapping mapping = Mapping.anonymous(MIB).map()) {
            assertThatThrownBy(() -> mapping.resize(1L << 55))
                    .isInstanceOf(SystemCallException.class)
                    .hasMessageNotContaining("cannot grow")
                    .hasMessageContaining("ask for less");
            assertThat(mapping.byteSize()).isEqualTo(MIB);
            mapping.verify();
        }
    }

    @Test
    void badOptionsAreRefusedNamingValueUnitAndRange() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Mapping.anonymous(0))
                .withMessage("byteSize=0 is not from 1 to 72057594037927936 bytes");
        for (long byteSize : new long[] {-1, Long.MIN_VALUE, Mapping.MAX_BYTE_SIZE + 1, Long.MAX_VALUE}) {
            assertThatIllegalArgumentException().isThrownBy(() -> Mapping.anonymous(byteSize));
        }
        for (long address : new long[] {0, 1, -PAGE, PAGE + 1, Long.MIN_VALUE}) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> Mapping.anonymous(1).at(address));
        }
        for (long pageByteSize : new long[] {0, -1, Long.MIN_VALUE, PAGE, 3 * MIB}) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> Mapping.anonymous(1).hugePages(pageByteSize));
        }
        List<AnonymousMappingBuilder> contradictions = List.of(
                Mapping.anonymous(1).hugePages(2 * MIB).transparentHugePages(true),
                Mapping.anonymous(1).hugePages(2 * MIB).stack(),
                Mapping.anonymous(1).transparentHugePages(true).stack());
        contradictions.forEach(builder -> assertThatIllegalArgumentException().isThrownBy(builder::map));
        assertThatThrownBy(() -> Mapping.anonymous(Mapping.MAX_BYTE_SIZE).map())
                .isInstanceOf(SystemCallException.class)
                .hasMessageContaining("ENOMEM");
    }

    @Test
    void aBuilderMakesSeveralMappings() {
        AnonymousMappingBuilder builder = Mapping.anonymous(PAGE);
        try (Mapping one = builder.map();
                Mapping other = builder.map()) {
            assertThat(one.address()).isNotEqualTo(other.address());
        }
    }

    // Life and death

    @Test
    void everyUseAfterCloseThrowsAndClosingTwiceIsHarmless() {
        Mapping mapping = Mapping.anonymous(2 * PAGE).map();
        MemorySegment whole = mapping.segment();
        MemorySegment part = mapping.segment(PAGE, PAGE);
        long address = mapping.address();
        int counted = Ground.process().mappings().used();
        mapping.close();
        assertThat(Ground.process().mappings().used()).isEqualTo(counted - 2);
        mapping.close();
        assertThat(Ground.process().mappings().used()).isEqualTo(counted - 2);
        assertThat(Maps.isMapped(address)).isFalse();
        List<Consumer<Mapping>> uses = List.of(
                Mapping::segment,
                closed -> closed.segment(0, 1),
                Mapping::address,
                closed -> closed.protect(Protection.NONE),
                closed -> closed.advise(MemoryAdvice.WILLNEED),
                closed -> closed.advise(MemoryAdvice.DONTDUMP, 0, PAGE),
                Mapping::flush,
                closed -> closed.flushAsync(0, 1),
                Mapping::residentBytes,
                Mapping::residentPages,
                closed -> closed.resize(PAGE),
                closed -> closed.resizeInPlace(PAGE),
                closed -> closed.resizeWithFile(PAGE),
                closed -> whole.get(JAVA_BYTE, 0),
                closed -> part.set(JAVA_BYTE, 0, (byte) 0));
        uses.forEach(use -> assertThatIllegalStateException().isThrownBy(() -> use.accept(mapping)));
        assertThat(mapping).hasToString("Mapping[anonymous memory, closed]");
        mapping.verify();
    }

    @Test
    void closingWhileAnotherThreadReadsEndsItWithAnException() throws Exception {
        for (int round = 0; round < 50; round++) {
            Mapping mapping = Mapping.anonymous(PAGE).map();
            MemorySegment memory = mapping.segment();
            CountDownLatch reads = new CountDownLatch(1);
            CompletableFuture<Long> reader = CompletableFuture.supplyAsync(() -> {
                long sum = 0;
                while (true) {
                    sum += memory.get(JAVA_LONG, 8);
                    reads.countDown();
                }
            });
            assertThat(reads.await(10, TimeUnit.SECONDS)).isTrue();
            mapping.close();
            assertThatThrownBy(() -> reader.get(10, TimeUnit.SECONDS)).hasCauseInstanceOf(IllegalStateException.class);
        }
    }

    @Test
    void whileNativeCodeUsesASegmentNothingThatKillsItHappens() throws Exception {
        MethodHandle poll = poll();
        try (Mapping mapping = Mapping.anonymous(PAGE).map()) {
            MemorySegment memory = mapping.segment();
            CountDownLatch begun = new CountDownLatch(1);
            CompletableFuture<Integer> call = CompletableFuture.supplyAsync(() -> {
                begun.countDown();
                try {
                    return (int) poll.invokeExact(memory, 0, 3_000); // sleeps 3 s
                } catch (Throwable impossible) {
                    throw new AssertionError(impossible);
                }
            });
            assertThat(begun.await(10, TimeUnit.SECONDS)).isTrue();
            Thread.sleep(500);
            List<Runnable> changes = List.of(
                    mapping::close,
                    () -> mapping.protect(Protection.READ),
                    () -> mapping.advise(MemoryAdvice.GUARD_INSTALL),
                    () -> mapping.resize(2 * PAGE));
            for (Runnable change : changes) {
                assertThatIllegalStateException()
                        .isThrownBy(change::run)
                        .withMessageContaining("native code or an I/O operation is using a segment");
                mapping.verify();
            }
            memory.set(JAVA_LONG, 0, 1);
            assertThat(mapping.segment()).isSameAs(memory);
            assertThat(call.get(10, TimeUnit.SECONDS)).isZero();
            mapping.protect(Protection.READ);
        }
    }

    /// `int poll(struct pollfd *, nfds_t, int milliseconds)`: with no descriptors it sleeps.
    @SuppressWarnings("restricted")
    private static MethodHandle poll() {
        Linker linker = Linker.nativeLinker();
        return linker.downcallHandle(
                linker.defaultLookup().findOrThrow("poll"),
                FunctionDescriptor.of(JAVA_INT, ValueLayout.ADDRESS, JAVA_INT, JAVA_INT));
    }

    // Protection

    /// For each pair of protections: what lives on, what is refused, what the kernel has.
    @TestFactory
    List<DynamicTest> everyChangeOfProtection() {
        List<DynamicTest> tests = new ArrayList<>();
        for (Protection from : Protection.values()) {
            for (Protection to : Protection.values()) {
                tests.add(DynamicTest.dynamicTest(from + " to " + to, () -> changeProtection(from, to)));
            }
        }
        return tests;
    }

    private static void changeProtection(Protection from, Protection to) {
        try (Mapping mapping = Mapping.anonymous(4 * PAGE).protection(from).map()) {
            assertThat(Maps.at(mapping.address()).permissions()).isEqualTo(permissions(from));
            MemorySegment before = from.isReadable() ? mapping.segment() : MemorySegment.NULL;
            mapping.protect(to);
            mapping.verify();
            assertThat(mapping.protection()).isEqualTo(to);
            assertThat(Maps.at(mapping.address()).permissions()).isEqualTo(permissions(to));
            boolean loses = (from.isReadable() && !to.isReadable()) || (from.isWritable() && !to.isWritable());
            if (from.isReadable()) {
                assertThat(before.scope().isAlive()).isEqualTo(!loses);
            }
            if (loses) {
                assertThatIllegalStateException().isThrownBy(() -> before.get(JAVA_BYTE, 0));
            }
            if (!to.isReadable()) {
                assertThatIllegalStateException()
                        .isThrownBy(mapping::segment)
                        .withMessageContaining("bytes 0 to " + 4 * PAGE + " are " + to + " and cannot be read");
                return;
            }
            MemorySegment after = mapping.segment();
            assertThat(after.get(JAVA_BYTE, 3 * PAGE)).isZero();
            assertThat(after.isReadOnly()).isEqualTo(!to.isWritable());
            if (to.isWritable()) {
                after.set(JAVA_BYTE, 3 * PAGE, (byte) 1);
            } else {
                assertThatThrownBy(() -> after.set(JAVA_BYTE, 0, (byte) 1))
                        .isInstanceOf(IllegalArgumentException.class);
            }
        }
    }

    private static String permissions(Protection protection) {
        int bits = protection.bits();
        return ((bits & 1) != 0 ? "r" : "-") + ((bits & 2) != 0 ? "w" : "-") + ((bits & 4) != 0 ? "x" : "-") + "p";
    }

    @Test
    void oneProtectedPageDecidesForTheWholeButNotForOtherParts() {
        try (Mapping mapping = Mapping.anonymous(4 * PAGE).map()) {
            mapping.segment().fill((byte) 5);
            mapping.protect(Protection.NONE, PAGE, PAGE);
            assertThatIllegalStateException()
                    .isThrownBy(mapping::segment)
                    .withMessageContaining("bytes " + PAGE + " to " + 2 * PAGE + " are NONE");
            assertThatIllegalStateException().isThrownBy(() -> mapping.segment(PAGE - 1, 2));
            assertThat(mapping.segment(PAGE, 0).byteSize()).isZero();
            assertThat(mapping.segment(0, PAGE).get(JAVA_BYTE, 9)).isEqualTo((byte) 5);
            mapping.segment(2 * PAGE, 2 * PAGE).set(JAVA_BYTE, 0, (byte) 6);
            mapping.protect(Protection.READ, PAGE, PAGE);
            assertThat(mapping.segment().isReadOnly()).isTrue();
            assertThat(mapping.segment().get(JAVA_BYTE, PAGE)).isEqualTo((byte) 5);
            assertThat(mapping.segment(PAGE, 3 * PAGE).isReadOnly()).isTrue();
            assertThat(mapping.segment(2 * PAGE, PAGE).isReadOnly()).isFalse();
            assertThat(mapping.protection()).isEqualTo(Protection.READ);
            mapping.verify();
        }
    }

    @Test
    void theKernelRefusesWhatTheProtectionRefuses() throws IOException {
        Path file = Files.createTempFile("protection", ".bin");
        try (Mapping mapping = Mapping.anonymous(2 * PAGE).map();
                Transfer transfer = Transfer.of(file)) {
            long address = mapping.address();
            assertThat(transfer.write(address, PAGE)).isEqualTo(PAGE);
            assertThat(transfer.read(address, PAGE)).isEqualTo(PAGE);
            mapping.protect(Protection.READ);
            assertThat(transfer.write(address, PAGE)).isEqualTo(PAGE);
            assertThatThrownBy(() -> transfer.read(address, PAGE)).hasMessageContaining("Bad address");
            mapping.protect(Protection.NONE);
            assertThatThrownBy(() -> transfer.write(address, PAGE)).hasMessageContaining("Bad address");
            mapping.protect(Protection.READ_WRITE);
            mapping.advise(MemoryAdvice.GUARD_INSTALL, PAGE, PAGE);
            assertThat(transfer.write(address, PAGE)).isEqualTo(PAGE);
            assertThatThrownBy(() -> transfer.write(address + PAGE, PAGE)).hasMessageContaining("Bad address");
            mapping.advise(MemoryAdvice.GUARD_REMOVE);
            assertThat(transfer.write(address + PAGE, PAGE)).isEqualTo(PAGE);
        } finally {
            Files.delete(file);
        }
    }

    @Test
    void rangesThatAreNotWholePagesOrNotInsideAreRefused() {
        try (Mapping mapping = Mapping.anonymous(4 * PAGE + 100).map()) {
            long[][] outside = {
                {-1, 1},
                {0, -1},
                {0, 4 * PAGE + 101},
                {4 * PAGE + 101, 0},
                {Long.MAX_VALUE, 1},
                {1, Long.MAX_VALUE},
                {Long.MIN_VALUE, Long.MIN_VALUE}
            };
            for (long[] range : outside) {
                List<Runnable> uses = List.of(
                        () -> mapping.segment(range[0], range[1]),
                        () -> mapping.protect(Protection.NONE, range[0], range[1]),
                        () -> mapping.advise(MemoryAdvice.WILLNEED, range[0], range[1]),
                        () -> mapping.flush(range[0], range[1]),
                        () -> mapping.residentBytes(range[0], range[1]),
                        () -> mapping.residentPages(range[0], range[1]));
                uses.forEach(use -> assertThatIllegalArgumentException()
                        .isThrownBy(use::run)
                        .withMessageContaining("is not inside the " + (4 * PAGE + 100) + " bytes"));
            }
            for (long[] range : new long[][] {{1, PAGE - 1}, {0, PAGE + 1}, {PAGE, 1}, {PAGE + 1, PAGE}}) {
                assertThatIllegalArgumentException()
                        .isThrownBy(() -> mapping.protect(Protection.READ, range[0], range[1]))
                        .withMessageContaining("is not made of whole pages of " + PAGE + " bytes");
                assertThatIllegalArgumentException()
                        .isThrownBy(() -> mapping.advise(MemoryAdvice.DONTNEED, range[0], range[1]));
                assertThatIllegalArgumentException()
                        .isThrownBy(() -> mapping.advise(MemoryAdvice.GUARD_REMOVE, range[0], range[1]));
                mapping.advise(MemoryAdvice.WILLNEED, range[0], range[1]);
            }
            mapping.protect(Protection.READ, 4 * PAGE, 100); // up to the end of the mapping
            mapping.protect(Protection.NONE, PAGE, 0); // nothing
            assertThat(mapping.segment().isReadOnly()).isTrue();
            mapping.verify();
        }
    }

    // Guards

    @Test
    void aGuardIsAPieceWithoutSegmentsAndWithoutAMappingOfItsOwn() {
        try (Mapping mapping = Mapping.anonymous(5 * PAGE).map()) {
            MemorySegment before = mapping.segment();
            before.fill((byte) 3);
            int counted = Ground.process().mappings().used();
            mapping.advise(MemoryAdvice.GUARD_INSTALL, 0, PAGE);
            mapping.advise(MemoryAdvice.GUARD_INSTALL, 4 * PAGE, PAGE);
            assertThat(Ground.process().mappings().used()).isEqualTo(counted);
            Maps.Mapping kernels = Maps.at(mapping.address());
            assertThat(kernels.contains(mapping.address() + 5 * PAGE - 1)).isTrue();
            assertThatIllegalStateException().isThrownBy(() -> before.get(JAVA_BYTE, PAGE));
            assertThatIllegalStateException()
                    .isThrownBy(mapping::segment)
                    .withMessageContaining("bytes 0 to " + PAGE + " are a guard");
            MemorySegment between = mapping.segment(PAGE, 3 * PAGE);
            assertThat(between.get(JAVA_BYTE, 0)).isEqualTo((byte) 3);
            assertThat(mapping.protection()).isEqualTo(Protection.READ_WRITE);
            mapping.protect(Protection.READ); // a guard stays one
            mapping.protect(Protection.READ_WRITE);
            assertThatIllegalStateException().isThrownBy(mapping::segment);
            mapping.advise(MemoryAdvice.GUARD_REMOVE);
            assertThat(mapping.segment().get(JAVA_BYTE, 0)).isZero();
            assertThat(mapping.segment().get(JAVA_BYTE, PAGE)).isEqualTo((byte) 3);
            mapping.verify();
        }
    }

    // Residency

    @Test
    void residencyFollowsTouchAndDontneed() {
        try (Mapping mapping =
                Mapping.anonymous(300 * MIB + 100).transparentHugePages(false).map()) {
            assertThat(mapping.residentBytes()).isZero();
            long last = 300 * MIB; // beyond the first 65,536 pages
            for (long offset : new long[] {0, 5 * PAGE, last}) {
                mapping.segment().set(JAVA_BYTE, offset, (byte) 1);
            }
            assertThat(mapping.residentBytes()).isEqualTo(3 * PAGE);
            assertThat(mapping.residentPages().stream()).containsExactly(0, 5, (int) (last / PAGE));
            assertThat(mapping.residentPages(5 * PAGE + 1, 1).stream()).containsExactly(0);
            assertThat(mapping.residentPages(PAGE, 4 * PAGE).isEmpty()).isTrue();
            assertThat(mapping.residentBytes(5 * PAGE - 1, 2)).isEqualTo(PAGE);
            assertThat(mapping.residentBytes(7, 0)).isZero();
            assertThat(Maps.smapsBytes(mapping.address(), "Rss")).isEqualTo(3 * PAGE);
            mapping.advise(MemoryAdvice.DONTNEED, 5 * PAGE, PAGE);
            assertThat(mapping.residentPages().stream()).containsExactly(0, (int) (last / PAGE));
            assertThat(mapping.segment().get(JAVA_BYTE, 5 * PAGE)).isZero();
            mapping.advise(MemoryAdvice.DONTNEED);
            assertThat(mapping.residentBytes()).isZero();
        }
    }

    // The limit

    @Test
    void thisLibraryStopsAtAQuarterOfMaxMapCount() {
        int before = Ground.process().mappings().used();
        try (Mapping mapping = Mapping.anonymous(1L << 30).noReserve().map()) {
            assertThatThrownBy(() -> {
                        for (long page = 0; page < 1L << 18; page += 2) {
                            mapping.protect(Protection.READ, page * PAGE, PAGE);
                        }
                    })
                    .isInstanceOf(SystemCallException.class)
                    .hasMessageContaining("mprotect(anonymous memory, from=")
                    .hasMessageContaining("quarter of vm.max_map_count, "
                            + Ground.process().mappings().limit() + " mappings");
            assertThat(Ground.process().mappings().used())
                    .isBetween(
                            Ground.process().mappings().limit() - 4,
                            Ground.process().mappings().limit());
            try (Heap heap = Heap.create(HeapOptions.defaults())) {
                assertThat(heap.malloc(100)).as("a small block").isPositive();
            }
            assertThatThrownBy(() -> {
                        try (Mapping one = Mapping.anonymous(PAGE).map();
                                Mapping more = Mapping.anonymous(PAGE).map();
                                Mapping tooMany = Mapping.anonymous(PAGE).map()) {
                            throw new AssertionError(one + " " + more + " " + tooMany);
                        }
                    })
                    .isInstanceOf(SystemCallException.class)
                    .hasMessageContaining("quarter of vm.max_map_count");
            mapping.verify();
            mapping.protect(Protection.READ_WRITE);
            assertThat(Ground.process().mappings().used()).as("counted anew").isEqualTo(before + 2);
            mapping.verify();
        }
        assertThat(Ground.process().mappings().used()).isEqualTo(before);
    }

    @Test
    void partsThatTheKernelKeepsApartStayCounted() {
        int before = Ground.process().mappings().used();
        long parts = 1_000;
        // without access: else the kernel may join it to a neighbour in use, and with that all its parts share one
        // anon_vma
        try (Mapping mapping =
                Mapping.anonymous(2 * parts * PAGE).protection(Protection.NONE).map()) {
            for (long part = 0; part < parts; part++) {
                mapping.advise(MemoryAdvice.DONTDUMP, 2 * part * PAGE, PAGE);
            }
            mapping.protect(Protection.READ_WRITE);
            mapping.segment().fill((byte) 1); // each part on its own: the kernel will not join them
            mapping.advise(MemoryAdvice.DODUMP);
            long kernels = Maps.all().stream()
                    .filter(kernel ->
                            kernel.end() > mapping.address() && kernel.start() < mapping.address() + mapping.byteSize())
                    .count();
            assertThat(kernels).isGreaterThan(parts);
            assertThat(Ground.process().mappings().used() - before).isGreaterThanOrEqualTo((int) kernels);
            assertThatThrownBy(() -> mapping.resize(3 * parts * PAGE))
                    .isInstanceOf(SystemCallException.class)
                    .hasMessageContaining("EFAULT")
                    .hasMessageContaining("several mappings in the kernel");
            mapping.verify();
        }
        assertThat(Ground.process().mappings().used()).isEqualTo(before);
    }

    @Test
    void aPartThatWandersIsNotCountedForEver() {
        int before = Ground.process().mappings().used();
        try (Mapping mapping = Mapping.anonymous(40_000 * PAGE).map()) {
            mapping.segment().set(JAVA_BYTE, 0, (byte) 1);
            for (long page = 0; page < 40_000; page++) {
                mapping.protect(Protection.READ, page * PAGE, PAGE);
                mapping.protect(Protection.READ_WRITE, page * PAGE, PAGE);
            }
            assertThat(Ground.process().mappings().used() - before).isLessThan(100);
        }
        assertThat(Ground.process().mappings().used()).isEqualTo(before);
    }
}
