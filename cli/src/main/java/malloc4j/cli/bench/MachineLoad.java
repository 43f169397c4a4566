package malloc4j.cli.bench;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/// What else the machine did while this process worked: the processors' time that other processes took, and that
/// the hypervisor did not give (steal). From `/proc/stat` and `/proc/self/stat`, in ticks of 10 ms; this process's
/// own time from the JVM, which knows it better.
///
/// @param elapsedNanos how long it took
/// @param ownNanos processor time of this process
/// @param othersNanos processor time of all other processes, summed over processors
/// @param stealNanos processor time that this machine was ready to use and did not get
record MachineLoad(long elapsedNanos, long ownNanos, long othersNanos, long stealNanos) {
    /// A disturbed round lost more than this share of one processor to others, or to the hypervisor. Below, a tick
    /// more or less decides.
    static final double OTHERS_BOUND = 0.10;

    static final double STEAL_BOUND = 0.03;

    private static final long TICK_NANOS = 10_000_000; // USER_HZ is 100 on all of Linux' machines that we run on
    private static final OperatingSystemMXBean OWN =
            (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    private static final long SLACK_NANOS = 3 * TICK_NANOS; // the two files are not read at one moment

    /// The counters at one moment.
    record Snapshot(long nanos, long cpuNanos, long busyTicks, long stealTicks, long ownTicks) {
        static Snapshot take() throws IOException {
            String machine = firstLine("/proc/stat");
            String self = firstLine("/proc/self/stat");
            return of(System.nanoTime(), OWN.getProcessCpuTime(), machine, self);
        }

        /// @param machine `cpu user nice system idle iowait irq softirq steal ...`
        /// @param self `pid (name) state ...`, utime and stime are the 12th and 13th after the name
        static Snapshot of(long nanos, long cpuNanos, String machine, String self) {
            String[] cpu = machine.split(" +", 10);
            long busy = ticks(cpu[1]) + ticks(cpu[2]) + ticks(cpu[3]) + ticks(cpu[6]) + ticks(cpu[7]);
            String[] own = self.substring(self.lastIndexOf(')') + 2).split(" ", 15);
            return new Snapshot(nanos, cpuNanos, busy, ticks(cpu[8]), ticks(own[11]) + ticks(own[12]));
        }

        MachineLoad until(Snapshot later) {
            long others = (later.busyTicks - busyTicks) - (later.ownTicks - ownTicks);
            long most = (later.nanos - nanos) * Runtime.getRuntime().availableProcessors();
            return new MachineLoad(
                    later.nanos - nanos,
                    later.cpuNanos - cpuNanos,
                    Math.clamp(others * TICK_NANOS, 0, most),
                    (later.stealTicks - stealTicks) * TICK_NANOS);
        }

        private static long ticks(String number) {
            return Long.parseLong(number);
        }

        private static String firstLine(String file) throws IOException {
            try (var reader = Files.newBufferedReader(Path.of(file), StandardCharsets.ISO_8859_1)) {
                String line = reader.readLine();
                if (line == null) {
                    throw new IOException(file + " is empty");
                }
                return line;
            }
        }
    }

    /// The share of one processor that others took.
    double othersShare() {
        return (double) othersNanos / elapsedNanos;
    }

    double stealShare() {
        return (double) stealNanos / elapsedNanos;
    }

    boolean isDisturbed() {
        return othersNanos - SLACK_NANOS > OTHERS_BOUND * elapsedNanos
                || stealNanos - SLACK_NANOS / 3 > STEAL_BOUND * elapsedNanos;
    }
}
