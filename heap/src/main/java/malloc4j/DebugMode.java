package malloc4j;

/// How a heap's blocks are watched while a program is being debugged; see docs/observing.md for what each finds and
/// costs.
///
/// @since 0.1.0
public enum DebugMode {
    /// Not at all.
    OFF,
    /// Each block of up to 32 KiB lies between pages that nobody may touch, as long as there are such places; all
    /// others between red zones.
    GUARD,
    /// Each block lies between red zones: patterns that are looked at when it is freed, and every second.
    REDZONE,
    /// As `GUARD`, and each call looks at some other blocks too: what was written is told soon after.
    FULL
}
