package malloc4j.linux;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import malloc4j.faults.Maps;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.os.Linux;
import malloc4j.internal.os.LinuxCalls;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Mappings that change their size, alone and with their file.
class MappingResizeTest {
    private static final long PAGE = Mapping.systemPageByteSize();
    private static final long GIB = 1L << 30;

    @TempDir
    @SuppressWarnings("NullAway.Init")
    private Path directory;

    @Test
    void contentsStayAndEarlierSegmentsAreDead() {
        try (Mapping mapping = Mapping.anonymous(3 * PAGE).map()) {
            MemorySegment first = mapping.segment();
            first.fill((byte) 7);
            mapping.resize(3 * PAGE);
            assertThat(mapping.segment()).isSameAs(first);
            for (long byteSize : new long[] {3 * PAGE + 1, 500 * PAGE, 2 * PAGE, 2 * PAGE - 5, 1, 9 * PAGE}) {
                MemorySegment before = mapping.segment();
                mapping.resize(byteSize);
                assertThatIllegalStateException().isThrownBy(() -> before.get(JAVA_BYTE, 0));
                assertThat(mapping.segment().byteSize()).isEqualTo(byteSize).isEqualTo(mapping.byteSize());
                assertThat(mapping.segment().get(JAVA_BYTE, 0)).isEqualTo((byte) 7);
                mapping.segment().set(JAVA_BYTE, byteSize - 1, (byte) 7);
                mapping.verify();
            }
            assertThat(mapping.segment().get(JAVA_BYTE, 8 * PAGE)).isZero();
            assertThat(Maps.isMapped(mapping.address() + 9 * PAGE - 1)).isTrue();
        }
        assertThatIllegalArgumentException().isThrownBy(() -> {
            try (Mapping mapping = Mapping.anonymous(1).map()) {
                mapping.resize(0);
            }
        });
    }

    @Test
    void growingByAGibibyteCopiesNothing() throws IOException {
        Mapping probe = Mapping.anonymous(GIB + PAGE).noReserve().map();
        long free = probe.address();
        probe.close();
        try (Mapping mapping = Mapping.anonymous(GIB)
                        .transparentHugePages(false)
                        .at(free)
                        .map();
                Mapping wall = Mapping.anonymous(PAGE).at(free + GIB).map()) {
            MemorySegment memory = mapping.segment();
            long faults = minorFaults();
            for (long offset = 0; offset < GIB; offset += PAGE) {
                memory.set(JAVA_LONG, offset, ~offset);
            }
            long touched = minorFaults() - faults;

            faults = minorFaults();
            long start = System.nanoTime();
            mapping.resize(2 * GIB);
            long nanos = System.nanoTime() - start;
            faults = minorFaults() - faults;

            assertThat(mapping.address()).as("moved, because of %s", wall).isNotEqualTo(free);
            assertThat(mapping.residentBytes(0, GIB)).isEqualTo(GIB);
            assertThat(mapping.residentBytes(GIB, GIB)).isZero();
            MemorySegment moved = mapping.segment();
            for (long offset = 0; offset < GIB; offset += PAGE) {
                if (moved.get(JAVA_LONG, offset) != ~offset) {
                    throw new AssertionError("lost at " + offset);
                }
            }
            start = System.nanoTime();
            try (Mapping copy =
                    Mapping.anonymous(GIB).transparentHugePages(false).map()) {
                MemorySegment.copy(moved, 0, copy.segment(), 0, GIB);
            }
            long copyNanos = System.nanoTime() - start;
            System.out.printf(
                    "1 GiB grown to 2 GiB and moved: %d page faults (touching it took %d), %.1f ms; a copy %.1f ms%n",
                    faults, touched, nanos / 1e6, copyNanos / 1e6);
            assertThat(touched).as("faults of touching each page").isGreaterThanOrEqualTo(GIB / PAGE);
            assertThat(faults).as("faults of growing").isLessThan(GIB / PAGE / 100);
        }
    }

    /// Page faults of this thread that needed no device.
    private static long minorFaults() throws IOException {
        String stat = Files.readString(Path.of("/proc/thread-self/stat"));
        return Long.parseLong(stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1)[7]);
    }

    @Test
    void inPlaceMeansAtTheSameAddressOrNotAtAll() {
        try (Mapping mapping = Mapping.anonymous(8 * PAGE).map()) {
            long address = mapping.address();
            mapping.segment().set(JAVA_BYTE, 0, (byte) 1);
            mapping.resizeInPlace(4 * PAGE);
            mapping.resizeInPlace(6 * PAGE); // what was cut off is free
            assertThat(mapping.address()).isEqualTo(address);
            try (Mapping wall = Mapping.anonymous(PAGE).at(address + 6 * PAGE).map()) {
                assertThatThrownBy(() -> mapping.resizeInPlace(7 * PAGE))
                        .isInstanceOf(SystemCallException.class)
                        .hasMessage("mremap(anonymous memory, byteSize=" + 6 * PAGE + ", newByteSize=" + 7 * PAGE
                                + ") failed: ENOMEM (out of memory, address space, mappings or a limit, or the range is "
                                + "not mapped); there is no room behind it: let it move, or free memory, ask for less, or "
                                + "raise what limits it: ulimit -v and -d, vm.overcommit_memory, vm.max_map_count");
                assertThat(mapping.byteSize()).isEqualTo(6 * PAGE);
                assertThat(mapping.segment().get(JAVA_BYTE, 0)).isEqualTo((byte) 1);
                wall.verify();
            }
            mapping.verify();
        }
    }

    @Test
    void aMappingOfDifferentPartsShrinksButDoesNotGrow() {
        try (Mapping mapping = Mapping.anonymous(8 * PAGE).map()) {
            mapping.protect(Protection.READ, 2 * PAGE, PAGE);
            mapping.advise(MemoryAdvice.DONTDUMP, 5 * PAGE, PAGE);
            assertThatIllegalStateException()
                    .isThrownBy(() -> mapping.resize(9 * PAGE))
                    .withMessageContaining("is 5 mappings in the kernel");
            mapping.resize(6 * PAGE);
            mapping.resize(5 * PAGE);
            mapping.resize(3 * PAGE);
            mapping.verify();
            mapping.protect(Protection.READ);
            mapping.resize(9 * PAGE);
            assertThat(mapping.protection()).isEqualTo(Protection.READ);
            assertThat(Maps.at(mapping.address() + 8 * PAGE).permissions()).isEqualTo("r--p");
            mapping.verify();
        }
    }

    @Test
    void guardsStayAndDoNotGrow() {
        try (Mapping mapping = Mapping.anonymous(4 * PAGE).map()) {
            mapping.advise(MemoryAdvice.GUARD_INSTALL, 3 * PAGE, PAGE);
            mapping.resize(1000 * PAGE);
            assertThatIllegalStateException().isThrownBy(mapping::segment);
            assertThat(mapping.segment(4 * PAGE, 996 * PAGE).get(JAVA_BYTE, 995 * PAGE))
                    .isZero();
            mapping.advise(MemoryAdvice.GUARD_REMOVE);
            assertThat(mapping.segment().get(JAVA_BYTE, 3 * PAGE)).isZero();
            mapping.verify();
        }
    }

    @Test
    void sharedAnonymousMemoryDoesNotGrowBecauseTheKernelWouldNotBackIt() {
        try (Mapping mapping = Mapping.anonymous(2 * PAGE).shared().map()) {
            mapping.resize(PAGE + 1);
            mapping.resize(2 * PAGE);
            assertThatThrownBy(() -> mapping.resize(2 * PAGE + 1))
                    .isInstanceOf(UnsupportedOperationException.class)
                    .hasMessageContaining("SharedMemory");
        }
        int shared = Linux.MAP_SHARED | Linux.MAP_ANONYMOUS;
        long address = LinuxCalls.instance().mmap(0, PAGE, Linux.PROT_READ, shared, -1, 0);
        long moved = LinuxCalls.instance().mremap(address, PAGE, 2 * PAGE, Linux.MREMAP_MAYMOVE, 0);
        assertThat(moved).isPositive();
        assertThatThrownBy(() -> RawMemory.getByte(moved + PAGE)).isInstanceOf(InternalError.class);
        assertThat(LinuxCalls.instance().munmap(moved, 2 * PAGE)).isZero();
    }

    @Test
    void aFileMappingGrowsUpToTheFilesEnd() throws IOException {
        Path file = Files.write(directory.resolve("file"), new byte[(int) (4 * PAGE)]);
        try (Mapping mapping =
                Mapping.ofFile(file).readWrite().offset(PAGE + 10).byteSize(20).map()) {
            mapping.resize(3 * PAGE - 10);
            mapping.segment().set(JAVA_BYTE, 3 * PAGE - 11, (byte) 5);
            assertThat(Files.readAllBytes(file)[(int) (4 * PAGE - 1)]).isEqualTo((byte) 5);
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> mapping.resize(3 * PAGE - 9))
                    .withMessageContaining("is past the end of the file, " + 4 * PAGE + " bytes: use resizeWithFile");
            assertThat(mapping.segment().get(JAVA_BYTE, 3 * PAGE - 11)).isEqualTo((byte) 5);
            mapping.verify();
        }
    }

    @Test
    void theFileFollowsWhenAsked() throws IOException {
        Path file = Files.write(directory.resolve("follows"), new byte[(int) PAGE]);
        try (Mapping mapping = Mapping.ofFile(file).readWrite().offset(100).map()) {
            for (long byteSize : new long[] {5 * PAGE, 5 * PAGE + 1, 1L << 33, 2 * PAGE, 50, 51}) {
                mapping.resizeWithFile(byteSize);
                assertThat(Files.size(file)).isEqualTo(100 + byteSize);
                mapping.segment().set(JAVA_BYTE, byteSize - 1, (byte) 1);
                mapping.verify();
            }
            Files.write(file, new byte[(int) (3 * PAGE)]); // made longer by another
            mapping.resizeWithFile(PAGE);
            assertThat(Files.size(file)).isEqualTo(100 + PAGE);
        }
    }

    @Test
    void onlyASharedWritableFileFollows() throws IOException {
        Path file = Files.write(directory.resolve("not"), new byte[(int) PAGE]);
        try (Mapping readOnly = Mapping.ofFile(file).map();
                Mapping copy = Mapping.ofFile(file).copyOnWrite().map();
                Mapping anonymous = Mapping.anonymous(PAGE).map()) {
            for (Mapping mapping : new Mapping[] {readOnly, copy, anonymous}) {
                assertThatThrownBy(() -> mapping.resizeWithFile(PAGE / 2))
                        .isInstanceOf(UnsupportedOperationException.class)
                        .hasMessageContaining("readWrite");
            }
        }
        assertThat(Files.size(file)).isEqualTo(PAGE);
    }
}
