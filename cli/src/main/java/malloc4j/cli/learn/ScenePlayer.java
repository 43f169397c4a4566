package malloc4j.cli.learn;

import io.avaje.jsonb.Jsonb;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import malloc4j.cli.child.ChildProcess;
import malloc4j.cli.child.ChildProcess.Launch;
import malloc4j.peers.AllocatorName;

/// Plays scenes, each in a child JVM that ends with it.
public final class ScenePlayer {
    private static final long HEAP_MEBIBYTES = 64;

    /// What sets glibc's malloc up, or replaces it: scenes begin with what it is by default.
    private static final List<String> MALLOC_VARIABLES = List.of(
            "GLIBC_TUNABLES",
            "LD_PRELOAD", // it may be another malloc
            "MALLOC_ARENA_MAX",
            "MALLOC_ARENA_TEST",
            "MALLOC_MMAP_MAX_",
            "MALLOC_MMAP_THRESHOLD_",
            "MALLOC_PERTURB_",
            "MALLOC_TOP_PAD_",
            "MALLOC_TRIM_THRESHOLD_");

    private ScenePlayer() {}

    /// Plays a scene; takes from half a second to some seconds.
    ///
    /// @param name one of [Scenes#all]
    /// @throws IllegalArgumentException if no scene is called so
    /// @throws ChildFailure if the child failed or died; the message is one line
    public static ScenePlayed play(String name) {
        Scene scene = Scenes.named(name).orElseThrow(() -> new IllegalArgumentException("no scene is called " + name));
        Launch launch = new Launch(
                SceneChild.class,
                AllocatorName.MALLOC4J,
                scene.purpose(),
                HEAP_MEBIBYTES,
                ChildProcess.YOUNG_BY_JVM,
                List.of(),
                Map.of(),
                environment(scene));
        try (ChildProcess child = ChildProcess.start(launch)) {
            return Jsonb.instance().type(ScenePlayed.class).fromJson(child.ask("play " + name));
        }
    }

    private static Map<String, String> environment(Scene scene) {
        Map<String, String> environment = new HashMap<>();
        MALLOC_VARIABLES.forEach(name -> environment.put(name, ""));
        environment.putAll(scene.environment());
        return environment;
    }
}
