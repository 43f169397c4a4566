package malloc4j.linux;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.util.Arrays;
import malloc4j.faults.ChildJvm;

/// A child JVM that may not lock beyond its limit, whoever runs the tests.
final class Unprivileged {
    private static final String[] WITHOUT_IPC_LOCK = {
        "setpriv", "--bounding-set", "-ipc_lock", "--inh-caps", "-ipc_lock"
    };

    private Unprivileged() {}

    static ChildJvm childJvm() throws IOException, InterruptedException {
        if (!MemoryLock.limits().privileged()) {
            return ChildJvm.small();
        }
        assumeTrue(canDropTheCapability(), "setpriv drops CAP_IPC_LOCK");
        return ChildJvm.small().startedBy(WITHOUT_IPC_LOCK);
    }

    private static boolean canDropTheCapability() throws InterruptedException {
        String[] command = Arrays.copyOf(WITHOUT_IPC_LOCK, WITHOUT_IPC_LOCK.length + 1);
        command[WITHOUT_IPC_LOCK.length] = "true";
        try {
            return new ProcessBuilder(command)
                            .redirectErrorStream(true)
                            .redirectOutput(Redirect.DISCARD)
                            .start()
                            .waitFor()
                    == 0;
        } catch (IOException absent) {
            return false;
        }
    }
}
