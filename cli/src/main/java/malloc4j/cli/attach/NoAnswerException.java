package malloc4j.cli.attach;

import malloc4j.cli.CliException;

/// A JVM that does not answer, or lets nobody ask: its memory can be read all the same. Exit code 3 where nobody does.
public final class NoAnswerException extends CliException {
    private static final long serialVersionUID = 1L;
    private static final int ENVIRONMENT_CANNOT = 3;

    private final String reason;

    /// @param message one line
    /// @param reason why, in a few words
    NoAnswerException(String message, String reason) {
        super(ENVIRONMENT_CANNOT, message);
        this.reason = reason;
    }

    /// Why, in a few words, such as: it is stopped.
    public String reason() {
        return reason;
    }
}
