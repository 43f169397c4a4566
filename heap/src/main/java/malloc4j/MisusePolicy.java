package malloc4j;

/// What a [CFamily] does with a call whose address is not where a live block of its heap begins, which in C is
/// undefined. Whatever the policy, the call changes nothing, and is counted.
///
/// @since 0.1.0
public enum MisusePolicy {
    /// Throws a [BlockMisuseException], which says what is wrong: for callers in Java.
    THROW,

    /// Goes on as if nothing had been asked: returns 0 and leaves `errno` as it is. For programs that are known to free
    /// twice and must run on; [CFamily#misuseCount] tells how often.
    COUNT,

    /// Ends the call as one that failed: returns 0 with `EINVAL`, from [CFamily#free] too.
    FAIL
}
