package malloc4j.infinispan;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import malloc4j.Heap;
import malloc4j.observe.HeapStatistics;
import org.infinispan.Cache;
import org.infinispan.container.impl.InternalDataContainer;
import org.infinispan.factories.ComponentRegistry;
import org.infinispan.manager.EmbeddedCacheManager;

/// A node that is a process of its own: joins, then obeys lines on its standard input, `state` and `stop`, and answers
/// each with one.
final class Node {
    private Node() {}

    public static void main(String[] arguments) throws IOException {
        EmbeddedCacheManager manager = Caches.join(arguments[0], Path.of(arguments[1]), true);
        Cache<String, byte[]> cache = manager.getCache(Caches.NAME);
        HeapMemoryAllocator allocator = Caches.allocator(cache);
        answer("joined");
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            if (line.equals("stop")) {
                manager.stop();
            }
            answer(state(cache, allocator));
            if (line.equals("stop")) {
                return;
            }
        }
    }

    private static String state(Cache<String, byte[]> cache, HeapMemoryAllocator allocator) throws IOException {
        boolean runs = cache.getStatus().allowInvocations();
        HeapStatistics heap = allocator.statistics();
        int entries = runs
                ? ComponentRegistry.componentOf(cache, InternalDataContainer.class)
                        .sizeIncludingExpired()
                : 0;
        return new Report(
                        entries,
                        heap.allocatedBlocks(),
                        heap.freedBlocks(),
                        heap.liveBlocks(),
                        heap.liveBytes(),
                        allocator.heap().residentBytes(),
                        processResidentBytes(),
                        Heap.all().size())
                .line();
    }

    private static long processResidentBytes() throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
            if (line.startsWith("VmRSS:")) {
                return Long.parseLong(line.replaceAll("[^0-9]", "")) << 10;
            }
        }
        throw new IOException("/proc/self/status has no VmRSS");
    }

    private static void answer(String line) {
        System.out.println(Report.MARK + line);
        System.out.flush();
    }

    /// What a node says of itself.
    ///
    /// @param entries that this node keeps, as the first or the second owner
    /// @param openHeaps of the process
    record Report(
            long entries,
            long allocatedBlocks,
            long freedBlocks,
            long liveBlocks,
            long liveBytes,
            long residentBytes,
            long processResidentBytes,
            long openHeaps) {
        /// What the lines of answers begin with.
        static final String MARK = "node: ";

        String line() {
            return entries + " " + allocatedBlocks + " " + freedBlocks + " " + liveBlocks + " " + liveBytes + " "
                    + residentBytes + " " + processResidentBytes + " " + openHeaps;
        }

        static Report read(String line) {
            String[] words = line.split(" ", -1);
            long[] values = new long[words.length];
            for (int i = 0; i < words.length; i++) {
                values[i] = Long.parseLong(words[i]);
            }
            return new Report(values[0], values[1], values[2], values[3], values[4], values[5], values[6], values[7]);
        }
    }
}
