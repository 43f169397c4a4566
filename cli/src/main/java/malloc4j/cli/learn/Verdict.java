package malloc4j.cli.learn;

import java.util.List;
import malloc4j.cli.learn.ScenePlayed.Step;

/// What came of the claims of a scene, in a sentence.
final class Verdict {
    private Verdict() {}

    static String of(List<Step> steps) {
        long holding =
                steps.stream().filter(step -> Boolean.TRUE.equals(step.holds())).count();
        long refuted = steps.stream()
                .filter(step -> Boolean.FALSE.equals(step.holds()))
                .count();
        long open = steps.stream().filter(Step::isOpen).count();
        if (refuted + open == 0) {
            return holding == 1 ? "Its claim holds here." : "All " + holding + " claims hold here.";
        }
        return "Of " + count(holding + refuted + open) + " " + holding + (holding == 1 ? " holds" : " hold") + " here"
                + (refuted == 0 ? "" : ", " + refuted + (refuted == 1 ? " does not" : " do not"))
                + (open == 0 ? "" : ", " + open + " cannot be shown")
                + ".";
    }

    private static String count(long claims) {
        return claims == 1 ? "1 claim" : claims + " claims";
    }
}
