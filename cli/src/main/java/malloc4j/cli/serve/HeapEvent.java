package malloc4j.cli.serve;

import io.avaje.jsonb.Json;

/// What has happened to a heap between two looks. The field names are a contract.
///
/// @param number of the event, from 1 on
/// @param timeMillis of the look that told it
/// @param kind what it was
/// @param amount bytes; of refusals, how many
@Json
record HeapEvent(long number, long timeMillis, int heapId, Kind kind, long amount) {
    /// What may happen.
    enum Kind {
        /// The heap got addresses: extents, or a huge block.
        MAPPED,
        /// It gave addresses back.
        UNMAPPED,
        /// Pages went back to the kernel, and the page has asked for it.
        TRIMMED,
        /// Pages went back to the kernel by themselves, or because the program has asked for it.
        PURGED,
        /// Requests were refused.
        REFUSED,
        /// A soft limit was passed; `amount` is the limit.
        SOFT_LIMIT,
        /// Less than a hundredth of a hard limit is left; `amount` is the limit.
        HARD_LIMIT
    }
}
