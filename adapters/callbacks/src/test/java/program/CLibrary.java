package program;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;

/// A library that is called from Java as C would call it, for tests.
@SuppressWarnings("restricted")
public record CLibrary(SymbolLookup lookup) {
    /// An installed library.
    ///
    /// @param debianPackage what has it, for whoever has not
    public static CLibrary of(String fileName, String debianPackage) {
        try {
            return new CLibrary(SymbolLookup.libraryLookup(fileName, Arena.global()));
        } catch (IllegalArgumentException absent) {
            throw new AssertionError(
                    fileName + " is not installed: apt-get install " + debianPackage + " (.ci/run does it)", absent);
        }
    }

    /// A function by its type, for whoever calls it often.
    public MethodHandle function(String name, FunctionDescriptor descriptor) {
        return Linker.nativeLinker().downcallHandle(lookup.findOrThrow(name), descriptor);
    }

    /// Calls a function that returns `int`; pointers are segments, other arguments of the type that they have.
    public int callInt(String name, Object... arguments) {
        return (int) call(name, JAVA_INT, arguments);
    }

    /// Calls a function that returns `long` or `size_t`.
    public long callLong(String name, Object... arguments) {
        return (long) call(name, JAVA_LONG, arguments);
    }

    /// Calls a function that returns a pointer.
    public MemorySegment callPointer(String name, Object... arguments) {
        return (MemorySegment) call(name, ADDRESS, arguments);
    }

    /// Calls a function that returns nothing.
    public void callVoid(String name, Object... arguments) {
        Object unused = invoke(function(name, FunctionDescriptor.ofVoid(layouts(arguments))), arguments);
    }

    private Object call(String name, MemoryLayout returned, Object... arguments) {
        return invoke(function(name, FunctionDescriptor.of(returned, layouts(arguments))), arguments);
    }

    /// Calls a handle, whatever it throws.
    public static Object invoke(MethodHandle function, Object... arguments) {
        try {
            return function.invokeWithArguments(arguments);
        } catch (Throwable thrown) {
            throw new AssertionError(thrown);
        }
    }

    private static MemoryLayout[] layouts(Object... arguments) {
        MemoryLayout[] layouts = new MemoryLayout[arguments.length];
        for (int index = 0; index < layouts.length; index++) {
            layouts[index] = switch (arguments[index]) {
                case Integer number -> JAVA_INT;
                case Long number -> JAVA_LONG;
                case MemorySegment pointer -> ADDRESS;
                default -> throw new IllegalArgumentException("argument " + index + " of " + arguments[index]);
            };
        }
        return layouts;
    }

    /// The text at a pointer that C has returned; empty for `NULL`.
    public static String text(MemorySegment pointer) {
        return pointer.address() == 0 ? "" : pointer.reinterpret(Long.MAX_VALUE).getString(0);
    }
}
