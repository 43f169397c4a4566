package malloc4j.linux;

import malloc4j.internal.os.Linux;

/// What may be done with a page of a mapping: the eight combinations of reading, writing and executing.
///
/// What the processor enforces is coarser. On x86-64 and aarch64 nothing is writable without being readable, so a page
/// with [#WRITE] alone can be read, here and through a segment. [#EXECUTE] alone can be read on older processors; this
/// library treats it as unreadable.
///
/// @source [mmap(2)](https://man7.org/linux/man-pages/man2/mmap.2.html),
///     [mprotect(2)](https://man7.org/linux/man-pages/man2/mprotect.2.html)
/// @since 0.1.0
public enum Protection {
    /// Address space only: every access is refused.
    NONE(Linux.PROT_NONE),
    READ(Linux.PROT_READ),
    WRITE(Linux.PROT_WRITE),
    READ_WRITE(Linux.PROT_READ | Linux.PROT_WRITE),
    EXECUTE(Linux.PROT_EXEC),
    READ_EXECUTE(Linux.PROT_READ | Linux.PROT_EXEC),
    WRITE_EXECUTE(Linux.PROT_WRITE | Linux.PROT_EXEC),
    READ_WRITE_EXECUTE(Linux.PROT_READ | Linux.PROT_WRITE | Linux.PROT_EXEC);

    private static final Protection[] BY_BITS = byBits();

    private final int bits;

    Protection(int bits) {
        this.bits = bits;
    }

    private static Protection[] byBits() {
        Protection[] byBits = new Protection[values().length];
        for (Protection protection : values()) {
            byBits[protection.bits] = protection;
        }
        return byBits;
    }

    /// The protection with the kernel's bits.
    static Protection of(int bits) {
        return BY_BITS[bits];
    }

    /// The kernel's bits, `PROT_READ` and its like.
    int bits() {
        return bits;
    }

    /// Whether memory with this protection can be read through a segment.
    public boolean isReadable() {
        return (bits & (Linux.PROT_READ | Linux.PROT_WRITE)) != 0;
    }

    /// Whether memory with this protection can be written through a segment.
    public boolean isWritable() {
        return (bits & Linux.PROT_WRITE) != 0;
    }

    /// Whether the processor may execute memory with this protection.
    public boolean isExecutable() {
        return (bits & Linux.PROT_EXEC) != 0;
    }

    /// What both allow.
    public Protection and(Protection other) {
        return of(bits & other.bits);
    }
}
