package program;

import java.lang.management.ManagementFactory;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import javax.management.JMException;
import javax.management.ObjectName;

/// Waits for beans, in a class of its own: a Java may have no JMX.
final class Beans {
    private Beans() {}

    /// Prints their names.
    static void await(int count) throws InterruptedException {
        for (int attempt = 0; ; attempt++) {
            Set<ObjectName> found = find();
            if (found.size() == count) {
                System.out.println(new TreeSet<>(found));
                return;
            }
            if (attempt == 3_000) {
                throw new AssertionError(count + " beans expected, there are " + found);
            }
            TimeUnit.MILLISECONDS.sleep(10);
        }
    }

    private static Set<ObjectName> find() {
        try {
            return ManagementFactory.getPlatformMBeanServer().queryNames(new ObjectName("malloc4j:type=Heap,*"), null);
        } catch (JMException impossible) {
            throw new AssertionError(impossible);
        }
    }
}
