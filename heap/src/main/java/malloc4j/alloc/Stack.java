package malloc4j.alloc;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.WeakReference;
import malloc4j.internal.memory.Bits;
import malloc4j.internal.memory.RawMemory;
import org.jspecify.annotations.Nullable;

/// The stack of one thread, of a [StackAllocator].
///
/// ```
///   base                   top         limit
///    |####|##|#####|###|####|            |
///     depth 1       depth 2
/// ```
///
/// Concurrency: but for `owner`, it is used by its owner alone; [#verify] and [#abandonFrames] by whoever knows
/// that there is none, or that it rests.
final class Stack extends Apart {
    final long base;
    final long limit;
    final WeakReference<Stack> weak = new WeakReference<>(this);
    volatile @Nullable Thread owner;
    boolean returns; // when its outermost frame is closed
    long top;
    int depth; // how many frames are open
    int watchedDepth; // the innermost frame that has a scope in `scopes`; if none has, 1 if the stack returns, or 0
    private @Nullable FrameScope scopes;

    Stack(long base, long byteSize) {
        this.base = base;
        this.limit = base + byteSize;
        this.top = base;
    }

    /// Makes this stack, on which no frame is open, ready for an owner.
    void prepare(boolean returns) {
        this.returns = returns;
        this.watchedDepth = returns ? 1 : 0;
    }

    /// The scope of what [StackAllocator#allocate] gives out in the frame at `depth`, and those of frames
    /// around it.
    private record FrameScope(
            Arena arena, int depth, @Nullable FrameScope outer) {}

    MemorySegment allocate(long byteSize, long byteAlignment, Arena scope) {
        long address = place(byteSize, byteAlignment);
        top = address + byteSize;
        return RawMemory.segment(address, byteSize, scope);
    }

    /// Where a block would be, if there is room.
    long place(long byteSize, long byteAlignment) {
        Requests.check(byteSize, byteAlignment);
        long address = Bits.alignUp(top, byteAlignment);
        if (byteSize > limit - address) {
            throw new AllocatorOverflowException(
                    "allocate(byteSize=" + byteSize + ", byteAlignment=" + byteAlignment + ")",
                    "the stack of " + owner,
                    byteSize,
                    top - base,
                    limit - base,
                    "close frames, or make the stacks larger");
        }
        return address;
    }

    /// The scope for the innermost frame, which is open.
    Arena innermostScope() {
        FrameScope innermost = scopes;
        if (innermost == null || innermost.depth != depth) {
            innermost = new FrameScope(Arena.ofConfined(), depth, innermost);
            scopes = innermost;
            watchedDepth = depth;
        }
        return innermost.arena;
    }

    /// Closes the scope of the innermost frame, if it has one.
    void closeInnermostScope() {
        FrameScope innermost = scopes;
        if (innermost != null && innermost.depth == depth) {
            end(innermost.arena);
            scopes = innermost.outer;
            watchedDepth = expectedWatchedDepth();
        }
    }

    /// Closes a scope, if it is open: it is not where an error has ended an earlier close after that.
    static void end(Arena scope) {
        if (scope.scope().isAlive()) {
            scope.close();
        }
    }

    private int expectedWatchedDepth() {
        return scopes != null ? scopes.depth : returns ? 1 : 0;
    }

    /// Forgets the frames of a thread that has ended: nobody can use their blocks, which were confined to it.
    void abandonFrames() {
        top = base;
        depth = 0;
        scopes = null;
    }

    void verify() {
        check(base <= top && top <= limit, "the top lies outside of its stack");
        check(depth >= 0 && (scopes == null || scopes.depth <= depth), "a depth is wrong");
        check(depth > 0 || top == base, "there are blocks outside of frames");
        check(owner == null || watchedDepth == expectedWatchedDepth(), "the watched depth is wrong");
    }

    private static void check(boolean condition, String message) {
        if (!condition) {
            throw new AssertionError(message);
        }
    }
}
