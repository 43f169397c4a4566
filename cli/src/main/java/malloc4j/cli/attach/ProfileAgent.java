package malloc4j.cli.attach;

import java.io.IOException;
import java.io.ObjectInputStream;
import java.util.LinkedHashMap;
import java.util.Map;
import malloc4j.cli.CliException;
import malloc4j.cli.attach.agent.FoundHeaps;
import malloc4j.observe.AllocationProfile;
import malloc4j.observe.AllocationSite;

/// Asks an agent for allocation profiles.
public final class ProfileAgent {
    private final AttachedJvm jvm;

    public ProfileAgent(AttachedJvm jvm) {
        this.jvm = jvm;
    }

    /// Has samples taken of the heaps of which nobody takes any, until the [AttachedJvm] is closed.
    ///
    /// @param sampleBytes mean bytes allocated between two samples
    /// @param millis how long the agent may have to wait for the next request
    public FoundHeaps start(long sampleBytes, long millis) {
        try (ObjectInputStream answer = jvm.ask("start " + sampleBytes + " " + millis)) {
            return FoundHeaps.readFrom(answer);
        } catch (IOException unreadable) {
            throw unreadable(unreadable);
        }
    }

    /// The profiles of the heaps of which samples are taken, by a number of the heap that stays the same.
    public Map<Integer, AllocationProfile> profiles() {
        return profiles(0);
    }

    /// As [#profiles()], with those live blocks alone that are at least that old.
    public Map<Integer, AllocationProfile> profiles(long youngestNanos) {
        try (ObjectInputStream answer =
                jvm.ask("profiles " + youngestNanos, AllocationProfile.class, AllocationSite.class)) {
            Map<Integer, AllocationProfile> profiles = new LinkedHashMap<>();
            for (int left = answer.readInt(); left > 0; left--) {
                int number = answer.readInt();
                profiles.put(number, (AllocationProfile) answer.readObject());
            }
            return profiles;
        } catch (IOException | ClassNotFoundException | ClassCastException unreadable) {
            throw unreadable(unreadable);
        }
    }

    private static CliException unreadable(Exception e) {
        return CliException.cannot("the agent's answer cannot be read, its malloc4j is another version: " + e);
    }
}
