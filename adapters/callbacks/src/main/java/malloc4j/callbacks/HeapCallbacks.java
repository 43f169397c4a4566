package malloc4j.callbacks;

import java.lang.foreign.Arena;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import malloc4j.Heap;
import malloc4j.observe.HeapStatistics;

/// Functions through which C libraries take their memory from a heap, as pointers to give to them. What the library
/// allocates then counts in that heap, is bounded by its hard limit, and is checked as any block of it is.
///
/// ```java
/// Heap heap = Heap.create(HeapOptions.builder().name("sqlite").hardLimitBytes(64 << 20).build());
/// HeapCallbacks callbacks = HeapCallbacks.of(heap, Arena.global());
/// ProcessHooks.sqlite(callbacks, SymbolLookup.libraryLookup("libsqlite3.so.0", Arena.global()));
/// ```
///
/// [ProcessHooks] and [ObjectHooks] know the libraries; for any other, [#pointer] gives each of the shapes that such
/// functions have.
///
/// **Nothing that happens inside ends the JVM.** A request that the heap has no memory for, or that the Java heap or
/// the stack is too small for, is answered by `NULL`, and the library does what it does where C's malloc fails. It is
/// counted ([#refusalCount]), and the first is logged, by the logger `malloc4j`. A free of what is no live block does
/// nothing, is counted ([#misuseCount]) and told to the heap's [malloc4j.observe.Probe].
///
/// **Two things cannot be caught** in an upcall. Where it begins too near to the end of the thread's stack, the JVM
/// ends: see [#withStack]. And the first upcall of a thread of the library's makes a Java thread of it, for which the
/// Java heap must have room.
///
/// An upcall is some 50 ns more than a call in C. Functions that may make one must not be linked as
/// [critical][Linker.Option#critical].
///
/// The heap cannot be closed while the arena is open: the library has its blocks. Every method may be called by any
/// thread; the functions too, by Java's and C's, and by virtual threads.
///
/// @since 0.1.0
public final class HeapCallbacks {
    /// Enough stack for most libraries and the upcalls out of them, 256 KiB: see [#withStack].
    public static final int STACK_BYTES = 256 << 10;

    private final Heap heap;
    private final Arena arena;
    private final Upcalls upcalls;
    private final Map<CFunction, MemorySegment> pointers = new EnumMap<>(CFunction.class);

    private HeapCallbacks(Heap heap, Arena arena) {
        this.heap = heap;
        this.arena = arena;
        this.upcalls = new Upcalls(heap);
    }

    /// Functions of a heap.
    ///
    /// @param arena how long the pointers lead anywhere: to call one after that ends the JVM. The global one, unless
    ///     the library is known to have let go of them, which of those that have them once for the process
    ///     ([ProcessHooks]) none is. No automatic one: C does not keep the pointers reachable
    /// @throws IllegalCallerException if native access is not granted; it names the flag
    /// @throws IllegalStateException if the heap or the arena is closed
    public static HeapCallbacks of(Heap heap, Arena arena) {
        HeapStatistics unused = heap.statistics(); // which a closed heap has not
        try {
            HeapCallbacks made = new HeapCallbacks(heap, arena);
            made.keepHeapOpen();
            return made;
        } catch (IllegalCallerException denied) {
            throw notGranted(denied);
        } catch (ExceptionInInitializerError inside) {
            if (inside.getCause() instanceof IllegalCallerException denied) {
                throw notGranted(denied);
            }
            throw inside;
        }
    }

    private static IllegalCallerException notGranted(IllegalCallerException denied) {
        Module module = HeapCallbacks.class.getModule();
        String target = module.isNamed() ? "malloc4j," + module.getName() : "ALL-UNNAMED";
        return new IllegalCallerException(
                "malloc4j-callbacks needs native access: start java with --enable-native-access=" + target, denied);
    }

    /// An arena of the heap that is open as long as the pointers are: a heap with open arenas cannot be closed.
    @SuppressWarnings("restricted")
    private void keepHeapOpen() {
        Arena standing = heap.ofUnscoped();
        try {
            MemorySegment.NULL.reinterpret(0, arena, closed -> standing.close());
        } catch (Throwable failed) {
            standing.close();
            throw failed;
        }
    }

    /// The heap that the memory comes from.
    public Heap heap() {
        return heap;
    }

    /// As long as which the pointers lead somewhere.
    public Arena arena() {
        return arena;
    }

    /// A pointer to a function, always the same.
    ///
    /// @throws IllegalStateException if the arena is closed
    /// @throws WrongThreadException if the arena is confined to another thread
    public synchronized MemorySegment pointer(CFunction function) {
        MemorySegment known = pointers.get(function);
        if (known == null) {
            known = stub(function);
            pointers.put(function, known);
        }
        return known;
    }

    @SuppressWarnings("restricted")
    private MemorySegment stub(CFunction function) {
        try {
            return Linker.nativeLinker().upcallStub(upcalls.handle(function), function.descriptor(), arena);
        } catch (ReflectiveOperationException impossible) {
            throw new LinkageError(impossible.getMessage(), impossible);
        }
    }

    /// How many requests were answered by `NULL` for want of memory, of any kind.
    public long refusalCount() {
        return upcalls.refusals().count();
    }

    /// How many calls had an address at which no live block of the heap begins: freed before, or from somewhere else.
    public long misuseCount() {
        return upcalls.family().misuseCount();
    }

    /// What each line of the library's source has allocated by [CFunction#FILE_LINE_MALLOC], the most live bytes
    /// first; for OpenSSL. Up to 4,095 lines are told apart, what others allocate is one entry, whose file is `?`.
    public List<CallSite> callSites() {
        return upcalls.sites().list();
    }

    /// A call of C that first looks whether there is stack enough for it and for the upcalls that it makes: if not, it
    /// throws [StackOverflowError] instead of being made, as a call in Java would. For programs that recurse until the
    /// stack ends: an upcall there ends the JVM.
    ///
    /// @param downcall of any type
    /// @param byteSize what the library may need, and 128 KiB for the JVM; [#STACK_BYTES] is enough for most
    /// @return a handle of the same type
    /// @throws IllegalArgumentException if `byteSize` is not from 0 to 520,000
    public static MethodHandle withStack(MethodHandle downcall, int byteSize) {
        if (byteSize < 0 || byteSize > StackCheck.MAX_BYTES) {
            throw new IllegalArgumentException(
                    "withStack(byteSize=" + byteSize + "): must be from 0 to " + StackCheck.MAX_BYTES);
        }
        return MethodHandles.foldArguments(downcall, StackCheck.of(byteSize));
    }
}
