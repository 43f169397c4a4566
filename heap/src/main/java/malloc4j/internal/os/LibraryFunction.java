package malloc4j.internal.os;

/// The table of the C library's functions we call: symbols for [LinuxCalls], text for `docs/system-calls.md`.
///
/// They are few on purpose: each one ties us to a C library, where a system call ties us to the kernel alone.
public enum LibraryFunction {
    SYSCALL("syscall", 2, "every call of the table above", "never missing"),
    SBRK(
            "sbrk",
            2,
            "the source of memory by program break and `ProgramBreak`, both opt-in: through the C library, so that its "
                    + "own idea of the break stays true (a `brk` system call behind its back crashed the JVM)",
            "`ENOMEM` (a mapping in the way, `RLIMIT_DATA`, or musl, which refuses): memory comes by `mmap`"),
    SYSCONF("sysconf", 3, "the page size and the number of processors, once", "names we ask for always have a value"),
    MALLINFO2(
            "mallinfo2",
            3,
            "before and after `sbrk`: it takes and releases the lock of each malloc arena, so no other thread is in the "
                    + "middle of moving the break",
            "missing before glibc 2.33: the next one"),
    MALLINFO("mallinfo", 3, "the same", "missing in musl: `ENOSYS`, and musl's `sbrk` refuses anyway"),
    GNU_GET_LIBC_VERSION(
            "gnu_get_libc_version",
            3,
            "tells glibc from others, and its version, for reports",
            "missing elsewhere: no version");

    private final String symbol;
    private final int manualSection;
    private final String purpose;
    private final String onFailure;

    LibraryFunction(String symbol, int manualSection, String purpose, String onFailure) {
        this.symbol = symbol;
        this.manualSection = manualSection;
        this.purpose = purpose;
        this.onFailure = onFailure;
    }

    /// The name the C library exports it under.
    public String symbol() {
        return symbol;
    }

    /// The section of the manual that describes it.
    public int manualSection() {
        return manualSection;
    }

    /// What it is called for.
    public String purpose() {
        return purpose;
    }

    /// What happens when it fails or is missing.
    public String onFailure() {
        return onFailure;
    }
}
