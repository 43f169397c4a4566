package malloc4j.cli.replay;

import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import malloc4j.peers.AllocatorName;

/// What a child JVM is started for, handed over as system properties, so that it can be in constants before the
/// first class of the replay is initialised.
///
/// @param image the [TraceImage] to replay
/// @param serial all events on one thread
record ChildSettings(
        AllocatorName allocator, ReplaySource source, Path image, Touch touch, boolean verify, boolean serial) {
    private static final String PREFIX = "malloc4j-replay.";

    Map<String, String> asProperties() {
        return Map.of(
                PREFIX + "allocator",
                allocator.name(),
                PREFIX + "image",
                image.toString(),
                PREFIX + "touch",
                touch.name(),
                PREFIX + "verify",
                String.valueOf(verify),
                PREFIX + "serial",
                String.valueOf(serial),
                "malloc4j.source",
                source.toString());
    }

    static ChildSettings fromProperties() {
        return new ChildSettings(
                AllocatorName.valueOf(property(PREFIX + "allocator")),
                ReplaySource.MMAP, // for the heap alone, which reads its property itself
                Path.of(property(PREFIX + "image")),
                Touch.valueOf(property(PREFIX + "touch")),
                Boolean.parseBoolean(property(PREFIX + "verify")),
                Boolean.parseBoolean(property(PREFIX + "serial")));
    }

    private static String property(String name) {
        return Objects.requireNonNull(System.getProperty(name), name);
    }
}
