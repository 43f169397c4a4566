package malloc4j.cli.child;

/// An allocator did not do what was asked of it; the message is one line.
public final class ChildFailure extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public ChildFailure(String message) {
        super(message, null, false, false);
    }

    /// What went wrong in one line, whoever threw it.
    public static String describe(Throwable thrown) {
        Throwable cause = cause(thrown);
        String message = String.valueOf(cause.getMessage()).strip().replaceAll("\\s*\\R\\s*", "; ");
        return cause instanceof ChildFailure ? message : cause.getClass().getSimpleName() + ": " + message;
    }

    /// What was thrown itself, where that happened in a class initialiser.
    static Throwable cause(Throwable thrown) {
        Throwable cause = thrown;
        while (cause instanceof ExceptionInInitializerError && cause.getCause() != null) {
            cause = cause.getCause();
        }
        return cause;
    }
}
