package malloc4j.cli.attach.agent;

import java.lang.instrument.Instrumentation;
import java.lang.reflect.InvocationTargetException;
import java.util.ArrayList;
import java.util.List;
import malloc4j.cli.attach.agent.FoundMemory.FoundHeap;
import malloc4j.cli.attach.agent.FoundMemory.HugeBlock;

/// Asks the open heaps of this process, of every copy of the library, for what their records do not tell others: their
/// names, and their huge blocks. A heap that is closed meanwhile is left out.
final class HeapMemory {
    private static final String SNAPSHOT = "snapshot";

    private HeapMemory() {}

    static FoundMemory find(Instrumentation instrumentation) throws ReflectiveOperationException {
        List<FoundHeap> heaps = new ArrayList<>();
        for (Class<?> library : Libraries.with(SNAPSHOT, instrumentation)) {
            for (Object heap : Libraries.openHeaps(library)) {
                try {
                    heaps.add(find(call(heap, SNAPSHOT)));
                } catch (InvocationTargetException closed) {
                    // and the next one is asked
                }
            }
        }
        return new FoundMemory(heaps);
    }

    private static FoundHeap find(Object snapshot) throws ReflectiveOperationException {
        List<HugeBlock> blocks = new ArrayList<>();
        for (Object block : (List<?>) call(snapshot, "hugeBlocks")) {
            blocks.add(new HugeBlock((long) call(block, "address"), (long) call(block, "byteSize")));
        }
        return new FoundHeap((int) call(snapshot, "heapId"), (String) call(snapshot, "heap"), blocks);
    }

    private static Object call(Object object, String method) throws ReflectiveOperationException {
        return object.getClass().getMethod(method).invoke(object);
    }
}
