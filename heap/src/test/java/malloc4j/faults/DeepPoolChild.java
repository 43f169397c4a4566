package malloc4j.faults;

import malloc4j.Heap;
import malloc4j.alloc.BlockPool;

/// A thread that recurses until its stack overflows, taking a block of a confined pool at every level and freeing it in
/// `finally`, again and again; then `verify` holds. Prints `done`.
public final class DeepPoolChild {
    private static final int OVERFLOWS = 300;
    private static final int STACK_BYTES = 192 << 10;

    private DeepPoolChild() {}

    public static void main(String[] arguments) throws Exception {
        Thread thread = new Thread(null, DeepPoolChild::overflow, "deep", STACK_BYTES);
        thread.start();
        thread.join();
    }

    private static void overflow() {
        try (BlockPool pool = BlockPool.ofSize(64).confined(Heap.common())) {
            pool.free(pool.malloc());
            for (int count = 0; count < OVERFLOWS; count++) {
                try {
                    recurse(pool, count % 8);
                } catch (StackOverflowError expected) {
                    continue;
                }
                throw new AssertionError("the stack did not overflow");
            }
            pool.verify();
        }
        System.out.println("done");
    }

    /// @param largerFrames how many of the frames are larger: so the stack ends elsewhere each time
    @SuppressWarnings("InfiniteRecursion") // until the stack overflows
    private static void recurse(BlockPool pool, int largerFrames) {
        long block = pool.malloc();
        try {
            if (largerFrames > 0) {
                deeper(pool, largerFrames, 1, 2, 3);
            } else {
                recurse(pool, 0);
            }
        } finally {
            pool.free(block);
        }
    }

    private static long deeper(BlockPool pool, int largerFrames, long a, long b, long c) {
        recurse(pool, largerFrames - 1);
        return a + b + c;
    }
}
