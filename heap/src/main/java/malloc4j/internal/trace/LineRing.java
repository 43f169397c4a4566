package malloc4j.internal.trace;

/// Lines on their way from the threads that make them to the one that writes them out: a ring of bytes.
///
/// ```
///          written                    filled
///   | free    |##### lines, whole ones ##|       free |        both only grow; a byte is at its number modulo the size
/// ```
///
/// Invariant: `written <= filled <= written +` [#BYTES], and `filled` is the end of a line.
///
/// Concurrency: one thread at a time makes lines, under a lock of the ring's owner; one writes them out. Each of the
/// two numbers has one writer, and is written after the bytes it stands for were put, or read.
final class LineRing {
    /// The size.
    static final int BYTES = 1 << 20;

    /// No line is longer: a letter, four numbers of 19 digits at most, a space before each, an end.
    static final int MAX_LINE_BYTES = 96;

    private static final int MASK = BYTES - 1;

    private final byte[] bytes = new byte[BYTES];
    private final byte[] digits = new byte[20];
    private volatile long filled;
    private volatile long written;
    private long end; // of the line that is being made

    /// How many bytes more lines may have. For who makes them.
    int room() {
        return BYTES - (int) (filled - written);
    }

    /// Begins a line, for which there is room.
    LineRing begin(char letter) {
        end = filled;
        put((byte) letter);
        return this;
    }

    /// A space and a number, 0 or more.
    LineRing number(long value) {
        put((byte) ' ');
        int count = 0;
        long rest = value;
        do {
            digits[count++] = (byte) ('0' + rest % 10);
            rest /= 10;
        } while (rest != 0);
        while (count > 0) {
            put(digits[--count]);
        }
        return this;
    }

    /// Ends the line: from now on it may be written out.
    void end() {
        put((byte) '\n');
        filled = end;
    }

    private void put(byte next) {
        bytes[(int) end & MASK] = next;
        end++;
    }

    /// The bytes, each at its number modulo [#BYTES]. For who writes them out.
    byte[] bytes() {
        return bytes;
    }

    /// The number of the first byte that was not written out.
    long written() {
        return written;
    }

    /// The number of the first byte that is not there yet.
    long filled() {
        return filled;
    }

    /// Where the bytes from one number to another one have to be parted: at the end of the ring.
    static long partition(long from, long to) {
        return Math.min(to, (from | MASK) + 1);
    }

    /// Gives the bytes before a number up: they were written out.
    void release(long number) {
        written = number;
    }
}
