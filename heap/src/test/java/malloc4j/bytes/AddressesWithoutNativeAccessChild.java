package malloc4j.bytes;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import malloc4j.alloc.Region;
import malloc4j.alloc.StackAllocator;
import malloc4j.faults.ChildJvm;
import malloc4j.linux.Mapping;

/// Run in a JVM of its own by [WithoutNativeAccessTest]: every call that reaches for memory, or asks the kernel,
/// without a heap, twice.
final class AddressesWithoutNativeAccessChild {
    private AddressesWithoutNativeAccessChild() {}

    public static void main(String[] arguments) {
        MemorySegment segment = Arena.global().allocate(4096);
        long address = segment.address();
        for (int round = 0; round < 2; round++) {
            for (long byteSize : new long[] {0, 8, 100, 4096}) {
                ChildJvm.attempt(() -> Bytes.memset(address, 1, byteSize));
                ChildJvm.attempt(() -> Bytes.memmove(address, address, byteSize));
                ChildJvm.attempt(() -> Bytes.memcmp(address, address, byteSize));
                ChildJvm.attempt(() -> Bytes.memchr(address, 1, byteSize));
                ChildJvm.attempt(() -> Bytes.memrchr(address, 1, byteSize));
                ChildJvm.attempt(() -> Bytes.memmem(address, byteSize, address, 5));
                ChildJvm.attempt(() -> Bytes.explicitBzero(address, byteSize));
            }
            ChildJvm.attempt(() -> Region.ofSegment(segment).allocate(8, 8));
            ChildJvm.attempt(
                    () -> StackAllocator.ofSegment(segment, 1024).push().allocate(8, 8));
            ChildJvm.attempt(Mapping::systemPageByteSize);
        }
    }
}
