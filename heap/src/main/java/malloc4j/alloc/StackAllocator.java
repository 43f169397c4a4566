package malloc4j.alloc;

import static java.util.Objects.requireNonNull;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentLinkedDeque;
import malloc4j.Heap;
import malloc4j.OutOfNativeMemoryError;
import malloc4j.internal.memory.Sizes;
import malloc4j.internal.memory.StackProbe;
import malloc4j.internal.os.Mutex;
import malloc4j.internal.route.Tenants;
import org.jspecify.annotations.Nullable;

/// alloca for Java: blocks that are gone when the frame they were allocated in is closed.
///
/// ```
///   the stack of one thread
///   base                                                            limit
///    |####|##|######|#####|##########|                                |
///     frame 1        frame 2    ^    ^ top
///                               blocks of the innermost frame
/// ```
///
/// ```java
/// import java.lang.foreign.MemorySegment;
/// import java.lang.foreign.ValueLayout;
/// import malloc4j.Heap;
/// import malloc4j.alloc.StackAllocator;
///
/// static final StackAllocator STACKS = StackAllocator.ofHeap(Heap.common(), 64 << 10);
///
/// void main() {
///     MemorySegment escaped;
///     try (StackAllocator.Frame frame = STACKS.push()) {
///         MemorySegment numbers = frame.allocate(ValueLayout.JAVA_INT, 100);
///         numbers.setAtIndex(ValueLayout.JAVA_INT, 99, 7);
///         escaped = numbers;
///     } // gone: using it throws
///     if (escaped.scope().isAlive()) {
///         throw new AssertionError(STACKS);
///     }
/// }
/// ```
///
/// **Threads.** Each thread has a stack of its own. A platform thread keeps the one it was given; when it has
/// ended, another thread is given it. A virtual thread has one only while it has a frame open, wherever it is
/// mounted meanwhile; then the stack goes to the next that needs one. So there are as many stacks as platform
/// threads that use this allocator and virtual threads that have a frame open at the same time, up to twice as many
/// when threads that have ended have not been looked for yet.
///
/// **What is checked.** Frames are closed in the reverse order, and only the innermost one allocates; anything else
/// is refused. A frame and its blocks belong to the thread that opened the frame, like a confined arena: another is
/// refused by [WrongThreadException]. A block's segment throws [IllegalStateException] once its frame is closed. A
/// block that does not fit is refused by [AllocatorOverflowException]. Nothing is checked for a block used by its
/// raw address, nor can a block know that the segment below this allocator was closed before its frame: close them
/// in the other order, as try-with-resources does.
///
/// This allocator itself allocates from the current thread's innermost frame, for code that is given an allocator
/// and knows nothing of frames; a [Frame] does the same faster.
///
/// The contents of a block are unspecified, unless it comes from [Frame#allocateZeroed]; [Frame#zeroed] is a frame
/// as an allocator of zeroed blocks. A block of zero bytes takes no room.
///
/// Concurrency: a stack is used by its owner alone. Only the owner puts itself there, and only it, or whoever finds
/// that it has ended, removes it; so a thread that reads itself as the owner is right. `places` is a cache: a stale
/// entry has another owner, and the thread looks into its [ThreadLocal].
///
/// Invariants, each checked by [#verify] while no thread uses this allocator:
/// 1. `base <= top <= limit`, and `top == base` where no frame is open; stacks do not overlap.
/// 2. A stack without an owner is idle, and no frame is open on it.
/// 3. No two stacks have one owner.
///
/// @since 0.1.0
public final class StackAllocator implements SegmentAllocator, AutoCloseable {
    private static final int PLACES = 256;
    private static final Stack NONE = new Stack(0, 0);
    private static final int FIRST_SEARCH = 16; // stacks that there are when threads that have ended are looked for
    private static final int MIN_STACK_BYTES = 64;

    private final long stackBytes;
    private final @Nullable MemorySegment backing; // null: the heap
    private final @Nullable HeapBlocks heapBlocks; // null: the segment

    private final Stack[] places = new Stack[PLACES]; // by thread id: platform threads find their stack here first

    /// Each thread's own stack, or one that it had. Weakly: a thread that lives on would keep this allocator's classes.
    @SuppressWarnings("ThreadLocalUsage") // each allocator has its own stacks
    private final ThreadLocal<WeakReference<Stack>> slots = new ThreadLocal<>();

    private final ConcurrentLinkedDeque<Stack> idle = new ConcurrentLinkedDeque<>();

    private final Mutex lock = new Mutex(); // over `stacks`, `nextSearch` and closing
    private final List<Stack> stacks = new ArrayList<>();
    private int nextSearch = FIRST_SEARCH;
    private volatile boolean closed;

    private StackAllocator(long stackBytes, @Nullable MemorySegment backing, @Nullable HeapBlocks heapBlocks) {
        this.stackBytes = stackBytes;
        this.backing = backing;
        this.heapBlocks = heapBlocks;
        Arrays.fill(places, NONE);
    }

    /// An allocator whose stacks come from `heap`, one for each thread that needs one.
    ///
    /// @param stackBytes the size of a stack in bytes, 64 to 2^30
    /// @throws IllegalArgumentException if `stackBytes` is outside its range
    public static StackAllocator ofHeap(Heap heap, long stackBytes) {
        HeapBlocks blocks = new HeapBlocks(heap, Tenants.Kind.STACKS, null);
        StackAllocator allocator = new StackAllocator(checkStackBytes(stackBytes), null, blocks);
        blocks.enter();
        return allocator;
    }

    /// An allocator whose stacks are parts of `segment`, such as a mapping's: as many as fit. When all of them
    /// belong to threads, the next thread is refused by [AllocatorOverflowException].
    ///
    /// @param stackBytes the size of a stack in bytes, 64 to 2^30
    /// @throws IllegalArgumentException if `stackBytes` is outside its range, or the segment is not native, is
    ///     read-only or has no room for a stack
    /// @throws IllegalStateException if the segment is closed
    /// @throws WrongThreadException if it is confined to another thread
    public static StackAllocator ofSegment(MemorySegment segment, long stackBytes) {
        Requests.checkBacking(segment);
        if (segment.byteSize() < checkStackBytes(stackBytes)) {
            throw new IllegalArgumentException(
                    "a segment of " + segment.byteSize() + " bytes has no room for a stack of " + stackBytes);
        }
        return new StackAllocator(stackBytes, segment, null);
    }

    private static long checkStackBytes(long stackBytes) {
        if (stackBytes < MIN_STACK_BYTES || stackBytes > 1L << 30) {
            throw new IllegalArgumentException("stackBytes=" + stackBytes + ": must be 64 to 2^30");
        }
        return stackBytes;
    }

    /// Opens a frame on the current thread's stack, inside those that are open there.
    ///
    /// @throws IllegalStateException if this allocator or its segment is closed
    /// @throws AllocatorOverflowException if this allocator is on a segment and all its stacks belong to other
    ///     threads
    /// @throws malloc4j.OutOfNativeMemoryError if the heap has no memory for a stack
    /// @implNote A load from a table by thread id, compared with the thread. Frame and scope are objects that the
    ///     JIT removes where the frame does not leave the method.
    public Frame push() {
        Thread thread = Thread.currentThread();
        Stack stack = places[(int) thread.threadId() & (PLACES - 1)];
        if (stack.owner != thread) {
            stack = find(thread);
        }
        return new Frame(this, stack, thread);
    }

    /// Allocates from the innermost frame of the current thread; the block is gone when that is closed. Its
    /// contents are unspecified.
    ///
    /// @param byteSize 0 or more
    /// @param byteAlignment a power of two
    /// @throws IllegalArgumentException if an argument is outside its range
    /// @throws AllocatorOverflowException if the stack has no room for the block
    /// @throws IllegalStateException if no frame is open on this thread, or this allocator is closed
    @Override
    public MemorySegment allocate(long byteSize, long byteAlignment) {
        Thread thread = Thread.currentThread();
        Stack stack = last();
        if (stack == null || stack.owner != thread || stack.depth == 0) {
            throw new IllegalStateException("allocate of " + this + ": "
                    + (closed ? "the allocator is closed" : "no frame is open on " + thread));
        }
        return stack.allocate(byteSize, byteAlignment, stack.innermostScope());
    }

    // --------------------------------------------------------------------------------------------------------- frames

    /// One frame: what is allocated in it is gone when it is closed. It belongs to the thread that opened it.
    public static final class Frame implements SegmentAllocator, AutoCloseable {
        private final StackAllocator allocator;
        private final Stack stack;
        private final Thread owner;
        private final Arena scope = Arena.ofConfined();
        private final int depth;
        private final long base;
        private boolean closed;

        private Frame(StackAllocator allocator, Stack stack, Thread owner) {
            this.allocator = allocator;
            this.stack = stack;
            this.owner = owner;
            this.depth = stack.depth + 1;
            this.base = stack.top;
            stack.depth = depth;
        }

        /// Allocates a block in this frame. Its contents are unspecified.
        ///
        /// @param byteSize 0 or more
        /// @param byteAlignment a power of two
        /// @throws IllegalArgumentException if an argument is outside its range
        /// @throws AllocatorOverflowException if the stack has no room for the block
        /// @throws IllegalStateException if this frame is closed, or a frame inside it is open
        /// @throws WrongThreadException if another thread opened this frame
        @Override
        public MemorySegment allocate(long byteSize, long byteAlignment) {
            requireInnermost("allocate");
            return stack.allocate(byteSize, byteAlignment, scope);
        }

        /// Allocates a block in this frame that is zero.
        ///
        /// @param byteSize 0 or more
        /// @param byteAlignment a power of two
        /// @throws IllegalArgumentException if an argument is outside its range
        /// @throws AllocatorOverflowException if the stack has no room for the block
        /// @throws IllegalStateException if this frame is closed, or a frame inside it is open
        /// @throws WrongThreadException if another thread opened this frame
        public MemorySegment allocateZeroed(long byteSize, long byteAlignment) {
            return allocate(byteSize, byteAlignment).fill((byte) 0);
        }

        /// This frame as an allocator whose segments are zero.
        public SegmentAllocator zeroed() {
            return this::allocateZeroed;
        }

        /// Allocates a block in this frame and returns its address, a multiple of 16. Nothing tells when it is used
        /// after the frame was closed.
        ///
        /// @param byteSize 0 or more
        /// @throws IllegalArgumentException if `byteSize` is negative
        /// @throws AllocatorOverflowException if the stack has no room for the block
        /// @throws IllegalStateException if this frame is closed, or a frame inside it is open
        /// @throws WrongThreadException if another thread opened this frame
        /// @source [alloca(3)](https://man7.org/linux/man-pages/man3/alloca.3.html)
        public long alloca(long byteSize) {
            return alloca(byteSize, 16);
        }

        /// Allocates a block in this frame, as [#alloca(long)], aligned as asked.
        ///
        /// @param byteSize 0 or more
        /// @param byteAlignment a power of two
        /// @throws IllegalArgumentException if an argument is outside its range
        /// @throws AllocatorOverflowException if the stack has no room for the block
        /// @throws IllegalStateException if this frame is closed, or a frame inside it is open
        /// @throws WrongThreadException if another thread opened this frame
        public long alloca(long byteSize, long byteAlignment) {
            requireInnermost("alloca");
            long address = stack.place(byteSize, byteAlignment);
            stack.top = address + byteSize;
            return address;
        }

        /// How many bytes of the stack this frame and those inside it have; 0 when it is closed.
        ///
        /// @throws WrongThreadException if another thread opened this frame
        public long usedBytes() {
            requireOwner();
            return scope.scope().isAlive() ? stack.top - base : 0;
        }

        /// Frees what was allocated in this frame. Closing a closed frame does nothing.
        ///
        /// @throws IllegalStateException if a frame inside it is open, or a native call is using one of its blocks:
        ///     it stays open
        /// @throws WrongThreadException if another thread opened this frame
        @Override
        public void close() {
            if (closed || stack.depth != depth || owner != Thread.currentThread()) {
                refuseUnlessClosed();
                return;
            }
            if (stack.watchedDepth == depth) {
                closeSlow();
                return;
            }
            pop();
        }

        private void pop() {
            Stack.end(scope);
            stack.top = base;
            stack.depth = depth - 1;
            closed = true;
        }

        /// Closes a frame that has a scope for [StackAllocator#allocate], or after which the stack goes back.
        private void closeSlow() {
            stack.closeInnermostScope();
            pop();
            if (depth == 1 && stack.returns) {
                allocator.takeBack(stack);
            }
        }

        private void refuseUnlessClosed() {
            requireOwner();
            if (!closed) {
                throw new IllegalStateException("close of a frame at depth " + depth + ": a frame at depth "
                        + stack.depth + " is open inside it");
            }
        }

        private void requireInnermost(String call) {
            if (stack.depth != depth
                    || owner != Thread.currentThread()
                    || !scope.scope().isAlive()) {
                requireOwner();
                throw new IllegalStateException(call + " in a frame at depth " + depth + ": "
                        + (scope.scope().isAlive()
                                ? "a frame at depth " + stack.depth + " is open inside it"
                                : "the frame is closed"));
            }
        }

        private void requireOwner() {
            if (owner != Thread.currentThread()) {
                throw Requests.wrongThread("a frame at depth " + depth, owner);
            }
        }
    }

    // --------------------------------------------------------------------------------------------------------- stacks

    /// The thread's stack, or one that it is given.
    private Stack find(Thread thread) {
        Stack stack = last();
        if (stack == null || stack.owner != thread) {
            stack = lease(thread);
            slots.set(stack.weak);
        }
        if (backing != null) {
            if (!backing.scope().isAlive()) {
                throw new IllegalStateException("push of " + this + ": its segment is closed");
            }
        } else if (!stack.returns) {
            int place = (int) thread.threadId() & (PLACES - 1);
            Thread there = places[place].owner;
            if (there == null || !there.isAlive()) { // threads that share a place do not take it from each other
                places[place] = stack;
            }
        }
        return stack;
    }

    /// The current thread's stack, or one that it had.
    private @Nullable Stack last() {
        WeakReference<Stack> slot = slots.get();
        return slot == null ? null : slot.get();
    }

    private Stack lease(Thread thread) {
        StackProbe.requireForCall();
        Stack stack = idle.pollFirst();
        if (stack == null) {
            stack = make();
        }
        stack.prepare(thread.isVirtual());
        stack.owner = thread;
        return stack;
    }

    /// Puts a stack where the next thread finds it. The caller has been its owner.
    private void takeBack(Stack stack) {
        stack.owner = null;
        idle.addFirst(stack);
    }

    private Stack make() {
        while (true) {
            try {
                return makeOnce();
            } catch (OutOfNativeMemoryError refused) {
                if (heapBlocks == null || !heapBlocks.makeRoom(refused, stackBytes)) {
                    throw refused;
                }
            }
        }
    }

    private Stack makeOnce() {
        lock.lock();
        try {
            if (closed) {
                throw new IllegalStateException("push of " + this + ": the allocator is closed");
            }
            long room = backing == null ? Long.MAX_VALUE : backing.byteSize() / stackBytes;
            if (stacks.size() >= Math.min(nextSearch, room)) {
                takeBackOfEnded();
            }
            Stack stack = idle.pollFirst();
            if (stack == null && stacks.size() >= room) {
                throw new AllocatorOverflowException(
                        "push",
                        toString(),
                        stackBytes,
                        stacks.size() * stackBytes,
                        room * stackBytes,
                        "all stacks belong to threads that live; give it a larger segment");
            }
            if (stack == null) {
                long base = backing == null
                        ? requireNonNull(heapBlocks).add(stackBytes, 16)
                        : backing.address() + stacks.size() * stackBytes;
                try {
                    stack = new Stack(base, stackBytes);
                    stacks.add(stack);
                } catch (OutOfMemoryError ofJava) {
                    if (heapBlocks != null) {
                        heapBlocks.remove(base);
                    }
                    throw ofJava;
                }
            }
            return stack;
        } finally {
            lock.unlock();
        }
    }

    /// Takes the stacks of threads that have ended, with frames open or not, and sets when to look again. Under the
    /// lock.
    private void takeBackOfEnded() {
        int inUse = 0;
        for (Stack stack : stacks) {
            Thread owner = stack.owner;
            if (owner == null) {
                continue;
            }
            if (!owner.isAlive() && stack.owner == owner) { // or it gave the stack back, and ended meanwhile
                stack.abandonFrames();
                takeBack(stack);
            } else {
                inUse++;
            }
        }
        nextSearch = Math.max(FIRST_SEARCH, 2 * inUse);
    }

    /// The size of a stack in bytes.
    public long stackBytes() {
        return stackBytes;
    }

    /// How many stacks there are, in use or idle; 0 when this allocator is closed.
    public int stackCount() {
        StackProbe.requireForCall();
        lock.lock();
        try {
            return stacks.size();
        } finally {
            lock.unlock();
        }
    }

    /// Checks every invariant, while no other thread uses this allocator.
    ///
    /// @throws AssertionError naming the first that does not hold
    public void verify() {
        StackProbe.requireForWhole();
        lock.lock();
        try {
            Set<Stack> unused = new HashSet<>(idle);
            check(unused.size() == idle.size(), "a stack is idle twice");
            Set<Thread> owners = new HashSet<>();
            NavigableMap<Long, Long> ends = new TreeMap<>();
            for (Stack stack : stacks) {
                stack.verify();
                Thread owner = stack.owner;
                check(owner == null || owners.add(owner), "a thread has two stacks");
                check(unused.contains(stack) == (owner == null), "a stack is neither idle nor owned, or both");
                check(owner != null || stack.depth == 0, "a frame is open on an idle stack");
                Map.Entry<Long, Long> below = ends.floorEntry(stack.base);
                Map.Entry<Long, Long> above = ends.higherEntry(stack.base);
                check(below == null || below.getValue() <= stack.base, "stacks overlap");
                check(above == null || stack.limit <= above.getKey(), "stacks overlap");
                ends.put(stack.base, stack.limit);
            }
            check(stacks.containsAll(unused), "an idle stack is not among the stacks");
        } finally {
            lock.unlock();
        }
    }

    private static void check(boolean condition, String message) {
        if (!condition) {
            throw new AssertionError(message);
        }
    }

    /// Gives all stacks back to the heap. No other thread may be opening a frame meanwhile. Closing a closed
    /// allocator does nothing.
    ///
    /// @throws IllegalStateException if a thread that lives has a frame open: nothing has changed
    @Override
    public void close() {
        StackProbe.requireForWhole();
        lock.lock();
        try {
            if (!closed) {
                abandonStacks();
            }
            if (heapBlocks != null) {
                heapBlocks.freeAll();
            }
        } finally {
            lock.unlock();
        }
    }

    /// Closes this allocator for every thread, unless one has a frame open. Under the lock.
    private void abandonStacks() {
        takeBackOfEnded();
        for (Stack stack : stacks) {
            if (stack.depth > 0) {
                throw new IllegalStateException(
                        "close of " + this + ": a frame at depth " + stack.depth + " is open in " + stack.owner);
            }
        }
        closed = true;
        for (Stack stack : stacks) {
            stack.owner = null; // so that its thread looks for another, and finds this allocator closed
        }
        stacks.clear();
        idle.clear();
        Arrays.fill(places, NONE);
    }

    @Override
    public String toString() {
        return "StackAllocator[" + (heapBlocks == null ? "segment" : heapBlocks) + ", stacks of "
                + Sizes.exact(stackBytes) + (closed ? ", closed]" : "]");
    }
}
