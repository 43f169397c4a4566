package malloc4j.cli.replay;

import java.nio.file.Path;
import java.util.List;
import java.util.Objects;

/// What a child JVM is started for, handed over as system properties, so that it can be in constants before the
/// first class of the replay is initialised.
///
/// @param image the [TraceImage] to replay
/// @param serial all events on one thread
record ChildSettings(
        AllocatorName allocator, PageSource source, Path image, Touch touch, boolean verify, boolean serial) {
    private static final String PREFIX = "malloc4j.replay.";

    List<String> asOptions() {
        return List.of(
                "-D" + PREFIX + "allocator=" + allocator.name(),
                "-D" + PREFIX + "image=" + image,
                "-D" + PREFIX + "touch=" + touch.name(),
                "-D" + PREFIX + "verify=" + verify,
                "-D" + PREFIX + "serial=" + serial,
                "-Dmalloc4j.source=" + source);
    }

    static ChildSettings fromProperties() {
        return new ChildSettings(
                AllocatorName.valueOf(property(PREFIX + "allocator")),
                PageSource.MMAP, // for the heap alone, which reads its property itself
                Path.of(property(PREFIX + "image")),
                Touch.valueOf(property(PREFIX + "touch")),
                Boolean.parseBoolean(property(PREFIX + "verify")),
                Boolean.parseBoolean(property(PREFIX + "serial")));
    }

    private static String property(String name) {
        return Objects.requireNonNull(System.getProperty(name), name);
    }
}
