package malloc4j.jmx;

import java.lang.System.Logger.Level;
import malloc4j.observe.Probe;

/// Puts heaps into JMX while they are open. Nobody calls it: where this jar is, heaps find it. It does not
/// listen to anything else that they do.
///
/// @since 0.1.0
public final class JmxProbe implements Probe {
    private static final String LOGGER = "malloc4j.jmx";

    private final boolean isActive;

    /// For [java.util.ServiceLoader].
    public JmxProbe() {
        isActive = ModuleLayer.boot().findModule("java.management").isPresent(); // one made by jlink may not have it
        if (!isActive) {
            say("this Java has no module java.management: heaps are not in JMX");
        }
    }

    static void say(String message) {
        System.getLogger(LOGGER).log(Level.WARNING, message);
    }

    @Override
    public void opened(String heap, int heapId) {
        if (isActive) {
            HeapBeans.update();
        }
    }

    @Override
    public void closed(String heap, int heapId) {
        if (isActive) {
            HeapBeans.update();
        }
    }

    @Override
    public void event(Event event) {
        // JMX asks
    }
}
