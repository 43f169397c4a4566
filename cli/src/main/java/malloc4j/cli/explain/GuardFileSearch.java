package malloc4j.cli.explain;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import malloc4j.cli.CliException;
import org.jspecify.annotations.Nullable;

/// Looks for the file that a dead process has left of what its heaps guarded: where its arguments say, and in the
/// folders for temporary files; of those that know the address, the latest.
final class GuardFileSearch {
    private static final String NAME = "malloc4j-guards-";
    private static final int MAX_NUMBER = 9;
    private static final String[] ENDINGS = {"", ".old"};
    private static final Pattern FILE_OPTION = option("malloc4j\\.guardFile");
    private static final Pattern FOLDER_OPTION = option("java\\.io\\.tmpdir");

    private final Path crashFile;
    private final Crash crash;
    private final Set<String> places = new LinkedHashSet<>();

    GuardFileSearch(Path crashFile, Crash crash) {
        this.crashFile = crashFile;
        this.crash = crash;
    }

    /// A value may have blanks, but not before a minus: nobody tells where the arguments end.
    private static Pattern option(String name) {
        return Pattern.compile("(?:^|\\s)-D" + name + "=(\\S+(?: (?!-)\\S+)*)");
    }

    /// Where it has looked, in words.
    String places() {
        return String.join(", ", places);
    }

    /// The file that knows the address, null where there is none.
    @Nullable
    GuardTable find(long address) {
        Set<Path> files = new LinkedHashSet<>();
        addNamed(files);
        for (Path folder : folders()) {
            addListed(files, folder);
        }
        return files.stream()
                .map(GuardFileSearch::readIfAny)
                .filter(table -> table != null && table.pid() == crash.pid() && table.contains(address))
                .max(Comparator.comparingLong(table -> table == null ? 0 : table.createdMillis()))
                .orElse(null);
    }

    private static @Nullable GuardTable readIfAny(Path file) {
        try {
            return Files.exists(file) ? GuardTable.read(file) : null;
        } catch (CliException other) {
            return null;
        }
    }

    private void addNamed(Set<Path> files) {
        Path named = argument(FILE_OPTION);
        if (named == null) {
            return;
        }
        places.add(named.toString());
        for (int number = 1; number <= MAX_NUMBER; number++) {
            for (String ending : ENDINGS) {
                files.add(Path.of(named + (number == 1 ? "" : "-" + number) + ending));
            }
        }
    }

    /// A path among the arguments of the JVM, the last of its name; a relative one is taken from where the log is.
    private @Nullable Path argument(Pattern option) {
        String value = null;
        Matcher found = option.matcher(crash.arguments());
        while (found.find()) {
            value = found.group(1);
        }
        try {
            return value == null ? null : home().resolve(value.replace("%p", Long.toString(crash.pid())));
        } catch (InvalidPathException strange) {
            return null;
        }
    }

    private Path home() {
        Path folder = crashFile.toAbsolutePath().getParent();
        return folder == null ? Path.of("/") : folder;
    }

    private Set<Path> folders() {
        Set<Path> folders = new LinkedHashSet<>();
        Path named = argument(FOLDER_OPTION);
        if (named != null) {
            folders.add(named);
        }
        folders.add(Path.of("/tmp"));
        folders.add(home());
        return folders;
    }

    private void addListed(Set<Path> files, Path folder) {
        places.add(folder.resolve(NAME + crash.pid() + "-*").toString());
        try (DirectoryStream<Path> found = Files.newDirectoryStream(folder, NAME + crash.pid() + "-*")) {
            found.forEach(files::add);
        } catch (IOException missing) {
            // then it is not there
        }
    }
}
