package malloc4j.cli;

/// Ends a command with one line for the person at the terminal and one of the exit codes of [Main]. Never a bug of
/// ours: it carries no stack trace.
public class CliException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final int exitCode;

    protected CliException(int exitCode, String message) {
        super(message, null, false, false);
        this.exitCode = exitCode;
    }

    /// The input has a problem: exit code 1.
    public static CliException problem(String message) {
        return new CliException(Main.PROBLEM_FOUND, message);
    }

    /// The command was called in a wrong way: exit code 2.
    public static CliException wrongUsage(String message) {
        return new CliException(Main.WRONG_USAGE, message);
    }

    /// This machine lacks what the command needs: exit code 3.
    public static CliException cannot(String message) {
        return new CliException(Main.ENVIRONMENT_CANNOT, message);
    }

    int exitCode() {
        return exitCode;
    }
}
