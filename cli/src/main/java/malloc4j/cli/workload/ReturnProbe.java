package malloc4j.cli.workload;

import java.util.Locale;

/// What is freed before it is seen how much memory goes back to the kernel.
public enum ReturnProbe {
    FREE_ALL("all blocks are freed by the thread that allocated them"),
    FREED_BY_ANOTHER("all blocks are freed by a thread that allocated none"),
    KEEP_EVERY_200TH("all but every 200th block are freed, so that those left lie spread over all memory");

    private final String line;

    ReturnProbe(String line) {
        this.line = line;
    }

    /// The name on the command line and in reports.
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /// What is done, in a line.
    public String line() {
        return line;
    }
}
