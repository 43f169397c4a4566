package malloc4j.bytes;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/// Run in a JVM of its own by [WithoutNativeAccessTest]: every operation on segments, of sizes for which the C library
/// would be called.
final class WithoutNativeAccessChild {
    private WithoutNativeAccessChild() {}

    public static void main(String[] arguments) {
        try (Arena arena = Arena.ofConfined()) {
            for (long byteSize : new long[] {16, 100, 5_000}) {
                MemorySegment one = arena.allocate(byteSize);
                MemorySegment two = arena.allocate(byteSize);
                Bytes.memset(one, 'a');
                Bytes.memset(one, byteSize - 5, 'b', 5);
                Bytes.memcpy(two, 0, one, 0, byteSize);
                Bytes.memmove(two, 1, two, 0, byteSize - 1);
                System.out.println(byteSize - Bytes.memchr(one, 'b')
                        + " " + (byteSize - Bytes.memrchr(one, 'a'))
                        + " " + (byteSize - Bytes.memmem(one, one.asSlice(byteSize - 6)))
                        + " " + Integer.signum(Bytes.memcmp(one, two)));
                Bytes.explicitBzero(one);
                System.out.println(Bytes.memchr(one, 'a'));
            }
        }
    }
}
