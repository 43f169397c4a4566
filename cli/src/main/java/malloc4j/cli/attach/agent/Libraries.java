package malloc4j.cli.attach.agent;

import java.lang.instrument.Instrumentation;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// The copies of malloc4j that a process has loaded, from whatever class loader, and their heaps.
final class Libraries {
    private static final String HEAP = "malloc4j.Heap";

    private Libraries() {}

    /// The class `Heap` of each copy that is new enough to have a method.
    static List<Class<?>> with(String method, Instrumentation instrumentation) {
        List<Class<?>> libraries = new ArrayList<>();
        for (Class<?> loaded : instrumentation.getAllLoadedClasses()) {
            if (loaded.getName().equals(HEAP) && has(loaded, method)) {
                libraries.add(loaded);
            }
        }
        return libraries;
    }

    private static boolean has(Class<?> library, String method) {
        return Arrays.stream(library.getMethods())
                .anyMatch(each -> each.getName().equals(method));
    }

    static List<?> openHeaps(Class<?> library) throws ReflectiveOperationException {
        return (List<?>) library.getMethod("all").invoke(null);
    }
}
