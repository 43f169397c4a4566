package malloc4j.cli.attach.agent;

import java.lang.instrument.Instrumentation;
import java.lang.reflect.InvocationTargetException;
import java.util.ArrayList;
import java.util.List;
import malloc4j.cli.attach.agent.FoundMemory.FoundHeap;

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
                    continue;
                }
            }
        }
        return new FoundMemory(heaps);
    }

    private static FoundHeap find(Object snapshot) throws ReflectiveOperationException {
        List<?> blocks = (List<?>) call(snapshot, "hugeBlocks");
        long[] words = new long[2 * blocks.size()];
        for (int index = 0; index < blocks.size(); index++) {
            words[2 * index] = (long) call(blocks.get(index), "address");
            words[2 * index + 1] = (long) call(blocks.get(index), "byteSize");
        }
        return new FoundHeap((int) call(snapshot, "heapId"), (String) call(snapshot, "heap"), words);
    }

    private static Object call(Object object, String method) throws ReflectiveOperationException {
        return object.getClass().getMethod(method).invoke(object);
    }
}
