package malloc4j.cli.report;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.OffsetDateTime;
import java.time.ZoneId;
import java.time.temporal.ChronoUnit;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import malloc4j.cli.CliException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/// The option `--report FILE` of a command that compares allocators.
public final class ReportOption {
    private static final Pattern PLAIN_WORD = Pattern.compile("[A-Za-z0-9_./:=,@%+-]+");

    @Spec(Spec.Target.MIXEE)
    @SuppressWarnings("NullAway.Init") // set by picocli
    private CommandSpec spec;

    @Option(
            names = "--report",
            paramLabel = "FILE",
            description =
                    "Write a page for a browser too, in one file: the same figures round by round, resident memory as it"
                            + " grew and went back, a map of the heap at the peak. Takes one more round of each, which is not timed.")
    private @Nullable Path file;

    /// Whether a page is wanted.
    public boolean isAsked() {
        return file != null;
    }

    /// Finds out whether the page can be written, before anything is measured. Leaves what is there as it is.
    ///
    /// @throws ParameterException if there can be no such file
    /// @throws CliException if the system does not let it be written
    public void check() {
        Path target = file;
        if (target == null) {
            return;
        }
        Path folder = target.toAbsolutePath().normalize().getParent();
        if (folder == null || Files.isDirectory(target)) {
            throw new ParameterException(spec.commandLine(), "--report " + target + ": is a folder, name a file");
        }
        if (!Files.isDirectory(folder)) {
            throw new ParameterException(spec.commandLine(), "--report " + target + ": there is no folder " + folder);
        }
        boolean isNew = !Files.exists(target);
        try {
            Files.newOutputStream(target, StandardOpenOption.CREATE, StandardOpenOption.APPEND)
                    .close();
            if (isNew) {
                Files.delete(target);
            }
        } catch (IOException refused) {
            throw cannot(target, refused);
        }
    }

    /// Writes the page, if it is wanted.
    ///
    /// @return its file, null if not
    public @Nullable Path write(Comparison comparison) {
        Path target = file;
        if (target == null) {
            return null;
        }
        try {
            var now = OffsetDateTime.now(ZoneId.systemDefault()).truncatedTo(ChronoUnit.SECONDS);
            Files.writeString(target, ReportPage.render(comparison, command(), now));
            return target;
        } catch (IOException refused) {
            throw cannot(target, refused);
        }
    }

    /// What was typed, as a shell takes it again.
    private String command() {
        return spec.root().commandLine().getParseResult().originalArgs().stream()
                .map(ReportOption::quoted)
                .collect(Collectors.joining(" ", "./malloc4j ", ""));
    }

    private static String quoted(String word) {
        return PLAIN_WORD.matcher(word).matches() ? word : "'" + word.replace("'", "'\\''") + "'";
    }

    private static CliException cannot(Path target, IOException refused) {
        String reason = refused instanceof AccessDeniedException
                ? "permission denied"
                : refused instanceof FileSystemException system && system.getReason() != null
                        ? system.getReason()
                        : refused.getClass().getSimpleName();
        return CliException.cannot("--report " + target + ": cannot be written: " + reason);
    }
}
