package malloc4j.faults;

import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import malloc4j.internal.os.RecordingCalls;
import malloc4j.internal.os.SystemCalls;

/// Notes from where in the library each call that [RecordingCalls] counts was made: which of them have gone the same
/// way.
final class CallSites {
    private final List<String> sites = new ArrayList<>();

    /// The way of each call, oldest first: the call, and the places in the library it came through.
    List<String> sites() {
        return sites;
    }

    /// Calls to record that go to `target`.
    SystemCalls noting(SystemCalls target) {
        return (SystemCalls) Proxy.newProxyInstance(
                CallSites.class.getClassLoader(), new Class<?>[] {SystemCalls.class}, (proxy, method, arguments) -> {
                    List<StackWalker.StackFrame> frames =
                            StackWalker.getInstance().walk(Stream::toList);
                    if (frames.stream().anyMatch(CallSites::isRecord)) {
                        sites.add(method.getName() + " from "
                                + frames.stream().filter(CallSites::isOfHeap).toList());
                    }
                    return method.invoke(target, arguments);
                });
    }

    private static boolean isRecord(StackWalker.StackFrame frame) {
        return frame.getClassName().equals(RecordingCalls.class.getName())
                && frame.getMethodName().equals("record");
    }

    private static boolean isOfHeap(StackWalker.StackFrame frame) {
        String name = frame.getClassName();
        return name.startsWith("malloc4j.")
                && !name.startsWith("malloc4j.faults.")
                && !name.startsWith(RecordingCalls.class.getName());
    }
}
