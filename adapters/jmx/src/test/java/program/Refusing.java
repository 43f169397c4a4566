package program;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import javax.management.MBeanServer;
import javax.management.MBeanServerBuilder;
import javax.management.MBeanServerDelegate;
import javax.management.ObjectName;

/// Makes an MBean server that takes no heaps: `-Djavax.management.builder.initial`.
public final class Refusing extends MBeanServerBuilder {
    @Override
    public MBeanServer newMBeanServer(String domain, MBeanServer outer, MBeanServerDelegate delegate) {
        MBeanServer all = super.newMBeanServer(domain, outer, delegate);
        Class<?>[] types = {MBeanServer.class};
        return (MBeanServer) Proxy.newProxyInstance(Refusing.class.getClassLoader(), types, (proxy, method, values) -> {
            if (method.getName().equals("registerMBean")
                    && ((ObjectName) values[1]).getDomain().equals("malloc4j")) {
                throw new SecurityException("no heaps here");
            }
            try {
                return method.invoke(all, values);
            } catch (InvocationTargetException thrown) {
                throw thrown.getCause();
            }
        });
    }
}
