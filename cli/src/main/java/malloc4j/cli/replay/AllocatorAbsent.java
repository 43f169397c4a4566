package malloc4j.cli.replay;

/// The allocator is not installed on this machine; the message says what was looked for.
final class AllocatorAbsent extends RuntimeException {
    private static final long serialVersionUID = 1L;

    AllocatorAbsent(String message) {
        super(message, null, false, false);
    }
}
