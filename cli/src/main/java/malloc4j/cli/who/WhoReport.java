package malloc4j.cli.who;

import io.avaje.jsonb.Json;
import java.util.List;
import malloc4j.cli.picture.PartsPicture;
import malloc4j.cli.space.Parts;
import malloc4j.cli.space.ProcessSpace;
import malloc4j.observe.MemoryUse;
import malloc4j.process.AddressSpace;
import org.jspecify.annotations.Nullable;

/// What `who --json` prints. The field names are a contract.
///
/// @param name of the process, up to 15 letters
/// @param verdict in words
/// @param residentBytes what the process has in memory; the parts add up to it
/// @param rollupBytes the same by the kernel's own sum, asked a moment before; absent where it does not tell
/// @param notes what could not be told
@Json
public record WhoReport(
        long pid,
        String name,
        String verdict,
        long residentBytes,
        @Nullable Long rollupBytes,
        long swappedBytes,
        List<Part> parts,
        List<String> notes) {

    /// One part.
    ///
    /// @param byteSize its addresses
    /// @param committedBytes what can hold memory
    /// @param nmtBytes the same by the JVM's own books, for thread stacks what is resident; absent where they do not
    ///     tell
    @Json
    public record Part(
            String name,
            long residentBytes,
            long byteSize,
            long committedBytes,
            int mappings,
            @Nullable Long nmtBytes) {}

    static WhoReport of(ProcessSpace process) {
        AddressSpace space = process.space();
        var picture = new PartsPicture(process);
        return new WhoReport(
                space.pid(),
                space.name(),
                picture.verdict(),
                space.total().residentBytes(),
                space.rollup().map(MemoryUse::residentBytes).orElse(null),
                space.total().swappedBytes(),
                Parts.of(process).stream()
                        .map(part -> new Part(
                                part.name(),
                                part.residentBytes(),
                                part.byteSize(),
                                part.committedBytes(),
                                part.mappings(),
                                part.nmtBytes().isPresent()
                                        ? (Long) part.nmtBytes().getAsLong()
                                        : null))
                        .toList(),
                picture.notes());
    }
}
