package malloc4j.cli.attach.agent;

import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;

/// What there was to sample in a process.
///
/// @param libraries copies of malloc4j that are loaded
/// @param heaps that are open
/// @param startedHeaps of which the agent has begun to take samples
public record FoundHeaps(int libraries, int heaps, int startedHeaps) {
    void writeTo(ObjectOutputStream out) throws IOException {
        out.writeInt(libraries);
        out.writeInt(heaps);
        out.writeInt(startedHeaps);
    }

    /// Reads what [#writeTo] has written.
    public static FoundHeaps readFrom(ObjectInputStream in) throws IOException {
        return new FoundHeaps(in.readInt(), in.readInt(), in.readInt());
    }
}
