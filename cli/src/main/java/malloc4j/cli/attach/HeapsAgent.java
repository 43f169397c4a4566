package malloc4j.cli.attach;

import java.io.IOException;
import java.io.ObjectInputStream;
import java.util.ArrayList;
import java.util.List;
import malloc4j.cli.CliException;
import malloc4j.observe.HeapFootprint;
import malloc4j.observe.HeapStatistics;
import malloc4j.observe.HeldPages;
import malloc4j.observe.SizeClassStatistics;

/// Asks an agent what the heaps of its process tell of themselves.
public final class HeapsAgent {
    private static final int MAX_HEAPS = 1 << 20;

    private final AttachedJvm jvm;

    public HeapsAgent(AttachedJvm jvm) {
        this.jvm = jvm;
    }

    /// What a heap tells.
    ///
    /// @param number of the heap in its process
    /// @param name as its options say
    public record Answer<T>(int number, String name, T value) {}

    /// What was resident of a heap before and after a trim.
    public record Trimmed(long beforeBytes, long afterBytes) {}

    public List<Answer<HeapFootprint>> footprints() {
        return read("footprint", HeapFootprint.class);
    }

    public List<Answer<HeapStatistics>> statistics() {
        return read("statistics", HeapStatistics.class, SizeClassStatistics.class);
    }

    public List<Answer<HeldPages>> heldPages() {
        return read("heldPages", HeldPages.class, HeldPages.Slab.class, HeldPages.Holder.class, HeldPages.Site.class);
    }

    /// Has every heap give back what it can, but so many bytes each.
    public List<Answer<Trimmed>> trim(long keepBytes) {
        try (ObjectInputStream in = jvm.ask("trim " + keepBytes)) {
            List<Answer<Trimmed>> answers = new ArrayList<>();
            for (int left = count(in); left > 0; left--) {
                answers.add(new Answer<>(in.readInt(), in.readUTF(), new Trimmed(in.readLong(), in.readLong())));
            }
            return answers;
        } catch (IOException unreadable) {
            throw unreadable(unreadable);
        }
    }

    private <T> List<Answer<T>> read(String methods, Class<T> type, Class<?>... parts) {
        Class<?>[] types = new Class<?>[parts.length + 1];
        types[0] = type;
        System.arraycopy(parts, 0, types, 1, parts.length);
        try (ObjectInputStream in = jvm.ask("read " + methods, types)) {
            List<Answer<T>> answers = new ArrayList<>();
            for (int left = count(in); left > 0; left--) {
                answers.add(new Answer<>(in.readInt(), in.readUTF(), type.cast(in.readObject())));
            }
            return answers;
        } catch (IOException | ClassNotFoundException | ClassCastException unreadable) {
            throw unreadable(unreadable);
        }
    }

    /// Reads how many copies of the library there are, and how many answers come; there is one at least.
    private int count(ObjectInputStream in) throws IOException {
        int libraries = in.readInt();
        int count = in.readInt();
        if (count > MAX_HEAPS) {
            throw new IOException(count + " heaps");
        }
        jvm.requireHeaps(libraries, count);
        return count;
    }

    private static CliException unreadable(Exception e) {
        return CliException.cannot("the agent's answer cannot be read, its malloc4j is another version: " + e);
    }
}
