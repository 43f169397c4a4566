package program;

import malloc4j.arrow.Malloc4jAllocationManager;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.RootAllocator;

/// A program that takes Arrow's buffers from malloc4j's common heap: says what it has read back, or in one line what
/// went wrong, and whether its allocator could be closed all the same.
public final class Main {
    private Main() {}

    public static void main(String[] arguments) {
        try (RootAllocator root = new RootAllocator(RootAllocator.configBuilder()
                .allocationManagerFactory(Malloc4jAllocationManager.FACTORY)
                .build())) {
            try (ArrowBuf buffer = root.buffer(5_000)) {
                buffer.setLong(0, 42);
                System.out.println("read " + buffer.getLong(0));
            } catch (RuntimeException refused) {
                System.out.println(refused);
            }
        }
        System.out.println("closed");
    }
}
