package malloc4j.linux;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import malloc4j.internal.proc.SystemFiles;

/// What `/proc/thread-self/status` says of this process at one moment. Not `/proc/self`, which tells no memory once the
/// first thread has ended.
///
/// @param lockedBytes memory that is locked, `VmLck`
/// @param virtualBytes address space in use, `VmSize`: what `RLIMIT_AS` bounds
/// @param dataBytes private writable mappings, `VmData`: what `RLIMIT_DATA` bounds
/// @param mayLock whether the process holds `CAP_IPC_LOCK`, by `CapEff`
/// @source [proc_pid_status(5)](https://man7.org/linux/man-pages/man5/proc_pid_status.5.html)
record ProcessStatus(long lockedBytes, long virtualBytes, long dataBytes, boolean mayLock) {
    private static final int CAP_IPC_LOCK = 14; // linux/capability.h

    /// @throws UncheckedIOException if `/proc` is not mounted or may not be read
    static ProcessStatus read() {
        List<String> lines;
        try {
            lines = SystemFiles.LIVE.lines("/proc/thread-self/status");
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
        return new ProcessStatus(
                bytes(lines, "VmLck:"),
                bytes(lines, "VmSize:"),
                bytes(lines, "VmData:"),
                (Long.parseUnsignedLong(field(lines, "CapEff:", "0"), 16) >>> CAP_IPC_LOCK & 1) != 0);
    }

    private static long bytes(List<String> lines, String name) {
        return Long.parseLong(field(lines, name, "0 kB").replace(" kB", "")) << 10;
    }

    private static String field(List<String> lines, String name, String absent) {
        return lines.stream()
                .filter(line -> line.startsWith(name))
                .map(line -> line.substring(name.length()).strip())
                .findFirst()
                .orElse(absent);
    }
}
