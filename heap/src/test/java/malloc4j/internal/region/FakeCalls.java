package malloc4j.internal.region;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.function.LongSupplier;
import malloc4j.internal.os.SystemCalls;
import malloc4j.internal.os.TestKernel;

/// Linux with one call replaced.
public final class FakeCalls {
    /// What stands in for a call.
    public interface Replacement {
        /// Returns the call's result.
        ///
        /// @param perform makes the real call
        long call(Object[] arguments, LongSupplier perform);
    }

    private FakeCalls() {}

    public static SystemCalls with(String name, Replacement replacement) {
        return (SystemCalls) Proxy.newProxyInstance(
                SystemCalls.class.getClassLoader(), new Class<?>[] {SystemCalls.class}, (proxy, method, arguments) -> {
                    LongSupplier perform = () -> {
                        try {
                            return (long) method.invoke(TestKernel.calls(), arguments);
                        } catch (IllegalAccessException | InvocationTargetException thrown) {
                            throw new IllegalStateException(thrown);
                        }
                    };
                    return method.getName().equals(name) ? replacement.call(arguments, perform) : perform.getAsLong();
                });
    }
}
