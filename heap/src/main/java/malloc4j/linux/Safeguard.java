package malloc4j.linux;

/// What keeps a secret in [SecretMemory] from being seen or overwritten; each may be refused by the system.
///
/// @since 0.1.0
public enum Safeguard {
    /// No page next to the secret's belongs to anybody: an access that runs on faults.
    GUARD_PAGES,
    /// The pages stay in memory: they are not written to swap space.
    LOCKED,
    /// The pages are left out of core dumps.
    NOT_DUMPED,
    /// A child process made by `fork` finds zeroes in their place, or nothing.
    NOT_FORKED,
    /// The pages are missing from the kernel's own map of memory: `/proc/PID/mem`, `ptrace`, `process_vm_readv` and
    /// errors of the kernel do not reach them, for root neither.
    HIDDEN
}
