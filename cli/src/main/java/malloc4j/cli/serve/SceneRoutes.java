package malloc4j.cli.serve;

import io.avaje.jsonb.Json;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import malloc4j.cli.child.ChildFailure;
import malloc4j.cli.learn.ScenePlayed;
import malloc4j.cli.learn.ScenePlayer;
import malloc4j.cli.learn.Scenes;

/// The scenes of `learn` on the page: `GET /scenes.json` lists them, `POST /scene?name=NAME` plays one and answers by a
/// [ScenePlayed]. One is played at a time, for they measure.
final class SceneRoutes {
    private final ReentrantLock playing = new ReentrantLock();

    private SceneRoutes() {}

    /// A scene that can be played.
    ///
    /// @param title what it shows, in a sentence
    /// @param teaser what is found out
    /// @param why for who has not met the matter yet
    @Json
    record Listed(String name, String title, String teaser, String why) {
        static List<Listed> all() {
            return Scenes.all().stream()
                    .map(scene -> new Listed(
                            scene.name(),
                            scene.title(),
                            scene.teaser(),
                            scene.lesson().why()))
                    .toList();
        }
    }

    /// Adds them.
    static Routes addTo(Routes routes) {
        SceneRoutes scenes = new SceneRoutes();
        return routes.get("/scenes.json", reply -> reply.json(Listed.all())).post("/scene", scenes::play);
    }

    private void play(Reply reply) throws IOException {
        if (!playing.tryLock()) {
            throw new IllegalStateException("a scene is being played already: wait until it has ended");
        }
        try {
            ScenePlayed played = ScenePlayer.play(reply.text("name"));
            reply.json(played);
        } catch (ChildFailure failed) {
            throw new IllegalStateException("the scene could not be played: " + failed.getMessage(), failed);
        } finally {
            playing.unlock();
        }
    }
}
