package malloc4j.cli.replay;

/// One event of a trace packed into a word; the object it is about is beside it, in [Trace#ids].
///
/// ```
///   63        59  58  57 56            51 50     48 47                                            0
///  +------------+---+---+----------------+---------+-----------------------------------------------+
///  |   unused   | A | W | alignmentShift |operation| byteSize                                      |
///  +------------+---+---+----------------+---------+-----------------------------------------------+
///   W: wait, the event before it on the same object happens on another thread
///   A: announce, the event after it on the same object happens on another thread
/// ```
///
/// Sizes of up to 2^48 - 1 bytes are more than any process can have (user addresses have 47 bits). W and A are set
/// by [Schedule] and are zero in a trace as it was read.
final class Event {
    static final int MALLOC = 0;
    static final int CALLOC = 1;
    static final int MEMALIGN = 2;
    static final int REALLOC = 3;
    static final int FREE = 4;

    static final long MAX_BYTE_SIZE = (1L << 48) - 1;
    static final long WAIT = 1L << 57;
    static final long ANNOUNCE = 1L << 58;

    private static final int OPERATION_SHIFT = 48;
    private static final int ALIGNMENT_SHIFT = 51;

    private Event() {}

    static long pack(int operation, long byteSize, long byteAlignment) {
        return byteSize
                | ((long) operation << OPERATION_SHIFT)
                | ((long) Long.numberOfTrailingZeros(byteAlignment) << ALIGNMENT_SHIFT);
    }

    static long byteSize(long event) {
        return event & MAX_BYTE_SIZE;
    }

    static int operation(long event) {
        return (int) (event >>> OPERATION_SHIFT) & 7;
    }

    static long byteAlignment(long event) {
        return 1L << ((event >>> ALIGNMENT_SHIFT) & 63);
    }
}
