package malloc4j.cli.record;

import java.io.IOException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/// When a recording is to end: at Enter, or at a signal that ends this command, which waits then until all was told.
final class RecordingEnd {
    private static final long TELLING_SECONDS = 30;

    private final CountDownLatch requested = new CountDownLatch(1);
    private final CountDownLatch told = new CountDownLatch(1);
    private final Thread hook = new Thread(this::awaitTold, "malloc4j-record-end");

    /// Watches for a signal from now on.
    void watch() {
        Runtime.getRuntime().addShutdownHook(hook);
    }

    /// Watches for Enter too. The end of the input is none: a command in the background has no input.
    void watchInput() {
        Thread reader = new Thread(this::readLine, "malloc4j-record-enter");
        reader.setDaemon(true);
        reader.start();
    }

    boolean isRequested() {
        return requested.getCount() == 0;
    }

    /// All was told.
    void tell() {
        told.countDown();
        try {
            boolean unused = Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException ending) {
            // this command ends now
        }
    }

    private void awaitTold() {
        requested.countDown();
        try {
            boolean unused = told.await(TELLING_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException ending) {
            Thread.currentThread().interrupt();
        }
    }

    private void readLine() {
        try {
            int letter = System.in.read();
            while (letter >= 0 && letter != '\n') {
                letter = System.in.read();
            }
            if (letter == '\n') {
                requested.countDown();
            }
        } catch (IOException noInput) {
            // then it ends otherwise
        }
    }
}
