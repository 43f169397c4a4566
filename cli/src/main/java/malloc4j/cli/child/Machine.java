package malloc4j.cli.child;

import io.avaje.jsonb.Json;

/// Where something was measured.
///
/// @param memoryBytes of the machine
/// @param transparentHugePages the kernel's mode: always, madvise or never
@Json
public record Machine(
        String os,
        String kernel,
        String architecture,
        String cpu,
        int processors,
        long memoryBytes,
        String transparentHugePages,
        String jdk) {
    /// What a measurement depends on most, for people.
    public String line() {
        return processors + " x " + cpu + ", " + kernel + ", JDK " + jdk;
    }
}
