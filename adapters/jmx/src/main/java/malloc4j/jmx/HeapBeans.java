package malloc4j.jmx;

import java.lang.management.ManagementFactory;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import javax.management.InstanceAlreadyExistsException;
import javax.management.InstanceNotFoundException;
import javax.management.JMException;
import javax.management.MBeanServer;
import javax.management.ObjectName;
import malloc4j.Heap;

/// Which heaps are in the platform's MBean server.
///
/// A bean has its heap weakly, so one that nobody has any more goes; its bean goes when the next heap is opened or
/// closed. Where another copy of this library, of another class loader, has the name already, the name gets a key more:
/// `loader=2`.
///
/// Concurrency: under the monitor of the class, by the thread that tells probes.
final class HeapBeans {
    private static final String DOMAIN = "malloc4j";
    private static final String SPECIAL = ",=:\"*?\n\\";
    private static final int MOST_LOADERS = 100;

    private static final Map<Integer, ObjectName> NAMES = new HashMap<>();
    private static boolean isRefused;

    private HeapBeans() {}

    /// Registers the open heaps that are not, and unregisters those that are not open any more.
    static synchronized void update() {
        List<Heap> open = Heap.all();
        Set<Integer> ids = open.stream().map(Heap::heapId).collect(Collectors.toSet());
        for (Integer gone :
                NAMES.keySet().stream().filter(id -> !ids.contains(id)).toList()) {
            ObjectName name = Objects.requireNonNull(NAMES.remove(gone));
            ask(server -> unregister(server, name));
        }
        for (Heap heap : open) {
            if (!NAMES.containsKey(heap.heapId())) {
                ask(server -> NAMES.put(heap.heapId(), register(server, heap)));
            }
        }
    }

    /// What the server refuses is said, once, and the heap goes on.
    private static void ask(Request request) {
        Thread thread = Thread.currentThread();
        ClassLoader before = thread.getContextClassLoader();
        try {
            thread.setContextClassLoader(ClassLoader.getSystemClassLoader()); // a server of the program's own is there
            request.of(ManagementFactory.getPlatformMBeanServer());
        } catch (JMException | RuntimeException | LinkageError refused) {
            if (!isRefused) {
                isRefused = true;
                JmxProbe.say("the MBean server refuses, so not every heap is in JMX: " + refused);
            }
        } finally {
            thread.setContextClassLoader(before);
        }
    }

    private static ObjectName register(MBeanServer server, Heap heap) throws JMException {
        HeapBean bean = new HeapBean(heap);
        for (int loader = 1; ; loader++) {
            try {
                return server.registerMBean(bean, name(heap, loader)).getObjectName();
            } catch (InstanceAlreadyExistsException taken) {
                if (loader == MOST_LOADERS) {
                    throw taken;
                }
            }
        }
    }

    private static void unregister(MBeanServer server, ObjectName name) throws JMException {
        try {
            server.unregisterMBean(name);
        } catch (InstanceNotFoundException byOthers) {
            // as wanted
        }
    }

    private static ObjectName name(Heap heap, int loader) throws JMException {
        String name = heap.options().name();
        boolean isPlain = !name.isEmpty() && name.chars().allMatch(letter -> SPECIAL.indexOf(letter) < 0);
        return new ObjectName(DOMAIN + ":type=Heap,name=" + (isPlain ? name : ObjectName.quote(name)) + ",id="
                + heap.heapId() + (loader == 1 ? "" : ",loader=" + loader));
    }

    @FunctionalInterface
    private interface Request {
        void of(MBeanServer server) throws JMException;
    }
}
