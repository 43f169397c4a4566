package malloc4j.callbacks;

import static java.lang.foreign.ValueLayout.ADDRESS;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.util.Arrays;

/// A C library that is told of functions: what is looked up in it, and how it is called.
///
/// @param name for messages, with the oldest version that has all that is looked up
/// @param hook what is called, for messages
record Library(String name, String hook, SymbolLookup lookup) {
    /// A function of the library.
    ///
    /// @param fixedArguments how many come before `...`, or as many as there are
    /// @throws IllegalArgumentException if the library has none of that name
    @SuppressWarnings("restricted")
    MethodHandle function(String symbol, FunctionDescriptor descriptor, int fixedArguments) {
        MemorySegment address = lookup.find(symbol)
                .orElseThrow(() -> new IllegalArgumentException(
                        hook + ": the library has no symbol " + symbol + ": it is another one, or older than " + name));
        Linker linker = Linker.nativeLinker();
        boolean isVariadic = fixedArguments < descriptor.argumentLayouts().size();
        return isVariadic
                ? linker.downcallHandle(address, descriptor, Linker.Option.firstVariadicArg(fixedArguments))
                : linker.downcallHandle(address, descriptor);
    }

    MethodHandle function(String symbol, FunctionDescriptor descriptor) {
        return function(symbol, descriptor, descriptor.argumentLayouts().size());
    }

    /// Calls a function; null for `void`.
    Object call(String symbol, FunctionDescriptor descriptor, Object... arguments) {
        return invoke(function(symbol, descriptor), arguments);
    }

    /// Calls a function that returns a pointer, with pointers.
    MemorySegment pointer(String symbol, MemorySegment... arguments) {
        MemoryLayout[] layouts = new MemoryLayout[arguments.length];
        Arrays.fill(layouts, ADDRESS);
        return (MemorySegment) call(symbol, FunctionDescriptor.of(ADDRESS, layouts), (Object[]) arguments);
    }

    static Object invoke(MethodHandle function, Object... arguments) {
        try {
            return function.invokeWithArguments(arguments);
        } catch (RuntimeException | Error thrown) {
            throw thrown;
        } catch (Throwable impossible) {
            throw new AssertionError(impossible);
        }
    }
}
