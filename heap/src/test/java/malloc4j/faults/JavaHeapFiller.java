package malloc4j.faults;

import org.jspecify.annotations.Nullable;

/// Fills the Java heap of a child JVM.
public final class JavaHeapFiller {
    private static final int SMALLEST_PIECE = 16;

    private static Object @Nullable [] filler;

    private JavaHeapFiller() {}

    /// Fills it but for about `room` bytes.
    public static void fill(int room) {
        byte[] spared = new byte[room];
        for (int byteSize = 1 << 20; byteSize >= SMALLEST_PIECE; byteSize /= 256) { // each end is collected in vain
            try {
                while (true) {
                    filler = byteSize > SMALLEST_PIECE
                            ? new Object[] {filler, new byte[byteSize]} // which the collector need not look into
                            : new Object[] {filler};
                }
            } catch (OutOfMemoryError full) {
                // on to smaller pieces
            }
        }
        if (spared.length != room) { // no text: the first use of a constant makes an object
            throw new AssertionError(spared.length);
        }
    }

    /// Empties it.
    public static void empty() {
        filler = null;
    }
}
