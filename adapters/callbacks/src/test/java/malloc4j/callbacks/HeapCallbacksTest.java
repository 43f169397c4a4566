package malloc4j.callbacks;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import java.lang.foreign.Arena;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.invoke.MethodHandle;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.LongPredicate;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.observe.MisuseReport;
import malloc4j.observe.Probe;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import program.CLibrary;

/// The functions, called as C calls them: by a downcall to their pointers.
@SuppressWarnings("restricted")
class HeapCallbacksTest {
    private static final int EBADF = 9;
    private static final int ENOMEM = 12;
    private static final int EINVAL = 22;
    private static final long TOO_MUCH = 1L << 40;
    private static final StructLayout STATE = Linker.Option.captureStateLayout();
    private static final long ERRNO = STATE.byteOffset(MemoryLayout.PathElement.groupElement("errno"));

    private final List<MisuseReport> told = new ArrayList<>();
    private final Arena arena = Arena.ofShared();
    private final MemorySegment state = arena.allocate(STATE);
    private Heap heap = heap(64 << 20, needed -> false);
    private HeapCallbacks callbacks = HeapCallbacks.of(heap, arena);

    private Heap heap(long hardLimitBytes, LongPredicate onHardLimit) {
        return Heap.create(HeapOptions.builder()
                .name("library")
                .hardLimitBytes(hardLimitBytes)
                .onHardLimit(onHardLimit)
                .probe(new Probe() {
                    @Override
                    public void event(Event event) {}

                    @Override
                    public void misused(String name, int heapId, MisuseReport report) {
                        told.add(report);
                    }
                })
                .build());
    }

    @BeforeEach
    void isWhole() {
        assertThat(heap.statistics().liveBlocks()).isZero();
    }

    @AfterEach
    void close() {
        heap.verify();
        arena.close();
        heap.close();
    }

    private Object call(CFunction function, Object... arguments) {
        MethodHandle handle = Linker.nativeLinker()
                .downcallHandle(
                        callbacks.pointer(function), function.descriptor(), Linker.Option.captureCallState("errno"));
        Object[] all = new Object[arguments.length + 1];
        all[0] = state;
        System.arraycopy(arguments, 0, all, 1, arguments.length);
        return CLibrary.invoke(handle, all);
    }

    private long address(CFunction function, Object... arguments) {
        return (long) call(function, arguments);
    }

    private int errno() {
        return state.get(JAVA_INT, ERRNO);
    }

    private long liveBlocks() {
        return heap.statistics().liveBlocks();
    }

    private void assertRefused(CFunction function, Object... arguments) {
        long before = callbacks.refusalCount();
        assertThat(address(function, arguments)).as(function.toString()).isZero();
        assertThat(errno()).as(function.toString()).isEqualTo(ENOMEM);
        assertThat(callbacks.refusalCount()).as(function.toString()).isEqualTo(before + 1);
    }

    @ParameterizedTest
    @EnumSource
    void eachFunctionHasOnePointer(CFunction function) {
        MemorySegment pointer = callbacks.pointer(function);
        assertThat(pointer.address()).isNotZero();
        assertThat(callbacks.pointer(function)).isSameAs(pointer);
    }

    // ---------------------------------------------------------------------------------------------------- C's family

    @Test
    void theFamilyDoesAsThatOfGlibc() {
        long block = address(CFunction.MALLOC, 0L);
        assertThat(block).isNotZero().matches(each -> each % 16 == 0);
        block = address(CFunction.REALLOC, block, 100L);
        assertThat(address(CFunction.USABLE_SIZE, block)).isGreaterThanOrEqualTo(100);
        assertThat(address(CFunction.REALLOC, block, 0L)).as("freed").isZero();
        assertThat(liveBlocks()).isZero();

        long fromNull = address(CFunction.REALLOC, 0L, 10L);
        long array = address(CFunction.REALLOCARRAY, fromNull, 10L, 100L);
        assertThat(heap.usableSize(array)).isGreaterThanOrEqualTo(1_000);
        long zeroed = address(CFunction.CALLOC, 10L, 10L);
        assertThat(heap.segment(zeroed).asSlice(0, 100).mismatch(MemorySegment.ofArray(new byte[100])))
                .isEqualTo(-1);
        long aligned = address(CFunction.ALIGNED_ALLOC, 4096L, 10L);
        assertThat(aligned % 4096).isZero();
        for (long each : new long[] {array, zeroed, aligned, 0}) {
            call(CFunction.FREE, each);
        }
        assertThat(address(CFunction.USABLE_SIZE, 0L)).isZero();
        assertThat(liveBlocks()).isZero();
        assertThat(callbacks.misuseCount() + callbacks.refusalCount()).isZero();
    }

    @Test
    void strdupCopiesIntoTheHeap() {
        for (String text : List.of("", "a", "something longer, which is in no small block ".repeat(100))) {
            long copy = address(CFunction.STRDUP, arena.allocateFrom(text).address());
            assertThat(heap.segment(copy).getString(0)).isEqualTo(text);
            call(CFunction.FREE, copy);
        }
        assertThat(address(CFunction.STRDUP, 0L)).isZero();
        assertThat(liveBlocks()).isZero();
    }

    @Test
    void whatCannotBeHadIsNullWithErrno() {
        assertRefused(CFunction.MALLOC, TOO_MUCH);
        assertRefused(CFunction.MALLOC, -1L);
        assertRefused(CFunction.CALLOC, 1L << 32, 1L << 32);
        assertRefused(CFunction.ALIGNED_ALLOC, 64L, TOO_MUCH);
        assertRefused(CFunction.CONTEXT_MALLOC, 0L, TOO_MUCH);
        assertRefused(CFunction.CONTEXT_CALLOC, 0L, 1L << 32, 1L << 32);
        assertRefused(CFunction.MALLOC_CONTEXT, TOO_MUCH, 0L);
        assertRefused(CFunction.CALLOC_CONTEXT, -1L, 2L, 0L);
        assertRefused(CFunction.ITEMS_ALLOC, 0L, -1, -1);
        assertRefused(CFunction.SIGNED_ITEMS_ALLOC, 0L, -1, 1);
        assertRefused(CFunction.SIGNED_ITEMS_ALLOC, 0L, Integer.MAX_VALUE, Integer.MAX_VALUE);
        assertRefused(CFunction.WIDE_ITEMS_ALLOC, 0L, 1L << 33, 1L << 33);
        assertRefused(CFunction.SQLITE_MALLOC, -1);
        assertRefused(CFunction.SQLITE_MALLOC, Integer.MAX_VALUE);
        assertRefused(CFunction.FILE_LINE_MALLOC, TOO_MUCH, 0L, 0);
        assertRefused(CFunction.FILE_LINE_MALLOC, -1L, 0L, 0);

        long block = address(CFunction.MALLOC, 100L);
        heap.segment(block).set(JAVA_INT, 0, 7);
        assertRefused(CFunction.REALLOC, block, TOO_MUCH);
        assertRefused(CFunction.REALLOCARRAY, block, 1L << 32, 1L << 32);
        assertRefused(CFunction.CONTEXT_REALLOC, 0L, block, TOO_MUCH);
        assertRefused(CFunction.REALLOC_CONTEXT, block, TOO_MUCH, 0L);
        assertRefused(CFunction.SIZED_REALLOC, block, 100L, TOO_MUCH);
        assertRefused(CFunction.FREETYPE_REALLOC, 0L, 100L, TOO_MUCH, block);
        assertRefused(CFunction.LUA_ALLOC, 0L, block, 100L, TOO_MUCH);
        assertThat(heap.segment(block).get(JAVA_INT, 0)).isEqualTo(7);
        call(CFunction.FREE, block);
        assertThat(liveBlocks()).isZero();
        assertThat(callbacks.misuseCount()).isZero();
    }

    @Test
    void aSizeOfZeroIsWhatEachShapeHasForIt() {
        long python = address(CFunction.CONTEXT_REALLOC, 0L, address(CFunction.CONTEXT_MALLOC, 0L, 0L), 0L);
        assertThat(python).as("a block stays a block").isNotZero();
        call(CFunction.CONTEXT_FREE, 0L, python);
        long sized = address(CFunction.SIZED_REALLOC, 0L, 0L, 10L);
        assertThat(address(CFunction.SIZED_REALLOC, sized, 10L, 0L)).isZero();
        long lua = address(CFunction.LUA_ALLOC, 0L, 0L, 5L, 10L);
        assertThat(address(CFunction.LUA_ALLOC, 0L, lua, 10L, 0L)).isZero();
        assertThat(address(CFunction.LUA_ALLOC, 0L, 0L, 0L, 0L)).isZero();
        assertThat(address(CFunction.FILE_LINE_MALLOC, 0L, 0L, 0)).isZero();
        long line = address(CFunction.FILE_LINE_REALLOC, 0L, 10L, 0L, 0);
        assertThat(address(CFunction.FILE_LINE_REALLOC, line, 0L, 0L, 0)).isZero();
        assertThat(liveBlocks()).isZero();
        assertThat(callbacks.refusalCount() + callbacks.misuseCount()).isZero();
    }

    @Test
    void sqlitesBlocksHaveTheirSizeBeforeThem() {
        long block = address(CFunction.SQLITE_MALLOC, 24);
        assertThat(call(CFunction.SQLITE_SIZE, block)).isEqualTo(24);
        block = address(CFunction.SQLITE_REALLOC, block, 4_000);
        assertThat(call(CFunction.SQLITE_SIZE, block)).isEqualTo(4_000);
        assertThat(heap.usableSize(block - 8)).isGreaterThanOrEqualTo(4_008);
        assertThat(call(CFunction.SQLITE_ROUNDUP, 25)).isEqualTo(32);
        assertThat(call(CFunction.SQLITE_SIZE, 0L)).isEqualTo(0);
        call(CFunction.SQLITE_FREE, block);
        call(CFunction.SQLITE_FREE, 0L);
        assertThat(liveBlocks()).isZero();
        assertThat(callbacks.misuseCount()).isZero();
    }

    @Test
    void whatSucceedsLeavesErrnoAsItIs() {
        CLibrary c = new CLibrary(Linker.nativeLinker().defaultLookup());
        int close = c.callInt("close", -1);
        assertThat(close).isEqualTo(-1); // and errno is EBADF
        long block = address(CFunction.MALLOC, 100L);
        assertThat(errno()).isEqualTo(EBADF);
        call(CFunction.FREE, block);
        assertThat(errno()).isEqualTo(EBADF);
    }

    // -------------------------------------------------------------------------------------------------------- misuse

    @Test
    void misuseIsCountedToldAndSurvived() {
        long block = address(CFunction.MALLOC, 100L);
        call(CFunction.FREE, block);
        call(CFunction.FREE, block);
        call(CFunction.FREE, block + 8);
        call(CFunction.FREE, state.address());
        assertThat(address(CFunction.REALLOC, block, 200L)).isZero();
        assertThat(errno()).isEqualTo(EINVAL);
        assertThat(address(CFunction.USABLE_SIZE, block)).isZero();
        call(CFunction.FILE_LINE_FREE, block, 0L, 0);
        assertThat(address(CFunction.FILE_LINE_REALLOC, block, 10L, 0L, 0)).isZero();
        call(CFunction.SQLITE_FREE, block + 8);
        assertThat(callbacks.misuseCount()).isEqualTo(8);
        assertThat(callbacks.refusalCount()).isZero();
        assertThat(told).hasSize(8);
        assertThat(told.getFirst().message()).contains("free(0x", "of heap 'library'", "double free");
        assertThat(told.get(2).finding()).isEqualTo(MisuseReport.Finding.FOREIGN);

        long again = address(CFunction.MALLOC, 100L);
        assertThat(again).isNotZero();
        call(CFunction.FREE, again);
    }

    /// Of a heap's own hook, which stands for whatever may go wrong inside.
    @Test
    void nothingThatIsThrownInsideLeaves() {
        for (Throwable thrown : List.of(
                new IllegalStateException("a program's"),
                new OutOfMemoryError("Java heap space"),
                new StackOverflowError())) {
            try (Heap throwing = heap(1 << 20, needed -> {
                        if (thrown instanceof Error error) {
                            throw error;
                        }
                        throw (RuntimeException) thrown;
                    });
                    Arena other = Arena.ofConfined()) {
                callbacks = HeapCallbacks.of(throwing, other);
                assertRefused(CFunction.MALLOC, 8L << 20);
                assertRefused(CFunction.FILE_LINE_MALLOC, 8L << 20, 0L, 0);
                long block = address(CFunction.MALLOC, 10L);
                assertRefused(CFunction.REALLOC, block, 8L << 20);
                call(CFunction.FREE, block);
                assertThat(throwing.statistics().liveBlocks()).isZero();
            }
        }
        callbacks = HeapCallbacks.of(heap, arena);
    }

    // ------------------------------------------------------------------------------------------------- full and Lua's

    @Test
    void luasBlocksCanBeMadeSmallerInAFullHeap() {
        List<Long> blocks = new ArrayList<>();
        for (long block; (block = address(CFunction.LUA_ALLOC, 0L, 0L, 0L, 30_000L)) != 0; ) {
            blocks.add(block);
        }
        for (int index = 0; index < blocks.size(); index++) {
            long smaller = address(CFunction.LUA_ALLOC, 0L, blocks.get(index), 30_000L, 10_000L);
            assertThat(smaller).isNotZero();
            blocks.set(index, smaller);
        }
        assertThat(blocks).hasSizeGreaterThan(1_000);
        blocks.forEach(each -> call(CFunction.LUA_ALLOC, 0L, each, 10_000L, 0L));
        assertThat(liveBlocks()).isZero();
        assertThat(callbacks.refusalCount()).isPositive();
    }

    // --------------------------------------------------------------------------------------------------- call sites

    @Test
    void blocksCountForTheLineThatAskedForThem() {
        long one = arena.allocateFrom("crypto/one.c").address();
        long sameName = arena.allocateFrom("crypto/one.c").address();
        long two = arena.allocateFrom("crypto/two.c").address();
        long first = address(CFunction.FILE_LINE_MALLOC, 100L, one, 10);
        long second = address(CFunction.FILE_LINE_MALLOC, 100L, sameName, 10);
        long third = address(CFunction.FILE_LINE_MALLOC, 10_000L, two, 20);
        assertThat(callbacks.callSites())
                .extracting(CallSite::file, CallSite::line, CallSite::liveBlocks, CallSite::totalBlocks)
                .containsExactly(tuple("crypto/two.c", 20, 1L, 1L), tuple("crypto/one.c", 10, 2L, 2L));

        third = address(CFunction.FILE_LINE_REALLOC, third, 20_000L, one, 11);
        call(CFunction.FILE_LINE_FREE, first, two, 99);
        assertThat(callbacks.callSites())
                .extracting(CallSite::file, CallSite::line, CallSite::liveBlocks, CallSite::totalBlocks)
                .containsExactly(
                        tuple("crypto/one.c", 11, 1L, 1L),
                        tuple("crypto/one.c", 10, 1L, 2L),
                        tuple("crypto/two.c", 20, 0L, 1L));
        assertThat(callbacks.callSites().getFirst().liveBytes()).isEqualTo(heap.usableSize(third));
        assertThat(callbacks.callSites().getFirst().toString()).startsWith("crypto/one.c:11  ");
        call(CFunction.FILE_LINE_FREE, second, 0L, 0);
        call(CFunction.FILE_LINE_FREE, third, 0L, 0);
        assertThat(callbacks.callSites()).allMatch(site -> site.liveBytes() == 0 && site.liveBlocks() == 0);
    }

    @Test
    void tooManyLinesAreOneAndASpoiltMarkCountsForIt() {
        long file = arena.allocateFrom("many.c").address();
        long[] blocks = new long[5_000];
        for (int line = 0; line < blocks.length; line++) {
            blocks[line] = address(CFunction.FILE_LINE_MALLOC, 10L, file, line);
        }
        List<CallSite> sites = callbacks.callSites();
        assertThat(sites).hasSize(CallSites.MAX_SITES);
        assertThat(sites.getFirst())
                .extracting(CallSite::file, CallSite::liveBlocks)
                .containsExactly("?", 905L);
        heap.segment(blocks[0]).fill((byte) 0xFF); // past what was asked for
        for (long block : blocks) {
            call(CFunction.FILE_LINE_FREE, block, file, 0);
        }
        assertThat(liveBlocks()).isZero();
        assertThat(callbacks.callSites().stream()
                        .mapToLong(CallSite::liveBlocks)
                        .sum())
                .isZero();
        assertThat(callbacks.misuseCount()).isZero();
    }

    // ------------------------------------------------------------------------------------------------ threads, closing

    @Test
    void anyThreadMayCall() throws Exception {
        MethodHandle malloc = Linker.nativeLinker()
                .downcallHandle(callbacks.pointer(CFunction.FILE_LINE_MALLOC), CFunction.FILE_LINE_MALLOC.descriptor());
        MethodHandle free =
                Linker.nativeLinker().downcallHandle(callbacks.pointer(CFunction.FREE), CFunction.FREE.descriptor());
        long file = arena.allocateFrom("threads.c").address();
        ConcurrentLinkedQueue<Long> blocks = new ConcurrentLinkedQueue<>();
        try (ExecutorService platform = Executors.newFixedThreadPool(3);
                ExecutorService virtual = Executors.newVirtualThreadPerTaskExecutor()) {
            for (ExecutorService each : List.of(platform, virtual)) {
                for (int task = 0; task < 40; task++) {
                    int line = task;
                    var unused = each.submit(() -> {
                        for (int round = 0; round < 200; round++) {
                            blocks.add((long) CLibrary.invoke(malloc, 40L + round, file, line));
                            Long other = round % 2 == 0 ? null : blocks.poll();
                            if (other != null) {
                                CLibrary.invoke(free, other);
                            }
                        }
                    });
                }
            }
        }
        blocks.forEach(each -> CLibrary.invoke(free, each));
        assertThat(heap.statistics().allocatedBlocks()).isEqualTo(16_000);
        assertThat(liveBlocks()).isZero();
        assertThat(callbacks.misuseCount() + callbacks.refusalCount()).isZero();
        assertThat(callbacks.callSites()).hasSize(40).allMatch(site -> site.totalBlocks() == 400);
    }

    @Test
    void theHeapStaysWhileTheArenaIsOpen() {
        assertThatThrownBy(heap::close)
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("close of heap 'library': open on it: 1 unscoped arena; close them first");
        long block = address(CFunction.MALLOC, 10L);
        call(CFunction.FREE, block);
        Arena other = Arena.ofConfined();
        HeapCallbacks closing = HeapCallbacks.of(heap, other);
        other.close();
        assertThatThrownBy(() -> closing.pointer(CFunction.MALLOC)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> HeapCallbacks.of(heap, other)).isInstanceOf(IllegalStateException.class);
        Heap closed = heap(1 << 20, needed -> false);
        closed.close();
        assertThatThrownBy(() -> HeapCallbacks.of(closed, arena))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("the heap is closed");
    }

    @Test
    void aCallCanAskForStackFirst() {
        MethodHandle malloc = Linker.nativeLinker()
                .downcallHandle(callbacks.pointer(CFunction.MALLOC), CFunction.MALLOC.descriptor());
        MethodHandle asking = HeapCallbacks.withStack(malloc, HeapCallbacks.STACK_BYTES);
        assertThat(asking.type()).isEqualTo(malloc.type());
        call(CFunction.FREE, CLibrary.invoke(asking, 10L));
        assertThatThrownBy(() -> HeapCallbacks.withStack(malloc, 1 << 20))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("withStack(byteSize=1048576): must be from 0 to 520000");
    }
}
