package malloc4j.alloc;

/// Keeps the fields of two objects apart by two cache lines, because different threads write them: without it the
/// garbage collector lays such objects side by side.
@SuppressWarnings("unused")
abstract class Apart {
    private long p00, p01, p02, p03, p04, p05, p06, p07, p08, p09, p10, p11, p12, p13, p14, p15;
}
