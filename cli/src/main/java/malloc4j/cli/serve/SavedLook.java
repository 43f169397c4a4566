package malloc4j.cli.serve;

import io.avaje.json.JsonException;
import io.avaje.jsonb.Json;
import io.avaje.jsonb.Jsonb;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import malloc4j.cli.CliException;
import malloc4j.cli.heaps.HeldCommand;
import malloc4j.cli.sites.SitesReport;
import org.jspecify.annotations.Nullable;

/// All that a page has seen, as its button saves it. The field names are a contract; a change that older programs
/// cannot read raises the version.
///
/// @param format [#FORMAT]
/// @param version [#VERSION]
/// @param lines over time, of each heap
/// @param space absent where it was not read, as all that follows
@Json
record SavedLook(
        String format,
        int version,
        long savedMillis,
        Observation observation,
        List<Lines> lines,
        @Nullable SpaceView space,
        @Nullable SitesReport sites,
        HeldCommand.@Nullable Report held,
        @Nullable SeenLeaks leaks) {
    static final String FORMAT = "malloc4j-look";
    static final int VERSION = 1;
    private static final long MAX_BYTES = 64 << 20;

    /// What a heap had over time, a figure in each list for each moment.
    @Json
    record Lines(
            int heapId,
            List<Double> seconds,
            List<Long> allocatedBytes,
            List<Long> activeBytes,
            List<Long> mappedBytes,
            List<Long> residentBytes) {
        private boolean isEven() {
            int length = seconds.size();
            return allocatedBytes.size() == length
                    && activeBytes.size() == length
                    && mappedBytes.size() == length
                    && residentBytes.size() == length;
        }
    }

    /// Only what every reader needs to know.
    @Json
    record Heading(@Nullable String format, int version) {}

    /// Reads a file.
    ///
    /// @throws CliException if it is none, in one line
    static SavedLook read(Path file) {
        String text = text(file);
        try {
            Heading heading = Jsonb.instance().type(Heading.class).fromJson(text);
            if (!FORMAT.equals(heading.format())) {
                throw CliException.problem(file + ": is no look that the page of serve has saved");
            }
            if (heading.version() != VERSION) {
                throw CliException.problem(
                        file + ": has version " + heading.version() + ", and this program reads " + VERSION);
            }
            SavedLook look = Jsonb.instance().type(SavedLook.class).fromJson(text);
            if (look.observation() == null
                    || look.lines() == null
                    || !look.lines().stream().allMatch(Lines::isEven)) {
                throw CliException.problem(file + ": a part of it is missing");
            }
            return look;
        } catch (JsonException | IllegalStateException | NullPointerException malformed) {
            throw CliException.problem(file + ": is damaged or incomplete: " + malformed.getMessage());
        }
    }

    private static String text(Path file) {
        try {
            if (Files.size(file) > MAX_BYTES) {
                throw CliException.problem(file + ": is too large for a saved look");
            }
            return Files.readString(file, StandardCharsets.UTF_8);
        } catch (IOException unreadable) {
            throw CliException.wrongUsage(file + ": cannot be read: " + unreadable.getMessage());
        }
    }
}
