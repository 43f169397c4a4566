package malloc4j.internal.region;

import java.io.FileInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.AtomicInteger;

/// Counts the kernel mappings (VMAs) this library may cause, in the whole process, and refuses to pass a quarter of
/// what the kernel allows: past its limit `vm.max_map_count` the JVM's own next mapping fails, and the JVM exits.
///
/// Each region and each huge block counts as [#MAPPINGS_EACH], the most that one range can add: itself, and the
/// half of the neighbour that it splits off. A `Mapping` of the public API counts each of its parts and one more, a
/// `SecretMemory` three and one more, and locks each place where the number of their holders changes.
public final class MappingBudget {
    /// The most mappings that one more range adds.
    public static final int MAPPINGS_EACH = 2;

    private static final int DEFAULT_MAX_MAP_COUNT = 65_530; // the kernel's default, include/linux/mm.h
    private static final int MAX_DIGITS = 32;
    private static final int LIMIT = maxMapCount() / 4;
    private static final AtomicInteger USED = new AtomicInteger();

    private MappingBudget() {}

    /// The most mappings that this library lets itself have.
    public static int limit() {
        return LIMIT;
    }

    /// The mappings in use now, at most.
    public static int used() {
        return USED.get();
    }

    static boolean tryAcquire() {
        return tryAcquire(MAPPINGS_EACH);
    }

    static void release() {
        release(MAPPINGS_EACH);
    }

    /// Counts `mappingCount` more, unless that would pass the limit.
    public static boolean tryAcquire(int mappingCount) {
        if (USED.addAndGet(mappingCount) > LIMIT) {
            USED.addAndGet(-mappingCount);
            return false;
        }
        return true;
    }

    /// Counts `mappingCount` less; below 0, more, even past the limit.
    public static void release(int mappingCount) {
        USED.addAndGet(-mappingCount);
    }

    private static int maxMapCount() {
        // One read call takes it all: the kernel gives the file's value at offset 0 only, and Files.readString asks for
        // the first byte alone.
        try (FileInputStream file = new FileInputStream("/proc/sys/vm/max_map_count")) {
            String text = new String(file.readNBytes(MAX_DIGITS), StandardCharsets.US_ASCII);
            return (int) Math.min(Integer.MAX_VALUE, Long.parseLong(text.strip()));
        } catch (IOException | NumberFormatException unreadable) {
            return DEFAULT_MAX_MAP_COUNT;
        }
    }
}
