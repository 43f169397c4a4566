package malloc4j.cli.attach;

import java.io.IOException;
import java.io.ObjectInputStream;
import malloc4j.cli.CliException;
import malloc4j.cli.attach.agent.FoundMemory;

/// Asks an agent which memory the heaps of its process have.
public final class MemoryAgent {
    private final AttachedJvm jvm;

    public MemoryAgent(AttachedJvm jvm) {
        this.jvm = jvm;
    }

    /// The heaps and what of them cannot be seen from outside.
    public FoundMemory heaps() {
        try (ObjectInputStream answer = jvm.ask("heaps")) {
            return FoundMemory.readFrom(answer);
        } catch (IOException | ClassNotFoundException | ClassCastException unreadable) {
            throw CliException.cannot(
                    "the agent's answer cannot be read, its malloc4j is another version: " + unreadable);
        }
    }
}
