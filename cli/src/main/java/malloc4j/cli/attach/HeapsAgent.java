package malloc4j.cli.attach;

import java.io.IOException;
import java.io.ObjectInputStream;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import malloc4j.cli.CliException;
import malloc4j.observe.ExtentSnapshot;
import malloc4j.observe.HeapFootprint;
import malloc4j.observe.HeapSnapshot;
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

    public List<Answer<HeapSnapshot>> snapshots() {
        return read(
                "snapshot",
                HeapSnapshot.class,
                ExtentSnapshot.class,
                HeapSnapshot.Block.class,
                HeapSnapshot.SizeClass.class,
                HeapSnapshot.Cache.class,
                HeapSnapshot.Arenas.class,
                HeapSnapshot.Budget.class,
                HeapSnapshot.Parts.class);
    }

    /// The numbers of the heaps: the least that can be asked.
    public List<Answer<Integer>> numbers() {
        return read("heapId", Integer.class);
    }

    /// Has every heap give back what it can, but so many bytes each.
    public List<Answer<Trimmed>> trim(long keepBytes) {
        return ask("trim " + keepBytes, long[].class).stream()
                .map(answer ->
                        new Answer<>(answer.number(), answer.name(), new Trimmed(answer.value()[0], answer.value()[1])))
                .toList();
    }

    private <T> List<Answer<T>> read(String methods, Class<T> type, Class<?>... parts) {
        return ask("read " + methods, type, parts);
    }

    private <T> List<Answer<T>> ask(String request, Class<T> type, Class<?>... parts) {
        Set<Class<?>> types = new LinkedHashSet<>(List.of(parts));
        types.add(type);
        try (ObjectInputStream in = jvm.ask(request, types.toArray(Class<?>[]::new))) {
            int libraries = in.readInt();
            int count = in.readInt();
            if (count > MAX_HEAPS) {
                throw new IOException(count + " heaps");
            }
            jvm.requireHeaps(libraries, count);
            List<Answer<T>> answers = new ArrayList<>();
            for (int left = count; left > 0; left--) {
                answers.add(new Answer<>(in.readInt(), (String) in.readObject(), type.cast(in.readObject())));
            }
            return answers;
        } catch (IOException | ClassNotFoundException | ClassCastException | IndexOutOfBoundsException unreadable) {
            throw unreadable(unreadable);
        }
    }

    private static CliException unreadable(Exception e) {
        return CliException.cannot("the agent's answer cannot be read, its malloc4j is another version: " + e);
    }
}
