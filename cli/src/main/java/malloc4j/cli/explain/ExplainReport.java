package malloc4j.cli.explain;

import io.avaje.jsonb.Json;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// What `explain --json` prints. The field names are a contract.
///
/// @param address that was touched, null where it is not told
/// @param signal that the process died of
/// @param block that the address belongs to, null where it is no guard
/// @param heap that the block is of
/// @param guardFile that told of it
@Json
public record ExplainReport(
        @Nullable String address,
        String verdict,
        @Nullable Block block,
        long pid,
        String signal,
        @Nullable String heap,
        @Nullable String guardFile) {
    /// A block that was guarded.
    ///
    /// @param state live or freed
    /// @param offset of the address that was touched: 0 inside, negative before the block, from 1 on behind it
    /// @param allocatedAt innermost first, as `Class.method(File.java:LINE)`; of a deep stack the innermost frames
    /// @param allocatedAgeNanos before the end of the process, null where nobody tells when that was
    /// @param freedAt empty while it is live
    @Json
    public record Block(
            String address,
            long byteSize,
            String state,
            long offset,
            List<String> allocatedAt,
            String allocatedBy,
            @Nullable Long allocatedAgeNanos,
            List<String> freedAt,
            @Nullable String freedBy,
            @Nullable Long freedAgeNanos) {}

    static ExplainReport of(Explanation explanation) {
        Crash crash = explanation.crash();
        Long address = crash.address();
        GuardTable table = explanation.table();
        GuardTable.Block block = explanation.block();
        return new ExplainReport(
                address == null ? null : Explanation.hex(address),
                explanation.verdict(),
                block == null || address == null ? null : block(crash, block, address),
                crash.pid(),
                crash.what(),
                table == null ? null : table.heapName(),
                table == null ? null : table.path().toString());
    }

    private static Block block(Crash crash, GuardTable.Block block, long address) {
        GuardTable.Call freed = block.freed();
        return new Block(
                Explanation.hex(block.address()),
                block.byteSize(),
                freed == null ? "live" : "freed",
                block.offset(address),
                block.allocated().stack(),
                block.allocated().thread(),
                age(crash, block.allocated()),
                freed == null ? List.of() : freed.stack(),
                freed == null ? null : freed.thread(),
                freed == null ? null : age(crash, freed));
    }

    private static @Nullable Long age(Crash crash, GuardTable.Call call) {
        long nanos = Explanation.ageNanos(crash, call);
        return nanos < 0 ? null : (Long) nanos;
    }
}
