package malloc4j.cli;

import java.io.PrintWriter;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import malloc4j.cli.bench.BenchCommand;
import malloc4j.cli.doctor.DoctorCommand;
import malloc4j.cli.explain.ExplainCommand;
import malloc4j.cli.heaps.ClassesCommand;
import malloc4j.cli.heaps.HeldCommand;
import malloc4j.cli.heaps.StatsCommand;
import malloc4j.cli.heaps.TopCommand;
import malloc4j.cli.heaps.TrimCommand;
import malloc4j.cli.layout.LayoutCommand;
import malloc4j.cli.learn.LearnCommand;
import malloc4j.cli.limits.LimitsCommand;
import malloc4j.cli.map.MapCommand;
import malloc4j.cli.record.RecordCommand;
import malloc4j.cli.replay.ReplayCommand;
import malloc4j.cli.serve.ServeCommand;
import malloc4j.cli.sites.LeaksCommand;
import malloc4j.cli.sites.SitesCommand;
import malloc4j.cli.who.WhoCommand;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;
import picocli.CommandLine.UnmatchedArgumentException;

/// The top command `malloc4j`. It does nothing itself: it names the other commands and owns how they end. Of a command
/// that is named first nothing else is made, since making all of them takes longer than most of them run; everything
/// else, such as `help` or a word that is no command, is for [AllCommands].
///
/// | exit code | meaning | what is printed on standard error |
/// |---|---|---|
/// | 0 | done | nothing |
/// | 1 | a problem was found | one line for each |
/// | 2 | wrong usage | one line |
/// | 3 | the environment cannot | one line |
///
/// A stack trace appears for a bug of this program only.
@Command(
        name = "malloc4j",
        description = "A malloc for the JVM, and what it takes to look into it.",
        mixinStandardHelpOptions = true,
        versionProvider = Main.Version.class,
        scope = ScopeType.INHERIT,
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {"0:done", "1:a problem was found", "2:wrong usage", "3:the environment cannot"})
public class Main implements Runnable {
    private static final int MIN_HELP_COLUMNS = 55; // the library's least
    private static final int MAX_HELP_COLUMNS = 80;

    private static final Pattern UNKNOWN_TO_HELP = Pattern.compile("(Unknown subcommand '(.*)')\\.");

    static final int PROBLEM_FOUND = 1;
    static final int WRONG_USAGE = 2;
    static final int ENVIRONMENT_CANNOT = 3;

    @Spec
    @SuppressWarnings("NullAway.Init") // set by picocli
    private CommandSpec spec;

    public static void main(String[] arguments) {
        System.exit(commandLine(arguments).execute(arguments));
    }

    /// The command line with this program's habits; the tests run the same one with other writers.
    ///
    /// @param arguments what it is for; none for all commands
    public static CommandLine commandLine(String... arguments) {
        Class<?> named = arguments.length == 0 ? null : command(arguments[0]);
        CommandLine commandLine = new CommandLine(named == null ? new AllCommands() : with(named));
        commandLine.setUsageHelpWidth(Math.clamp(Terminal.columns(), MIN_HELP_COLUMNS, MAX_HELP_COLUMNS));
        commandLine.setParameterExceptionHandler((e, ignored) -> say(e.getCommandLine(), WRONG_USAGE, withNearest(e)));
        commandLine.setExecutionExceptionHandler((e, failing, ignored) -> {
            if (e instanceof CliException ended) {
                return say(failing, ended.exitCode(), ended.getMessage());
            }
            throw e;
        });
        return commandLine;
    }

    private static CommandSpec with(Class<?> command) {
        CommandSpec main = CommandSpec.forAnnotatedObject(new Main());
        return main.addSubcommand(null, CommandSpec.forAnnotatedObject(command));
    }

    private static @Nullable Class<?> command(String name) {
        return switch (name) {
            case "replay" -> ReplayCommand.class;
            case "bench" -> BenchCommand.class;
            case "layout" -> LayoutCommand.class;
            case "limits" -> LimitsCommand.class;
            case "who" -> WhoCommand.class;
            case "map" -> MapCommand.class;
            case "doctor" -> DoctorCommand.class;
            case "sites" -> SitesCommand.class;
            case "leaks" -> LeaksCommand.class;
            case "stats" -> StatsCommand.class;
            case "classes" -> ClassesCommand.class;
            case "top" -> TopCommand.class;
            case "held" -> HeldCommand.class;
            case "trim" -> TrimCommand.class;
            case "serve" -> ServeCommand.class;
            case "record" -> RecordCommand.class;
            case "explain" -> ExplainCommand.class;
            case "learn" -> LearnCommand.class;
            default -> null;
        };
    }

    @Override
    public void run() {
        throw new ParameterException(
                spec.commandLine(),
                "Name a command: " + String.join(", ", spec.subcommands().keySet()));
    }

    /// What is wrong, and where it is an unknown word, the known one that is most like it. `help` has its own words for
    /// one: of it only the message tells.
    private static String withNearest(ParameterException wrong) {
        String message = String.valueOf(wrong.getMessage());
        UnmatchedArgumentException unknown = wrong instanceof UnmatchedArgumentException unmatched ? unmatched : null;
        Matcher toHelp = UNKNOWN_TO_HELP.matcher(message);
        if (toHelp.matches()) {
            message = toHelp.group(1);
            unknown = new UnmatchedArgumentException(commandLine(), List.of(toHelp.group(2)));
        }
        List<String> near = unknown == null ? List.of() : unknown.getSuggestions();
        return message + (near.isEmpty() ? "" : ": did you mean " + near.getFirst() + "?");
    }

    private static int say(CommandLine failing, int exitCode, @Nullable String reason) {
        PrintWriter err = failing.getErr();
        err.println("malloc4j: " + String.valueOf(reason).strip().replaceAll("\\s*\\R\\s*", "; "));
        err.flush();
        return exitCode;
    }

    /// The version that the build wrote into the jar's manifest.
    static final class Version implements IVersionProvider {
        @Override
        public String[] getVersion() {
            String version = Main.class.getPackage().getImplementationVersion();
            return new String[] {"malloc4j " + (version == null ? "(development)" : version)};
        }
    }
}
