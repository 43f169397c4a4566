package malloc4j.benchmarks;

import java.lang.foreign.MemorySegment;

/// The operations of one implementation, in one form. A fork loads one of them only, so calls are inlined.
interface ByteFunctions {
    void memset(ByteRanges ranges) throws Throwable;

    void memcpy(ByteRanges ranges) throws Throwable;

    void memmove(ByteRanges ranges) throws Throwable;

    int memcmp(ByteRanges ranges) throws Throwable;

    long memchr(ByteRanges ranges) throws Throwable;

    long memrchr(ByteRanges ranges) throws Throwable;

    long memmem(ByteRanges ranges, MemorySegment needle) throws Throwable;

    static ByteFunctions of(String by, String form) {
        return switch (by + " by " + form) {
            case "malloc4j by address" -> new BytesByAddress();
            case "malloc4j by segment" -> new BytesBySegment();
            case "libc by address" -> new LibcByAddress();
            case "libc by segment" -> new LibcBySegment();
            default -> throw new IllegalArgumentException(by + " by " + form);
        };
    }
}
