package malloc4j.cli.learn;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import malloc4j.cli.CliException;
import malloc4j.cli.Page;
import malloc4j.cli.ReportCommand;
import malloc4j.cli.child.ChildFailure;
import malloc4j.cli.child.Progress;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `malloc4j learn`: a scene's name in, what the texts say and what is so here out.
@Command(
        name = "learn",
        description = {
            "Shows how Linux gives memory to a program, in scenes: what the classic texts say, what is measured on this"
                    + " machine beside it, and whether it holds. Without a name it lists the scenes.",
            "",
            "Each scene is played in a JVM of its own. Exit code 1 says that a claim does not hold here.",
        },
        footer = {"", "The scenes as pages, with pictures: docs/learn."})
public final class LearnCommand extends ReportCommand<LearnReport> {
    private static final int PROBLEM_FOUND = 1;

    @Parameters(paramLabel = "SCENE", arity = "0..1", description = "The scene to play. Default: none, a list of all.")
    private @Nullable String name;

    @Option(names = "--all", description = "Play all of them, in a teaching order.")
    private boolean all;

    @Override
    protected LearnReport read() {
        String chosen = name;
        if (chosen != null && all) {
            throw wrongUsage("--all plays every scene, and " + chosen + " is one: give either");
        }
        if (chosen != null) {
            if (Scenes.named(chosen).isEmpty()) {
                throw wrongUsage("no scene is called '" + chosen + "': there are " + names());
            }
            return LearnReport.ofOne(play(List.of(chosen)).getFirst());
        }
        return all
                ? LearnReport.ofAll(play(Scenes.all().stream().map(Scene::name).toList()))
                : LearnReport.ofList();
    }

    private List<ScenePlayed> play(List<String> names) {
        Progress progress = Progress.onTerminal(err());
        List<ScenePlayed> played = new ArrayList<>();
        try {
            for (String each : names) {
                progress.show("playing " + each);
                played.add(ScenePlayer.play(each));
            }
        } catch (ChildFailure failed) {
            progress.clear();
            throw CliException.cannot("scene " + names.get(played.size()) + ": " + failed.getMessage());
        }
        progress.clear();
        return played;
    }

    private static String names() {
        return Scenes.all().stream().map(Scene::name).collect(Collectors.joining(", "));
    }

    @Override
    protected Object document(LearnReport report) {
        return report.document();
    }

    @Override
    protected void render(LearnReport report, Page page) {
        report.render(page);
    }

    @Override
    protected int exitCode(LearnReport report) {
        return report.played().stream().anyMatch(ScenePlayed::isRefuted) ? PROBLEM_FOUND : 0;
    }
}
