import malloc4j.Heap;

/// What the page is measured on: a million small blocks, and 10 GiB of large ones that nobody has touched. Allocates and
/// frees a little, so that there is something to see.
class Large {
    private static final int SMALL_BLOCKS = 1_000_000;
    private static final int HUGE_BLOCKS = 40;
    private static final long HUGE_BYTES = 256L << 20;

    public static void main(String[] arguments) throws InterruptedException {
        Heap heap = Heap.common();
        for (int block = 0; block < SMALL_BLOCKS; block++) {
            heap.malloc(16 + block % 240);
        }
        for (int block = 0; block < HUGE_BLOCKS; block++) {
            heap.malloc(HUGE_BYTES);
        }
        System.out.println(ProcessHandle.current().pid());
        while (true) {
            heap.free(heap.malloc(1 << 20));
            Thread.sleep(100);
        }
    }
}
