package malloc4j.benchmarks;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.Optional;

/// The malloc and free of a C library, by critical downcalls with `long` for pointers: no thread state change, no
/// segment object. An absent library has handles too, which throw; the constants of a benchmark can always be made.
@SuppressWarnings("restricted")
final class NativeLibrary {
    private static final Linker LINKER = Linker.nativeLinker();
    private static final MethodType MALLOC = MethodType.methodType(long.class, long.class);
    private static final MethodType FREE = MethodType.methodType(void.class, long.class);

    private final SymbolLookup symbols;
    private final String absence;

    private NativeLibrary(SymbolLookup symbols, String absence) {
        this.symbols = symbols;
        this.absence = absence;
    }

    /// The C library that the JVM itself uses.
    static NativeLibrary ofC() {
        return new NativeLibrary(LINKER.defaultLookup(), "");
    }

    /// The library with a file name, which the Debian package `debianPackage` installs.
    static NativeLibrary of(String fileName, String debianPackage) {
        try {
            return new NativeLibrary(SymbolLookup.libraryLookup(fileName, Arena.global()), "");
        } catch (IllegalArgumentException notLoaded) {
            String advice = fileName + " cannot be loaded: apt-get install " + debianPackage
                    + ", and GLIBC_TUNABLES=glibc.rtld.optional_static_tls=4096 in the environment";
            return new NativeLibrary(name -> Optional.empty(), advice);
        }
    }

    boolean isAbsent() {
        return !absence.isEmpty();
    }

    /// Why it is absent, and what helps.
    String absence() {
        return absence;
    }

    MethodHandle malloc(String symbol) {
        return link(symbol, FunctionDescriptor.of(ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG), MALLOC);
    }

    MethodHandle free(String symbol) {
        return link(symbol, FunctionDescriptor.ofVoid(ValueLayout.JAVA_LONG), FREE);
    }

    private MethodHandle link(String symbol, FunctionDescriptor descriptor, MethodType type) {
        if (isAbsent()) {
            MethodHandle thrower = MethodHandles.throwException(type.returnType(), IllegalStateException.class)
                    .bindTo(new IllegalStateException(absence));
            return MethodHandles.dropArguments(thrower, 0, type.parameterList());
        }
        MemorySegment function = symbols.findOrThrow(symbol);
        return LINKER.downcallHandle(function, descriptor, Linker.Option.critical(false));
    }
}
