package malloc4j.internal.os;

import org.junit.platform.launcher.LauncherSession;
import org.junit.platform.launcher.LauncherSessionListener;

/// Chooses the [TestKernel] before anything else in a JVM of tests.
public final class TestKernelListener implements LauncherSessionListener {
    @Override
    public void launcherSessionOpened(LauncherSession session) {
        TestKernel.choose();
    }
}
