package malloc4j.cli.attach.agent;

import java.lang.instrument.Instrumentation;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;

/// Where a JVM enters the agent. It is all that stays in the process when a command has ended, because the JVM unloads
/// no agent: the rest comes from a class loader of its own, so that a later command brings its own version of it.
///
/// A JVM that has this class already does not load it again, from whatever command it comes. So what it asks of the
/// folder and of [AgentSession]'s constructor must not change.
public final class Agent {
    /// In the folder: this agent.
    public static final String JAR = "agent.jar";

    /// In the folder: the socket at which the command waits.
    public static final String SOCKET = "socket";

    private static final String SESSION = "malloc4j.cli.attach.agent.AgentSession";

    /// The name of the agent's thread, as long as the kernel keeps it.
    public static final String THREAD = "malloc4j-attach";

    private Agent() {}

    /// Begins a session in a thread of its own, which ends with it. A failure is not told here: the command misses the
    /// agent at the socket.
    ///
    /// @param folder of [#JAR] and [#SOCKET]
    @SuppressWarnings("CatchingUnchecked")
    public static void agentmain(String folder, Instrumentation instrumentation) {
        try {
            URL jar = Path.of(folder, JAR).toUri().toURL();
            var loader = new URLClassLoader(THREAD, new URL[] {jar}, ClassLoader.getPlatformClassLoader());
            try {
                Runnable session = loader.loadClass(SESSION)
                        .asSubclass(Runnable.class)
                        .getConstructor(URLClassLoader.class, Path.class, Instrumentation.class)
                        .newInstance(loader, Path.of(folder, SOCKET), instrumentation);
                var thread = new Thread(null, session, THREAD, 0, false);
                thread.setContextClassLoader(null);
                thread.setDaemon(true);
                thread.start();
            } catch (Throwable failed) {
                loader.close();
            }
        } catch (Throwable failed) {
            // the process is not ours to disturb
        }
    }
}
