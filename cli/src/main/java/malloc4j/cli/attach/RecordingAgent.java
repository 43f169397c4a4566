package malloc4j.cli.attach;

import java.io.IOException;
import java.io.ObjectInputStream;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import malloc4j.cli.CliException;
import malloc4j.cli.attach.agent.FoundRecording;

/// Asks an agent for a recording.
public final class RecordingAgent {
    private final AttachedJvm jvm;

    public RecordingAgent(AttachedJvm jvm) {
        this.jvm = jvm;
    }

    /// Has a heap recorded until [#stop], or the [AttachedJvm] is closed, or this command dies.
    ///
    /// @param millis how long the agent may have to wait for the next request
    /// @param heap its name, empty for the only one
    /// @param file as the process names it
    public FoundRecording start(long millis, String heap, String file) {
        try (ObjectInputStream answer = jvm.ask("record " + millis + " " + encoded(heap) + " " + encoded(file))) {
            return FoundRecording.readFrom(answer);
        } catch (IOException | ClassNotFoundException | ClassCastException unreadable) {
            throw unreadable(unreadable);
        }
    }

    /// Ends it: then the file is whole.
    public void stop() {
        try {
            jvm.ask("stop").close();
        } catch (IOException unreadable) {
            throw unreadable(unreadable);
        }
    }

    private static String encoded(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8);
    }

    private static CliException unreadable(Exception e) {
        return CliException.cannot("the agent's answer cannot be read, its malloc4j is another version: " + e);
    }
}
