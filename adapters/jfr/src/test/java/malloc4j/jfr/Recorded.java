package malloc4j.jfr;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;

/// A recording of this JVM, and what is in it.
final class Recorded implements AutoCloseable {
    private final Recording recording;

    /// Begins a recording that has nothing but what is told.
    ///
    /// @param settings such as "malloc4j.Map#enabled"
    Recorded(Map<String, String> settings) {
        recording = new Recording(settings);
        recording.start();
    }

    /// One that has events of these types.
    static Recorded of(String... types) {
        Recorded made = new Recorded(Map.of());
        for (String type : types) {
            made.recording.enable(type);
        }
        return made;
    }

    Recording recording() {
        return recording;
    }

    /// What is there of a heap now.
    List<RecordedEvent> events(String type, String heap) {
        return all().stream()
                .filter(event -> event.getEventType().getName().equals(type))
                .filter(event -> event.getString("heap").equals(heap))
                .toList();
    }

    List<RecordedEvent> all() {
        try {
            Path file = Files.createTempFile("recorded", ".jfr");
            try {
                recording.dump(file);
                return RecordingFile.readAllEvents(file);
            } finally {
                Files.delete(file);
            }
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    /// What is there of a heap, as soon as that is enough: another thread writes it.
    List<RecordedEvent> await(String type, String heap, Predicate<List<RecordedEvent>> isEnough) {
        List<RecordedEvent> events = events(type, heap);
        for (int attempt = 0; attempt < 300 && !isEnough.test(events); attempt++) {
            LockSupport.parkNanos(50_000_000);
            events = events(type, heap);
        }
        assertThat(isEnough.test(events)).as("enough of %s: %s", type, events).isTrue();
        return events;
    }

    /// One event of a heap, as soon as it is there.
    RecordedEvent awaitOne(String type, String heap) {
        return await(type, heap, events -> !events.isEmpty()).getFirst();
    }

    @Override
    public void close() {
        recording.close();
    }
}
