package malloc4j.peers;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.util.Arrays;
import java.util.Optional;

/// Links C functions whose arguments and results are addresses and sizes, all as Java longs, as critical downcalls:
/// no thread state transition, 5 to 9 ns a call, the fastest way from Java into C. `MemorySegment` appears for none
/// of them.
public final class CFunctions {
    private static final Linker LINKER = Linker.nativeLinker();
    private static final MethodHandle LABS = ofLong(LINKER.defaultLookup(), "labs", 1);

    private CFunctions() {}

    /// A function of so many longs to a long.
    static MethodHandle ofLong(SymbolLookup library, String name, int parameterCount) {
        return link(find(library, name), FunctionDescriptor.of(JAVA_LONG, longs(parameterCount)));
    }

    /// A function of so many longs to nothing.
    static MethodHandle ofVoid(SymbolLookup library, String name, int parameterCount) {
        return link(find(library, name), FunctionDescriptor.ofVoid(longs(parameterCount)));
    }

    static SymbolLookup standardLibrary() {
        return LINKER.defaultLookup();
    }

    /// Loads and links what the JDK needs for calls of every shape, by way of `labs`, so that it is in place before
    /// an allocator's memory is measured. A function that is passed more arguments than it takes ignores them.
    public static void rehearse() throws Throwable {
        MemorySegment labs = find(standardLibrary(), "labs");
        link(labs, FunctionDescriptor.ofVoid(longs(1))).invokeExact(1L);
        long one = (long) LABS.invokeExact(-1L);
        long two = (long) link(labs, FunctionDescriptor.of(JAVA_LONG, longs(2))).invokeExact(-2L, 0L);
        if (one + two != 3) {
            throw new IllegalStateException("labs(-1) + labs(-2) = " + (one + two));
        }
    }

    /// Gives free memory of libc's own malloc back to the kernel, where libc can (glibc: `malloc_trim`).
    public static void trimLibc() throws Throwable {
        Optional<MemorySegment> trim = standardLibrary().find("malloc_trim");
        if (trim.isPresent()) {
            long unused = (long)
                    link(trim.get(), FunctionDescriptor.of(JAVA_LONG, longs(1))).invokeExact(0L);
        }
    }

    /// What a `catch (Throwable)` around an exact invocation throws on: C functions throw nothing.
    static AssertionError unexpected(Throwable thrown) {
        return new AssertionError("a downcall threw", thrown);
    }

    private static MemorySegment find(SymbolLookup library, String name) {
        return library.find(name).orElseThrow(() -> new AllocatorAbsent("the library has no function " + name));
    }

    @SuppressWarnings("restricted")
    private static MethodHandle link(MemorySegment function, FunctionDescriptor descriptor) {
        return LINKER.downcallHandle(function, descriptor, Linker.Option.critical(false));
    }

    private static MemoryLayout[] longs(int count) {
        var layouts = new MemoryLayout[count];
        Arrays.fill(layouts, JAVA_LONG);
        return layouts;
    }
}
