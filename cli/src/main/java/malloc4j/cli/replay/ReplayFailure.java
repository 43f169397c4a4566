package malloc4j.cli.replay;

/// An allocator did not do what the trace asked for; the message is one line.
final class ReplayFailure extends RuntimeException {
    private static final long serialVersionUID = 1L;

    ReplayFailure(String message) {
        super(message, null, false, false);
    }

    /// What went wrong in one line, whoever threw it.
    static String describe(Throwable thrown) {
        Throwable cause = thrown;
        while (cause instanceof ExceptionInInitializerError && cause.getCause() != null) {
            cause = cause.getCause();
        }
        String message = String.valueOf(cause.getMessage()).strip().replaceAll("\\s*\\R\\s*", "; ");
        return cause instanceof ReplayFailure ? message : cause.getClass().getSimpleName() + ": " + message;
    }
}
