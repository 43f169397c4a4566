package malloc4j.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.MemorySource;
import malloc4j.faults.ChildJvm;
import malloc4j.faults.Maps;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.Linux;
import malloc4j.internal.os.LinuxCalls;
import malloc4j.observe.Area;
import malloc4j.observe.AreaKind;
import malloc4j.observe.MappedRange;
import malloc4j.observe.MemoryUse;
import malloc4j.observe.MemoryUse.Figure;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The layout of this JVM, with heaps of ours in it.
class AddressSpaceTest {
    private static final long MIB = 1L << 20;
    private static final int ATTEMPTS = 200;

    @Test
    void everyByteHasOneOwner() {
        AddressSpace space = AddressSpace.ofThisProcess();

        space.verify();
        assertThat(space.pid()).isEqualTo(ProcessHandle.current().pid());
        assertThat(space.pageBytes()).isEqualTo(LinuxCalls.instance().sysconf(Linux._SC_PAGESIZE));
        assertThat(space.mappings())
                .hasSizeBetween(Maps.all().size() - 20, Maps.all().size() + 20);
        assertThat(space.gaps()).hasSizeGreaterThan(3).allSatisfy(gap -> assertThat(space.at(gap.address()))
                .isEmpty());
        for (Area area : space.areas()) {
            assertThat(space.at(area.address())).containsSame(area);
            assertThat(space.at(area.end() - 1)).containsSame(area);
        }
    }

    /// What the JVM does between the two readings is in their difference, so it is tried until it does little.
    @Test
    void theSumIsTheKernelsOwnWithinOnePageAMapping() {
        for (int attempt = 1; ; attempt++) {
            AddressSpace space = AddressSpace.ofThisProcess();
            MemoryUse rollup = space.rollup().orElseThrow();
            long allowed = space.pageBytes() * space.mappings().size();
            boolean all = true;
            for (Figure figure : Figure.values()) {
                all &= Math.abs(space.total().bytes(figure) - rollup.bytes(figure)) <= allowed;
            }
            if (all) {
                return;
            }
            assertThat(attempt).as("%s is not %s", space.total(), rollup).isLessThan(ATTEMPTS);
        }
    }

    @Test
    void theJvmsOwnAreasAreTold() {
        AddressSpace space = AddressSpace.ofThisProcess();

        for (AreaKind kind : new AreaKind[] {
            AreaKind.JAVA_HEAP,
            AreaKind.CODE_CACHE,
            AreaKind.METASPACE,
            AreaKind.CLASS_SPACE,
            AreaKind.STACK,
            AreaKind.STACK_GUARD,
            AreaKind.LIBRARY_TEXT,
            AreaKind.LIBRARY_BSS,
            AreaKind.PROGRAM_TEXT,
            AreaKind.BREAK,
            AreaKind.VDSO
        }) {
            assertThat(space.sums()).as(Areas.of(space)).containsKey(kind);
        }
        assertThat(space.sum(AreaKind.JAVA_HEAP).use().residentBytes()).isGreaterThan(MIB);
        assertThat(space.sum(AreaKind.CODE_CACHE).use().residentBytes()).isGreaterThan(MIB / 2);
        assertThat(space.sum(AreaKind.METASPACE).use().residentBytes()).isGreaterThan(MIB);
        assertThat(space.program()).endsWith("/bin/java");
        assertThat(space.notes()).noneMatch(note -> note.contains("JVM does not tell"));
    }

    @Test
    void aFunctionOfTheCLibraryLiesInItsText() {
        long printf = Linker.nativeLinker()
                .defaultLookup()
                .find("printf")
                .orElseThrow()
                .address();

        Area area = AddressSpace.ofThisProcess().at(printf).orElseThrow();

        assertThat(area.kind()).isEqualTo(AreaKind.LIBRARY_TEXT);
        assertThat(area.owner()).startsWith("libc");
    }

    @Test
    @SuppressWarnings("restricted")
    void compiledStubsLieInTheCodeCache() {
        try (Arena arena = Arena.ofConfined()) {
            long stub = Linker.nativeLinker()
                    .upcallStub(
                            MethodHandles.empty(MethodType.methodType(void.class)), FunctionDescriptor.ofVoid(), arena)
                    .address();

            assertThat(AddressSpace.ofThisProcess().at(stub).orElseThrow().kind())
                    .isEqualTo(AreaKind.CODE_CACHE);
        }
    }

    @Test
    void eachThreadHasItsStackWithItsName() throws InterruptedException {
        AtomicBoolean done = new AtomicBoolean();
        Thread thread = Thread.ofPlatform().name("seen-in-layout").start(() -> {
            while (!done.get()) {
                LockSupport.parkNanos(1_000_000);
            }
        });
        try {
            AddressSpace space = AddressSpace.ofThisProcess();
            assertThat(space.sums(AreaKind.STACK)).containsKeys("main", "seen-in-layout");
            assertThat(space.sums(AreaKind.STACK_GUARD)).containsKey("seen-in-layout");
            assertThat(space.sums(AreaKind.STACK))
                    .hasEntrySatisfying(
                            "seen-in-layout", sum -> assertThat(sum.byteSize()).isBetween(MIB / 2, 16 * MIB));
        } finally {
            done.set(true);
            thread.join();
        }
        assertThat(AddressSpace.ofThisProcess().sums(AreaKind.STACK)).doesNotContainKey("seen-in-layout");
    }

    @Test
    void aBlockOfTheCLibraryIsItsOwn() {
        try (Arena arena = Arena.ofConfined()) {
            long mapped = arena.allocate(3 * MIB).fill((byte) 1).address();
            Area area = AddressSpace.ofThisProcess().at(mapped).orElseThrow();
            assertThat(area.kind()).isIn(AreaKind.C_LARGE_BLOCK, AreaKind.C_ARENA, AreaKind.BREAK);
            assertThat(area.kind().group()).isEqualTo(AreaKind.Group.C_HEAP);
        }
    }

    @Test
    void blocksOfAHeapAreToldWithTheHeapsName() {
        String name = "layout-test";
        try (Heap heap = Heap.create(HeapOptions.builder().name(name).build())) {
            long small = heap.malloc(40);
            long large = heap.malloc(300_000);
            long huge = heap.malloc(64 * MIB);
            RawMemory.fill(large, 300_000, (byte) 1);
            RawMemory.fill(huge, 64 * MIB, (byte) 1);

            AddressSpace space = AddressSpace.ofThisProcess();
            space.verify();

            assertArea(space, small, AreaKind.SLAB, name);
            assertThat(space.at(small).orElseThrow().detail()).isEqualTo("48-byte blocks");
            assertArea(space, large, AreaKind.LARGE_BLOCK, name);
            assertThat(space.at(large).orElseThrow().byteSize()).isEqualTo((300_000 + 4095) & -4096);
            assertArea(space, huge, AreaKind.HUGE_BLOCK, name);
            assertThat(space.at(huge).orElseThrow().use().residentBytes()).isEqualTo(64 * MIB);
            assertArea(space, large + 3 * MIB, AreaKind.FREE_PAGES, name);
            assertThat(space.at(large).orElseThrow().use().residentBytes()).isEqualTo((300_000 + 4095) & -4096);

            heap.free(large);
            heap.free(huge);
            AddressSpace after = AddressSpace.ofThisProcess();
            assertArea(after, large, AreaKind.FREE_PAGES, name);
            assertThat(after.at(huge).map(Area::kind)).isNotEqualTo(Optional.of(AreaKind.HUGE_BLOCK));
        }
        AddressSpace closed = AddressSpace.ofThisProcess();
        assertThat(closed.areas()).noneMatch(area -> area.owner().contains(name));
        assertThat(closed.sums()).containsKeys(AreaKind.ZONE_RESERVE, AreaKind.RECORDS);
    }

    @Test
    void whatThisLibraryReservesIsItsOwn() throws Exception {
        assertThat(ChildJvm.small().run(OwnReservesChild.class)).containsPattern("[4-9] reserves, all labelled");
    }

    @Test
    void heapsOfFilesAndMemoryFilesAreToldToo(@TempDir Path directory) {
        HeapOptions.Builder options = HeapOptions.builder();
        try (Heap shared = Heap.create(options.name("shared")
                        .source(MemorySource.SHARED_MEMORY)
                        .build());
                Heap file = Heap.create(options.name("filed")
                        .source(MemorySource.FILE)
                        .file(directory.resolve("heap").toString())
                        .build())) {
            long inShared = shared.malloc(100);
            long inFile = file.malloc(100_000);

            AddressSpace space = AddressSpace.ofThisProcess();

            assertArea(space, inShared, AreaKind.SLAB, "shared");
            assertArea(space, inFile, AreaKind.LARGE_BLOCK, "filed");
            assertThat(space.at(inFile).orElseThrow().mapping().name()).endsWith("/heap");
        }
    }

    @Test
    void memoryOfTheProgramBreakIsCutOutOfIt() {
        assertThat(BreakLayoutChild.run()).contains("slab, reserve, moat and libc's part");
    }

    /// Sixteen pages that others unmap, protect and map again as fast as they can: nothing is told twice or not at
    /// all.
    @Test
    void whileAnotherThreadMapsAndUnmapsAtFullSpeed() throws InterruptedException {
        AtomicBoolean done = new AtomicBoolean();
        AtomicLong changes = new AtomicLong();
        AtomicReference<String> refused = new AtomicReference<>("");
        Thread mapper = Thread.ofPlatform().start(() -> mapAndUnmap(done, changes, refused));
        try {
            for (int reading = 0; reading < 30; reading++) {
                AddressSpace.ofThisProcess().verify();
            }
        } finally {
            done.set(true);
            mapper.join();
        }
        assertThat(refused.get()).isEmpty();
        assertThat(changes.get()).isGreaterThan(1_000);
    }

    private static void mapAndUnmap(AtomicBoolean done, AtomicLong changes, AtomicReference<String> refused) {
        LinuxCalls calls = LinuxCalls.instance();
        int readWrite = Linux.PROT_READ | Linux.PROT_WRITE;
        int flags = Linux.MAP_PRIVATE | Linux.MAP_ANONYMOUS;
        while (!done.get()) {
            long address = calls.mmap(0, 64 << 12, readWrite, flags, -1, 0);
            if (Errno.isError(address)) {
                refused.set(Errno.name(address));
                return;
            }
            for (int page = 0; page < 64; page += 2) {
                long unused = calls.mprotect(address + ((long) page << 12), 4096, page % 4);
                RawMemory.putByte(address + ((long) (page + 1) << 12), (byte) 1);
                changes.incrementAndGet();
            }
            long unused = calls.munmap(address, 64 << 12);
        }
    }

    @Test
    void lookingMakesNoZoneAndNeedsNoNativeAccess() throws Exception {
        assertThat(new ChildJvm(List.of(), Map.of(), List.of("--illegal-native-access=deny")).run(LookingChild.class))
                .contains("no zone");
    }

    @Test
    void whatHasNoNameIsAnonymousAndWhatIsReservedIsSo() {
        LinuxCalls calls = LinuxCalls.instance();
        int flags = Linux.MAP_PRIVATE | Linux.MAP_ANONYMOUS;
        long reserved = calls.mmap(0, 8 * MIB, Linux.PROT_NONE, flags | Linux.MAP_NORESERVE, -1, 0);
        long shared = calls.mmap(0, MIB, Linux.PROT_READ, Linux.MAP_SHARED | Linux.MAP_ANONYMOUS, -1, 0);
        try {
            AddressSpace space = AddressSpace.ofThisProcess();
            assertThat(space.at(reserved + 4 * MIB).orElseThrow().kind()).isEqualTo(AreaKind.RESERVED);
            assertThat(space.at(shared).orElseThrow().kind()).isEqualTo(AreaKind.SHARED_MEMORY);
        } finally {
            calls.munmap(reserved, 8 * MIB);
            calls.munmap(shared, MIB);
        }
    }

    @Test
    void lockedMemoryIsTold() {
        LinuxCalls calls = LinuxCalls.instance();
        int flags = Linux.MAP_PRIVATE | Linux.MAP_ANONYMOUS;
        long address = calls.mmap(0, 16 << 12, Linux.PROT_READ | Linux.PROT_WRITE, flags, -1, 0);
        try {
            assertThat(calls.mlock(address, 16 << 12)).isZero();
            AddressSpace space = AddressSpace.ofThisProcess();
            MappedRange mapping = space.at(address).orElseThrow().mapping();
            assertThat(mapping.hasFlag("lo")).isTrue();
            assertThat(space.total().lockedBytes()).isGreaterThanOrEqualTo(16 << 12);
        } finally {
            calls.munmap(address, 16 << 12);
        }
    }

    @Test
    void wrongNumbersAreRefused() {
        assertThatThrownBy(() -> AddressSpace.of(0))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("pid 0: must be 1 or more");
        assertThatThrownBy(() -> AddressSpace.of(99_999_999))
                .isInstanceOf(UnreadableProcessException.class)
                .hasMessage("read(/proc/99999999/smaps) failed: ENOENT (no such file or directory);"
                        + " there is no process with this number")
                .extracting(thrown -> ((UnreadableProcessException) thrown).isGone())
                .isEqualTo(true);
    }

    private static void assertArea(AddressSpace space, long address, AreaKind kind, String heap) {
        Area area = space.at(address).orElseThrow();
        assertThat(area.kind()).as(area.toString()).isEqualTo(kind);
        assertThat(area.owner()).startsWith("heap " + heap + " (");
    }
}
