package malloc4j.counts;

/// What has been done since the last [#reset], counted by the calls that [CountingLoader] puts in.
public final class Counts {
    private static long atomics;
    private static long locks;
    private static long systemCalls;
    private static long words;

    private Counts() {}

    public static synchronized void atomic() {
        atomics++;
    }

    public static synchronized void lock() {
        locks++;
    }

    public static synchronized void systemCall() {
        systemCalls++;
    }

    public static synchronized void word() {
        words++;
    }

    public static synchronized void reset() {
        words = 0;
        atomics = 0;
        locks = 0;
        systemCalls = 0;
    }

    public static synchronized String line() {
        return atomics + " " + locks + " " + systemCalls + " " + words;
    }
}
