package malloc4j.arrow;

import malloc4j.OutOfNativeMemoryError;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.OutOfMemoryException;

/// What Arrow's users catch where memory is short: here, because the heap has refused it. Whose text ends in the
/// heap's, which is made when somebody reads it.
final class RefusedException extends OutOfMemoryException {
    private static final long serialVersionUID = 1L;

    RefusedException(BufferAllocator allocator, long byteSize, OutOfNativeMemoryError refused) {
        super(
                "Unable to allocate buffer of size " + byteSize + " for allocator '" + allocator.getName() + "'",
                refused);
    }

    @Override
    public String getMessage() {
        Throwable refused = getCause();
        return super.getMessage() + (refused == null ? "" : ": " + refused.getMessage());
    }
}
