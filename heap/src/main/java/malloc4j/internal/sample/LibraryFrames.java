package malloc4j.internal.sample;

import java.util.Arrays;
import java.util.Set;

/// Which frames of a stack are this library's: the innermost ones, which say nothing about who allocates.
final class LibraryFrames {
    private static final String[] PACKAGES = {"malloc4j.internal.", "malloc4j.alloc."};

    /// The classes of the package `malloc4j` that a block comes through.
    private static final Set<String> CLASSES = Set.of(
            "malloc4j.ArenaBlockList",
            "malloc4j.ArenaBlocks",
            "malloc4j.ArenaChunk",
            "malloc4j.ArenaChunks",
            "malloc4j.AutomaticArenas",
            "malloc4j.BlockCalls",
            "malloc4j.CFamily",
            "malloc4j.DebugCalls",
            "malloc4j.Heap",
            "malloc4j.HeapArena",
            "malloc4j.HeapLimits",
            "malloc4j.Malloc",
            "malloc4j.ProfiledCalls",
            "malloc4j.RecordedCalls");

    private LibraryFrames() {}

    /// The frames from the first on that is not this library's, at most `maxCount`.
    static StackTraceElement[] callersOnly(StackTraceElement[] stack, int maxCount) {
        int first = 0;
        while (first < stack.length && isOurs(stack[first].getClassName())) {
            first++;
        }
        return Arrays.copyOfRange(stack, first, Math.min(stack.length, first + maxCount));
    }

    private static boolean isOurs(String className) {
        for (String name : PACKAGES) {
            if (className.startsWith(name)) {
                return true;
            }
        }
        int nested = className.indexOf('$');
        return CLASSES.contains(nested < 0 ? className : className.substring(0, nested));
    }
}
