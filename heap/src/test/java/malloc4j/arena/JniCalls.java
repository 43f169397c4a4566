package malloc4j.arena;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/// JNI without a native library: its functions are pointers in a table, which downcalls reach.
///
/// Any native method of the JDK that is called between two of the calls drops JNI's local references. So all that the
/// calls need is made, and linked, before the first.
@SuppressWarnings("restricted")
final class JniCalls {
    private static final int GET_ENV = 6; // of the table of a JavaVM; the next of that of a JNIEnv
    private static final int GET_VERSION = 4;
    private static final int FIND_CLASS = 6;
    private static final int GET_METHOD_ID = 33;
    private static final int CALL_OBJECT_METHOD_A = 36;
    private static final int GET_STATIC_METHOD_ID = 113;
    private static final int CALL_STATIC_OBJECT_METHOD_A = 116;
    private static final int GET_STATIC_FIELD_ID = 144;
    private static final int GET_STATIC_OBJECT_FIELD = 145;
    private static final int NEW_STRING_UTF = 167;
    private static final int GET_DIRECT_BUFFER_ADDRESS = 230;
    private static final int GET_DIRECT_BUFFER_CAPACITY = 231;
    private static final int LAST = 232;
    private static final long VERSION = 0x0001_0008;

    private static final MethodHandle CALL = Linker.nativeLinker()
            .downcallHandle(FunctionDescriptor.of(
                    ValueLayout.JAVA_LONG,
                    ValueLayout.ADDRESS,
                    ValueLayout.JAVA_LONG,
                    ValueLayout.JAVA_LONG,
                    ValueLayout.JAVA_LONG));

    /// What JNI is asked about.
    @SuppressWarnings("unused") // by JNI
    private static @Nullable ByteBuffer buffer;

    private final Arena arena = Arena.global();
    private final MemorySegment environment;
    private final MemorySegment[] functions = new MemorySegment[LAST];
    private final MemorySegment word = arena.allocate(ValueLayout.JAVA_LONG);
    private final long loaderName = text("java/lang/ClassLoader");
    private final long getLoaderName = text("getSystemClassLoader");
    private final long getLoaderType = text("()Ljava/lang/ClassLoader;");
    private final long loadName = text("loadClass");
    private final long loadType = text("(Ljava/lang/String;)Ljava/lang/Class;");
    private final long selfName = text(JniCalls.class.getName());
    private final long fieldName = text("buffer");
    private final long fieldType = text("Ljava/nio/ByteBuffer;");

    JniCalls() throws Throwable {
        SymbolLookup jvm =
                SymbolLookup.libraryLookup(Path.of(System.getProperty("java.home"), "lib/server/libjvm.so"), arena);
        MemorySegment found = arena.allocate(ValueLayout.ADDRESS);
        int unused = (int) Linker.nativeLinker()
                .downcallHandle(
                        jvm.findOrThrow("JNI_GetCreatedJavaVMs"),
                        FunctionDescriptor.of(
                                ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_INT, ValueLayout.ADDRESS))
                .invokeExact(found, 1, arena.allocate(ValueLayout.JAVA_INT));
        MemorySegment machine = found.get(ValueLayout.ADDRESS, 0);
        long result = (long) CALL.invokeExact(function(machine, GET_ENV), machine, found.address(), VERSION, 0L);
        environment = found.get(ValueLayout.ADDRESS, 0);
        for (int index = GET_VERSION; index < LAST; index++) {
            functions[index] = function(environment, index);
        }
        for (int turn = 0; turn < 100; turn++) {
            result |= call(GET_VERSION, 0, 0, 0);
        }
        if (result == 0) {
            throw new AssertionError("JNI has no version");
        }
    }

    /// A function of the table that an interface pointer points to.
    private static MemorySegment function(MemorySegment pointer, int index) {
        long table = pointer.reinterpret(8).get(ValueLayout.JAVA_LONG, 0);
        return MemorySegment.ofAddress(table).reinterpret(8L * LAST).getAtIndex(ValueLayout.ADDRESS, index);
    }

    private long text(String value) {
        return arena.allocateFrom(value).address();
    }

    /// Whether JNI tells the address and the capacity of a direct buffer as they are.
    boolean tells(ByteBuffer asked) throws Throwable {
        buffer = asked;
        long address = MemorySegment.ofBuffer(asked).address();
        // Of the system's loader: a downcall has no class of its own, by whose loader JNI would look for this one.
        long loaderClass = call(FIND_CLASS, loaderName, 0, 0);
        long getLoader = call(GET_STATIC_METHOD_ID, loaderClass, getLoaderName, getLoaderType);
        long loader = call(CALL_STATIC_OBJECT_METHOD_A, loaderClass, getLoader, 0);
        long load = call(GET_METHOD_ID, loaderClass, loadName, loadType);
        word.set(ValueLayout.JAVA_LONG, 0, call(NEW_STRING_UTF, selfName, 0, 0));
        long self = call(CALL_OBJECT_METHOD_A, loader, load, word.address());
        long field = call(GET_STATIC_FIELD_ID, self, fieldName, fieldType);
        long reference = call(GET_STATIC_OBJECT_FIELD, self, field, 0);
        return call(GET_DIRECT_BUFFER_ADDRESS, reference, 0, 0) == address
                && call(GET_DIRECT_BUFFER_CAPACITY, reference, 0, 0) == asked.capacity();
    }

    /// Calls a function with as many words as it takes; it does not look at the others.
    private long call(int index, long first, long second, long third) throws Throwable {
        return (long) CALL.invokeExact(functions[index], environment, first, second, third);
    }
}
