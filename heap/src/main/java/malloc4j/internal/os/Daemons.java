package malloc4j.internal.os;

/// Threads of this library, which belong to nobody's application: daemons in the root thread group, of normal priority,
/// without a context class loader and without inheritable thread locals. So a thread that happens to start one leaves
/// nothing in it that could not be collected any more.
public final class Daemons {
    private Daemons() {}

    /// A thread that has not been started.
    public static Thread unstarted(String name, Runnable work) {
        ThreadGroup root = Thread.currentThread().getThreadGroup();
        while (root.getParent() != null) {
            root = root.getParent();
        }
        Thread created = Thread.ofPlatform()
                .group(root)
                .name(name)
                .daemon()
                .priority(Thread.NORM_PRIORITY)
                .inheritInheritableThreadLocals(false)
                .unstarted(work);
        created.setContextClassLoader(null);
        return created;
    }
}
