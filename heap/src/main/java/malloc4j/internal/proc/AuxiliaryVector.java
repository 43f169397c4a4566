package malloc4j.internal.proc;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HashMap;
import java.util.Map;

/// What the kernel gives a program when it starts: pairs of words, number and value.
///
/// @source [getauxval(3)](https://man7.org/linux/man-pages/man3/getauxval.3.html), `linux/auxvec.h`
public final class AuxiliaryVector {
    /// The kernel's page in bytes.
    public static final long AT_PAGESZ = 6;

    /// Where the dynamic linker lies.
    static final long AT_BASE = 7;

    /// One that tells nothing.
    static final AuxiliaryVector NONE = new AuxiliaryVector(Map.of());

    private final Map<Long, Long> values;

    private AuxiliaryVector(Map<Long, Long> values) {
        this.values = values;
    }

    /// Reads it.
    ///
    /// @param file of the process, such as `/proc/4711/auxv`
    /// @throws IOException if it may not be read
    public static AuxiliaryVector read(SystemFiles files, String file) throws IOException {
        Map<Long, Long> values = new HashMap<>();
        ByteBuffer words = ByteBuffer.wrap(files.bytes(file)).order(ByteOrder.nativeOrder());
        while (words.remaining() >= 2 * Long.BYTES) {
            values.put(words.getLong(), words.getLong());
        }
        return new AuxiliaryVector(values);
    }

    /// A value by its number; 0 where there is none.
    public long value(long number) {
        return values.getOrDefault(number, 0L);
    }
}
