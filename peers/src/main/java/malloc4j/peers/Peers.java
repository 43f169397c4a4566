package malloc4j.peers;

import java.lang.foreign.Arena;
import java.util.function.Supplier;
import malloc4j.Heap;

/// Makes the allocator of a name.
public final class Peers {
    private Peers() {}

    /// Keep the result in a `static final` field: only from there does the JIT see through it.
    ///
    /// @throws AllocatorAbsent if it is not installed
    public static Allocator of(AllocatorName name) {
        return switch (name) {
            case MALLOC4J -> new Malloc4jAllocator();
            case MALLOC4J_SEGMENT -> new Malloc4jSegmentAllocator(Heap.common());
            case MALLOC4J_ARENA -> ArenaAllocator.of(ofMalloc4j(false), ofMalloc4j(true), Malloc4jAllocator.VERSION);
            case MALLOC4J_ARENA_SHARED ->
                ArenaAllocator.of(ofMalloc4j(true), ofMalloc4j(true), Malloc4jAllocator.VERSION);
            case GLIBC -> CAllocator.of(AllocatorLibrary.GLIBC);
            case JEMALLOC -> CAllocator.of(AllocatorLibrary.JEMALLOC);
            case MIMALLOC -> CAllocator.of(AllocatorLibrary.MIMALLOC);
            case TCMALLOC -> CAllocator.of(AllocatorLibrary.TCMALLOC);
            case ARENA -> ArenaAllocator.of(Arena::ofConfined, Arena::ofShared, jdk());
            case ARENA_SHARED -> ArenaAllocator.of(Arena::ofShared, Arena::ofShared, jdk());
            case UNSAFE -> new UnsafeAllocator();
            case NETTY -> NettyAllocator.pooled();
            case NETTY_ADAPTIVE -> NettyAllocator.adaptive();
            case NONE -> new NoAllocator(0);
        };
    }

    static String jdk() {
        return "JDK " + Runtime.version();
    }

    private static Supplier<Arena> ofMalloc4j(boolean shared) {
        Heap heap = Heap.common();
        return shared ? heap::ofShared : heap::ofConfined;
    }
}
