package malloc4j.cli.sites;

import malloc4j.cli.CliException;
import malloc4j.cli.attach.agent.FoundHeaps;

/// Ends a command that has attached to a process in which there is nothing to see.
final class HeapsNeeded {
    private HeapsNeeded() {}

    static void require(FoundHeaps found, long pid) {
        if (found.libraries() == 0) {
            throw CliException.problem("process " + pid + " uses no malloc4j, or one too old to be sampled");
        }
        if (found.heaps() == 0) {
            throw CliException.problem("process " + pid + " has malloc4j, but no heap");
        }
    }
}
