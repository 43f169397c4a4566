package malloc4j.cli.record;

import io.avaje.jsonb.Json;

/// What was recorded, as `record --json` prints it. The field names are a contract.
///
/// @param file as this command names it
/// @param events of the trace: mallocs, frees and what else there is
/// @param nanos how long it took
/// @param end why it ended: time, request, or process for one that has ended
@Json
public record RecordedTrace(long pid, String heap, String file, long events, long fileBytes, long nanos, String end) {}
