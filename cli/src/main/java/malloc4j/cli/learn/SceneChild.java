package malloc4j.cli.learn;

import io.avaje.jsonb.Jsonb;
import java.util.List;
import java.util.stream.Collectors;
import malloc4j.OutOfNativeMemoryError;
import malloc4j.cli.child.ChildLoop;
import malloc4j.cli.child.MachineFacts;
import malloc4j.linux.SystemCallException;

/// A child JVM that plays one scene.
///
/// | asked | answered |
/// |---|---|
/// | `play NAME` | `played JSON`: a [ScenePlayed] in one line |
public final class SceneChild implements ChildLoop.Answering {
    private static final long SETTLE_MILLIS = 200; // the JVM's threads finish what the start queued

    private SceneChild() {}

    public static void main(String[] arguments) {
        ChildLoop.run(SceneChild::new);
    }

    @Override
    public String answer(String question) throws Throwable {
        String name = question.substring(question.indexOf(' ') + 1);
        Scene scene = Scenes.named(name).orElseThrow(() -> new IllegalArgumentException("asked " + question));
        Thread.sleep(SETTLE_MILLIS);
        return "played " + Jsonb.instance().toJson(play(scene));
    }

    private static ScenePlayed play(Scene scene) throws Throwable {
        Stage stage = new Stage();
        try {
            scene.play(stage);
        } catch (SystemCallException | OutOfNativeMemoryError refused) {
            stage.step("The scene ends here.").cannot(String.valueOf(refused.getMessage()));
        }
        List<ScenePlayed.Step> steps = stage.steps();
        return new ScenePlayed(
                scene.name(),
                scene.title(),
                scene.lesson().sources().stream().map(Lesson.Source::title).collect(Collectors.joining(", ")),
                Verdict.of(steps),
                MachineFacts.read().line() + ", " + CLibrary.version(),
                steps);
    }
}
