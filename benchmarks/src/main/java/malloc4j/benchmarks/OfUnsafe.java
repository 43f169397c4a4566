package malloc4j.benchmarks;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.reflect.Field;

/// The JDK's `sun.misc.Unsafe`, as libraries used it before Java 22: the C library's malloc through the JVM, with
/// native memory tracking's bookkeeping. Reached by constant handles because javac warns of the class wherever it
/// is named.
final class OfUnsafe implements Allocator {
    private static final MethodHandle MALLOC = method("allocateMemory", long.class);
    private static final MethodHandle FREE = method("freeMemory", void.class);

    private static MethodHandle method(String name, Class<?> returnType) {
        try {
            Class<?> unsafe = Class.forName("sun.misc.Unsafe");
            Field instance = unsafe.getDeclaredField("theUnsafe");
            instance.setAccessible(true);
            return MethodHandles.publicLookup()
                    .findVirtual(unsafe, name, MethodType.methodType(returnType, long.class))
                    .bindTo(instance.get(null));
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException("this JDK has no sun.misc.Unsafe." + name, e);
        }
    }

    @Override
    public long malloc(long byteSize) {
        try {
            return (long) MALLOC.invokeExact(byteSize);
        } catch (Throwable thrown) {
            throw new IllegalStateException(thrown);
        }
    }

    @Override
    public void free(long address) {
        try {
            FREE.invokeExact(address);
        } catch (Throwable thrown) {
            throw new IllegalStateException(thrown);
        }
    }
}
