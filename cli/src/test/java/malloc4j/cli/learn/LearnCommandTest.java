package malloc4j.cli.learn;

import static org.assertj.core.api.Assertions.assertThat;

import io.avaje.jsonb.Jsonb;
import java.util.List;
import malloc4j.cli.CommandRun;
import malloc4j.cli.learn.ScenePlayed.Step;
import org.junit.jupiter.api.Test;

/// The whole command, with its child JVMs.
class LearnCommandTest {
    @Test
    void withoutANameItListsTheScenesWithALineEach() {
        CommandRun run = CommandRun.of("learn");

        assertThat(run.err()).isEmpty();
        assertThat(run.exitCode()).isZero();
        assertThat(run.out().lines().skip(2))
                .hasSameSizeAs(Scenes.all())
                .zipSatisfy(Scenes.all(), (line, scene) -> assertThat(line)
                        .startsWith(scene.name() + " ")
                        .endsWith(" " + scene.teaser()));
    }

    @Test
    void aSceneIsShownStepByStepAfterItsVerdict() {
        CommandRun run = CommandRun.of("learn", "blocked");

        assertThat(run.err()).isEmpty();
        assertThat(run.exitCode()).isZero();
        assertThat(run.out())
                .startsWith("The break grows until it meets a mapping. ")
                .contains(
                        "\n1. ",
                        "\n   brk heap ",
                        "   |===",
                        "\n   \"",
                        "\n   It holds here.\n",
                        "\nOf this tell: brk(2), ");
    }

    @Test
    void jsonIsTheListOrWhatWasPlayed() {
        LearnReport.SceneList list = Jsonb.instance()
                .type(LearnReport.SceneList.class)
                .fromJson(CommandRun.of("learn", "--json").out());
        assertThat(list.scenes())
                .extracting(LearnReport.Entry::name)
                .startsWith("process", "randomisation")
                .doesNotHaveDuplicates();

        ScenePlayed played = Jsonb.instance()
                .type(ScenePlayed.class)
                .fromJson(CommandRun.of("learn", "blocked", "--json").out());
        assertThat(played.name()).isEqualTo("blocked");
        assertThat(played.verdict()).isEqualTo(Verdict.of(played.steps()));
        assertThat(played.steps()).extracting(Step::text).doesNotHaveDuplicates();
    }

    @Test
    void wrongUsageIsExitCode2AndOneLine() {
        assertThat(CommandRun.of("learn", "hold").exitCode()).isEqualTo(2);
        assertThat(CommandRun.of("learn", "hold").err())
                .startsWith("malloc4j: no scene is called 'hold': there are process, randomisation, ")
                .containsOnlyOnce("\n");
        assertThat(CommandRun.of("learn", "hole", "--all").err())
                .isEqualTo("malloc4j: --all plays every scene, and hole is one: give either\n");
    }

    @Test
    void theVerdictCountsClaims() {
        Step holding = new Step("", List.of(), null, "a", true, null);
        Step refuted = new Step("", List.of(), null, "b", false, null);
        Step open = new Step("", List.of(), null, "c", null, "no swap");
        Step without = new Step("", List.of(), null, null, null, null);

        assertThat(Verdict.of(List.of(without, holding))).isEqualTo("Its claim holds here.");
        assertThat(Verdict.of(List.of(holding, holding, without))).isEqualTo("All 2 claims hold here.");
        assertThat(Verdict.of(List.of(holding, open))).isEqualTo("Of 2 claims 1 holds here, 1 cannot be shown.");
        assertThat(Verdict.of(List.of(refuted))).isEqualTo("Of 1 claim 0 hold here, 1 does not.");
    }
}
