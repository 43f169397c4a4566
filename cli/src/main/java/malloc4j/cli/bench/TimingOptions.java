package malloc4j.cli.bench;

import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/// Options of commands that measure in rounds.
final class TimingOptions {
    private static final int MAX_ROUNDS = 10_000;
    private static final double MAX_SECONDS = 3_600;

    @Spec(Spec.Target.MIXEE)
    @SuppressWarnings("NullAway.Init") // set by picocli
    private CommandSpec spec;

    @Option(names = "--rounds", paramLabel = "N", description = "Timed rounds of each. Default: ${DEFAULT-VALUE}.")
    private int rounds = 5;

    @Option(
            names = "--seconds",
            paramLabel = "S",
            description = "How long a round takes; the warm-up takes four. Default: ${DEFAULT-VALUE}.")
    private double seconds = 0.5;

    int rounds() {
        if (rounds < 1 || rounds > MAX_ROUNDS) {
            throw wrong("--rounds must be from 1 to " + MAX_ROUNDS + ", not " + rounds);
        }
        return rounds;
    }

    double seconds() {
        if (!(seconds > 0 && seconds <= MAX_SECONDS)) {
            throw wrong("--seconds must be above 0 and at most " + (int) MAX_SECONDS + ", not " + seconds);
        }
        return seconds;
    }

    private ParameterException wrong(String message) {
        return new ParameterException(spec.commandLine(), message);
    }
}
