package malloc4j.cli.workload;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MutableCallSite;

/// Whether operations are sampled for their latency: a constant to the JIT, which compiles again when it changes.
/// So rounds that measure throughput carry nothing of it, not even a test.
final class Sampling {
    private static final MutableCallSite SITE = new MutableCallSite(MethodHandles.constant(boolean.class, false));
    private static final MethodHandle IS_ON = SITE.dynamicInvoker();

    private Sampling() {}

    static boolean isOn() {
        try {
            return (boolean) IS_ON.invokeExact();
        } catch (Throwable e) {
            throw new AssertionError("a constant threw", e);
        }
    }

    static void switchTo(boolean on) {
        SITE.setTarget(MethodHandles.constant(boolean.class, on));
        MutableCallSite.syncAll(new MutableCallSite[] {SITE});
    }
}
