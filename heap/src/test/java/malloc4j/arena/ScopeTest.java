package malloc4j.arena;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import malloc4j.arena.ArenaKind.Trait;
import org.junit.jupiter.api.io.TempDir;

/// Scopes, and what else has one: files, stubs, libraries, other allocators.
class ScopeTest extends ArenaContract {
    @TempDir
    private Path folder = Path.of("");

    @ContractPoint("An arena's scope is that of all its segments, and of all views of them")
    void theScopeIsThatOfAllSegments(ArenaKind kind) {
        Arena arena = open(kind);
        for (long byteSize : new long[] {0, 8, 5_000, 100_000}) {
            MemorySegment segment = arena.allocate(byteSize, 8);
            for (MemorySegment each : new MemorySegment[] {
                segment, segment.asSlice(0, 0), segment.asReadOnly(), MemorySegment.ofBuffer(segment.asByteBuffer())
            }) {
                assertThat(each.scope()).isEqualTo(arena.scope()).hasSameHashCodeAs(arena.scope());
            }
        }
        assertThat(arena.scope()).isEqualTo(arena.scope());
    }

    @ContractPoint(value = "Two arenas have different scopes", notOf = Trait.UNSCOPED)
    void twoArenasHaveDifferentScopes(ArenaKind kind) {
        Arena one = open(kind);
        Arena other = open(kind);
        assertThat(one.scope())
                .isNotEqualTo(other.scope())
                .isNotEqualTo(Arena.global().scope());
        assertThat(one.allocate(8).scope()).isNotEqualTo(other.allocate(8).scope());
    }

    @ContractPoint(
            value = "Not the JDK's: an unscoped arena has its heap's scope, of the common heap the global one",
            of = Trait.UNSCOPED)
    void unscopedArenasShareTheHeapsScope(ArenaKind kind) {
        Arena one = open(kind);
        assertThat(one.scope()).isEqualTo(open(kind).scope());
        boolean isCommon = kind == ArenaKind.UNSCOPED_OF_COMMON;
        assertThat(one.scope().equals(Arena.global().scope())).isEqualTo(isCommon);
    }

    @ContractPoint("A segment that is reinterpreted with an arena has that arena's scope and threads")
    @SuppressWarnings("restricted")
    void aReinterpretedSegmentHasTheArenasScope(ArenaKind kind) {
        Arena arena = open(kind);
        MemorySegment segment =
                MemorySegment.ofAddress(arena.allocate(16, 8).address()).reinterpret(16, arena, null);
        assertThat(segment.scope()).isEqualTo(arena.scope());
        assertThat(segment.isAccessibleBy(Thread.ofPlatform().unstarted(() -> {})))
                .isEqualTo(kind.is(Trait.OPEN));
        if (kind.is(Trait.ENDING)) {
            arena.close();
            assertClosed(() -> segment.get(ValueLayout.JAVA_BYTE, 0));
        }
    }

    @ContractPoint(value = "A file that is mapped in an arena is unmapped when that is closed", of = Trait.ENDING)
    void aMappedFileIsUnmappedWithIt(ArenaKind kind) throws Exception {
        Path file = Files.write(folder.resolve("mapped"), new byte[] {1, 2, 3});
        Arena arena = open(kind);
        MemorySegment mapped;
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            mapped = channel.map(FileChannel.MapMode.READ_WRITE, 0, 3, arena);
        }
        assertThat(mapped.isMapped()).isTrue();
        assertThat(mapped.get(ValueLayout.JAVA_BYTE, 2)).isEqualTo((byte) 3);
        assertThat(Files.readString(Path.of("/proc/self/maps"))).contains(file.toString());
        arena.close();
        assertClosed(() -> mapped.get(ValueLayout.JAVA_BYTE, 2));
        assertThat(Files.readString(Path.of("/proc/self/maps"))).doesNotContain(file.toString());
    }

    @ContractPoint(value = "An upcall stub and a library of an arena end with it", of = Trait.ENDING)
    @SuppressWarnings("restricted")
    void stubsAndLibrariesEndWithIt(ArenaKind kind) throws Exception {
        Arena arena = open(kind);
        MemorySegment stub = Linker.nativeLinker()
                .upcallStub(MethodHandles.empty(MethodType.methodType(void.class)), FunctionDescriptor.ofVoid(), arena);
        MemorySegment function = SymbolLookup.libraryLookup("libc.so.6", arena).findOrThrow("qsort");
        assertThat(stub.scope()).isEqualTo(arena.scope());
        assertThat(function.scope()).isEqualTo(arena.scope());
        arena.close();
        assertThat(stub.scope().isAlive()).isFalse();
        assertThat(function.scope().isAlive()).isFalse();
    }

    @ContractPoint("A slicing allocator on a segment hands out aligned parts of it, until it is full")
    void aSlicingAllocatorHandsOutParts(ArenaKind kind) {
        Arena arena = open(kind);
        MemorySegment whole = arena.allocate(64, 8);
        SegmentAllocator slices = SegmentAllocator.slicingAllocator(whole);
        MemorySegment one = slices.allocate(1);
        MemorySegment two = slices.allocateFrom(ValueLayout.JAVA_LONG, 4);
        assertThat(one.address()).isEqualTo(whole.address());
        assertThat(two.address()).isEqualTo(whole.address() + 8);
        assertThat(two.scope()).isEqualTo(arena.scope());
        assertThat(whole.get(ValueLayout.JAVA_LONG, 8)).isEqualTo(4);
        assertThatThrownBy(() -> slices.allocate(49)).isInstanceOf(IndexOutOfBoundsException.class);
    }

    @ContractPoint("A prefix allocator on a segment hands out its begin, again and again")
    void aPrefixAllocatorHandsOutTheBegin(ArenaKind kind) {
        Arena arena = open(kind);
        MemorySegment whole = arena.allocate(64, 8);
        SegmentAllocator prefix = SegmentAllocator.prefixAllocator(whole);
        for (int turn = 0; turn < 3; turn++) {
            MemorySegment begin = prefix.allocateFrom(ValueLayout.JAVA_INT, turn);
            assertThat(begin.address()).isEqualTo(whole.address());
            assertThat(begin.scope()).isEqualTo(arena.scope());
            assertThat(whole.get(ValueLayout.JAVA_INT, 0)).isEqualTo(turn);
        }
    }

    @ContractPoint(value = "An arena of the program's own may stand on it, and ends with it", of = Trait.ENDING)
    void anArenaOfTheProgramsOwn(ArenaKind kind) {
        Arena below = open(kind);
        SegmentAllocator slices = SegmentAllocator.slicingAllocator(below.allocate(1_000, 8));
        MemorySegment text;
        try (Arena own = new Arena() {
            @Override
            public MemorySegment allocate(long byteSize, long byteAlignment) {
                return slices.allocate(byteSize, byteAlignment);
            }

            @Override
            public MemorySegment.Scope scope() {
                return below.scope();
            }

            @Override
            public void close() {
                below.close();
            }
        }) {
            text = own.allocateFrom("on a slice");
            assertThat(text.getString(0)).isEqualTo("on a slice");
        }
        assertClosed(() -> text.getString(0));
    }
}
