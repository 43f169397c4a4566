package malloc4j.arrow;

import org.apache.arrow.memory.AllocationManager;
import org.apache.arrow.memory.BufferAllocator;

/// Whether the Arrow that is there has what this adapter stands on. One that has not would fail at the first buffer, in
/// a way that names a method and no remedy.
final class ArrowVersion {
    private ArrowVersion() {}

    /// @throws IncompatibleClassChangeError if the Arrow that is there is too old
    static void requireUsable() {
        try {
            Object unused = AllocationManager.Factory.class.getMethod("create", BufferAllocator.class, long.class);
            unused = AllocationManager.Factory.class.getMethod("empty");
            unused = AllocationManager.class.getDeclaredConstructor(BufferAllocator.class);
        } catch (NoSuchMethodException missing) {
            IncompatibleClassChangeError error = new IncompatibleClassChangeError("malloc4j-arrow needs Arrow "
                    + "19.0.0 or newer; arrow-memory-core here is older: it has no " + missing.getMessage());
            error.initCause(missing);
            throw error;
        }
    }
}
