package malloc4j.callbacks;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/// What is needed of C itself: its `errno`, its `abort`, and memory by address.
final class CRuntime {
    static final int ENOMEM = 12;

    /// All addresses.
    static final MemorySegment MEMORY = everything();

    private static final MethodHandle ERRNO_LOCATION =
            handle("__errno_location", FunctionDescriptor.of(ValueLayout.JAVA_LONG));
    private static final MethodHandle ABORT = handle("abort", FunctionDescriptor.ofVoid());

    private CRuntime() {}

    @SuppressWarnings("restricted")
    private static MemorySegment everything() {
        return MemorySegment.NULL.reinterpret(Long.MAX_VALUE);
    }

    @SuppressWarnings("restricted")
    private static MethodHandle handle(String name, FunctionDescriptor descriptor) {
        Linker linker = Linker.nativeLinker();
        MemorySegment symbol = linker.defaultLookup().findOrThrow(name);
        return linker.downcallHandle(symbol, descriptor, Linker.Option.critical(false));
    }

    /// Sets C's `errno` of this thread: it outlives the way back from an upcall.
    static void setErrno(int number) throws Throwable {
        MEMORY.set(ValueLayout.JAVA_INT, (long) ERRNO_LOCATION.invokeExact(), number);
    }

    /// Ends the process.
    static void abort() throws Throwable {
        ABORT.invokeExact();
    }
}
