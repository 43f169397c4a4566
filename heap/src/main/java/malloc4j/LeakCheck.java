package malloc4j;

/// When a heap says in the log what was allocated and not freed.
///
/// @since 0.1.0
public enum LeakCheck {
    /// Never.
    OFF,
    /// When it is closed, and the common heap when the JVM ends. Samples are taken for it, one for each 64 KiB unless
    /// `profileBytes` says otherwise.
    EXIT
}
