import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Scanner;
import malloc4j.Heap;

/// What the page is tested on: allocates and frees as the lines say that it reads, `malloc COUNT SIZE` and `free
/// COUNT`.
class Program {
    private static final Deque<Long> LIVE = new ArrayDeque<>();

    public static void main(String[] arguments) {
        Heap heap = Heap.common();
        allocate(heap, 10_000, 500);
        System.out.println(ProcessHandle.current().pid());
        Scanner in = new Scanner(System.in);
        while (in.hasNext()) {
            switch (in.next()) {
                case "malloc" -> allocate(heap, in.nextInt(), in.nextInt());
                case "free" -> {
                    for (int left = in.nextInt(); left > 0; left--) {
                        heap.free(LIVE.pop());
                    }
                }
                default -> throw new IllegalArgumentException();
            }
            System.out.println("done");
        }
    }

    private static void allocate(Heap heap, int count, int byteSize) {
        for (int left = count; left > 0; left--) {
            long address = heap.malloc(byteSize);
            heap.segment(address).fill((byte) 1);
            LIVE.push(address);
        }
    }
}
