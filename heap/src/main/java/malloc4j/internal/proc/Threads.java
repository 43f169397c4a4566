package malloc4j.internal.proc;

import java.io.IOException;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import malloc4j.observe.AreaKind;
import malloc4j.observe.MappedRange;
import org.jspecify.annotations.Nullable;

/// The threads of a process: their names, and where the stack of each is.
///
/// A thread that waits in the kernel tells its stack pointer in `/proc/PID/task/TID/syscall`; one that is running says
/// so and nothing else, and is asked again.
///
/// @source [proc_pid_task(5)](https://man7.org/linux/man-pages/man5/proc_pid_task.5.html);
///     `Documentation/filesystems/proc.rst` on `/proc/PID/syscall`
final class Threads {
    private static final long MAX_GUARD_BYTES = 1 << 20; // above, it is somebody's reservation
    private static final int ATTEMPTS = 3;

    private final SystemFiles files;
    private final String tasks;
    private final Map<Integer, String> names = new TreeMap<>();
    private final Set<Integer> withStack = new HashSet<>();

    /// Asks for every thread's name. A thread that ends meanwhile is left out.
    ///
    /// @param directory of the process, such as `/proc/4711`
    Threads(SystemFiles files, String directory) {
        this.files = files;
        this.tasks = directory + "/task";
        for (String thread : files.names(tasks)) {
            String name = text(thread, "comm");
            if (name != null && thread.chars().allMatch(letter -> letter >= '0' && letter <= '9')) {
                names.put(Integer.parseInt(thread), name);
            }
        }
    }

    private @Nullable String text(String thread, String file) {
        try {
            return files.text(tasks + "/" + thread + "/" + file);
        } catch (IOException ended) {
            return null;
        }
    }

    /// Forgets a thread that has no stack.
    void leaveOut(int thread) {
        names.remove(thread);
    }

    int count() {
        return names.size();
    }

    /// How many have no stack that is labelled.
    int countWithoutStack() {
        return names.size() - withStack.size();
    }

    /// Whether the process has a thread with this number.
    boolean has(int thread) {
        return names.containsKey(thread);
    }

    /// Labels the stack of every thread that has none yet: the mapping that its stack pointer lies in, and the guard
    /// below it. A mapping counts as a stack when it is made like one, because a program may also run on stacks in the
    /// middle of its heap: it has a guard below, or the kernel's flag of guards inside it (`gu`), or `nh`, which
    /// `MAP_STACK` gives since Linux 6.7.
    void labelStacks(Mappings mappings, Labels labels) {
        for (int thread : names.keySet()) {
            int index = withStack.contains(thread) ? -1 : mappings.indexAt(stackPointer(thread));
            if (index < 0) {
                continue;
            }
            MappedRange stack = mappings.get(index);
            if (stack.name().startsWith("[stack")) {
                withStack.add(thread); // the first thread's, which has its name from the kernel
            } else if (stack.isAnonymous() && stack.isWritable()) {
                labelStack(stack, guard(mappings.below(index)), thread, labels);
            }
        }
    }

    /// The last word but one of `202 0x7fbebb9ff990 ... 0x7ffea13fbb20 0x7fbebd420f16`; 0 where it says `running`, or
    /// may not be read.
    private long stackPointer(int thread) {
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            String systemCall = text(Integer.toString(thread), "syscall");
            if (systemCall == null) {
                return 0;
            }
            String[] words = systemCall.split(" ", -1);
            String word = words.length < 3 ? "" : words[words.length - 2];
            if (word.matches("0x[0-9a-f]{1,16}")) {
                return Long.parseUnsignedLong(word.substring(2), 16);
            }
        }
        return 0;
    }

    private static @Nullable MappedRange guard(@Nullable MappedRange below) {
        return below != null && below.isReserved() && below.byteSize() <= MAX_GUARD_BYTES ? below : null;
    }

    private void labelStack(MappedRange stack, @Nullable MappedRange guard, int thread, Labels labels) {
        if (guard != null) {
            labelStack(labels, guard.address(), guard.end(), thread);
        }
        if (guard != null || stack.hasFlag("gu") || stack.hasFlag("nh")) {
            labelStack(labels, stack.address(), stack.end(), thread);
        }
    }

    /// Labels a range as a thread's stack; what is reserved of it will count as guard.
    void labelStack(Labels labels, long start, long end, int thread) {
        withStack.add(thread);
        labels.add(start, end, AreaKind.STACK, names.getOrDefault(thread, ""), "thread " + thread);
    }
}
