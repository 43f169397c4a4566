package malloc4j.peers;

/// The allocator is not installed on this machine; the message says what was looked for.
public final class AllocatorAbsent extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public AllocatorAbsent(String message) {
        super(message, null, false, false);
    }
}
