package malloc4j.cli.learn;

import java.util.List;
import java.util.Optional;

/// The scenes that there are, in the order in which one would teach them.
public final class Scenes {
    private static final List<Scene> ALL = List.of(
            new ProcessScene(),
            new RandomisationScene(),
            new GranularityScene(),
            new CallScene(),
            new HoleScene(),
            new BlockedScene(),
            new ThresholdScene(),
            new EnlargeScene(),
            new ReturnScene(),
            new AllocaScene(),
            new ArenasScene(),
            new OvercommitScene(),
            new LockScene(),
            new CopyScene());

    private Scenes() {}

    /// All of them.
    public static List<Scene> all() {
        return ALL;
    }

    /// The one of a name.
    public static Optional<Scene> named(String name) {
        return ALL.stream().filter(scene -> scene.name().equals(name)).findFirst();
    }
}
