package malloc4j.cli.attach.agent;

import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.util.ArrayList;
import java.util.List;

/// What there was to record in a process.
///
/// @param libraries copies of malloc4j that are loaded and can record
/// @param names of the heaps that are open
/// @param chosen the place of the one that is recorded now, -1 for none
public record FoundRecording(int libraries, List<String> names, int chosen) {
    private static final int MAX_NAMES = 1 << 20;

    void writeTo(ObjectOutputStream out) throws IOException {
        out.writeInt(libraries);
        out.writeInt(names.size());
        for (String name : names) {
            out.writeObject(name);
        }
        out.writeInt(chosen);
    }

    /// Reads what [#writeTo] has written.
    public static FoundRecording readFrom(ObjectInputStream in) throws IOException, ClassNotFoundException {
        int libraries = in.readInt();
        int count = Math.min(in.readInt(), MAX_NAMES);
        List<String> names = new ArrayList<>();
        for (int index = 0; index < count; index++) {
            names.add((String) in.readObject());
        }
        return new FoundRecording(libraries, names, in.readInt());
    }
}
