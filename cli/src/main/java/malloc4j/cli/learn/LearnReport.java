package malloc4j.cli.learn;

import io.avaje.jsonb.Json;
import java.util.List;
import java.util.Locale;
import malloc4j.cli.Page;

/// What `learn` shows: a list of the scenes, one that was played, or all.
public final class LearnReport {
    private final List<ScenePlayed> played;
    private final Object document;

    /// What `learn --json` prints.
    @Json
    public record SceneList(List<Entry> scenes) {}

    /// A scene of the list.
    @Json
    public record Entry(String name, String title, String teaser) {}

    /// What `learn --all --json` prints.
    @Json
    public record AllPlayed(List<ScenePlayed> scenes) {}

    private LearnReport(List<ScenePlayed> played, Object document) {
        this.played = played;
        this.document = document;
    }

    static LearnReport ofList() {
        return new LearnReport(
                List.of(),
                new SceneList(Scenes.all().stream()
                        .map(scene -> new Entry(scene.name(), scene.title(), scene.teaser()))
                        .toList()));
    }

    static LearnReport ofOne(ScenePlayed played) {
        return new LearnReport(List.of(played), played);
    }

    static LearnReport ofAll(List<ScenePlayed> played) {
        return new LearnReport(played, new AllPlayed(played));
    }

    List<ScenePlayed> played() {
        return played;
    }

    Object document() {
        return document;
    }

    void render(Page page) {
        if (played.isEmpty()) {
            renderList(page);
        }
        String between = "";
        for (ScenePlayed scene : played) {
            page.block(between + ScenePicture.of(scene, page.columns()));
            between = "\n" + "-".repeat(Math.min(page.columns(), ScenePicture.MAX_COLUMNS)) + "\n\n";
        }
    }

    private static void renderList(Page page) {
        page.line("There are " + Scenes.all().size() + " scenes, in a teaching order; ./malloc4j learn NAME plays one.")
                .blankLine();
        int width = Scenes.all().stream()
                .mapToInt(scene -> scene.name().length())
                .max()
                .orElse(0);
        for (Scene scene : Scenes.all()) {
            page.line(String.format(Locale.ROOT, "%-" + width + "s  %s", scene.name(), scene.teaser()));
        }
    }
}
