package malloc4j.internal.os;

import org.jspecify.annotations.Nullable;

/// A processor architecture whose system-call numbers we know (see [SystemCall]).
///
/// Both are 64-bit and little-endian; an address is a Java `long`, and both pass the first six integer arguments of a
/// function in registers.
public enum Architecture {
    /// AMD64, Intel 64: 4 KiB pages.
    X86_64,
    /// 64-bit Arm: pages of 4, 16 or 64 KiB, chosen when the kernel is built.
    AARCH64;

    /// The architecture that the JVM calls `osArch` in the system property `os.arch`, or null when it is none of ours.
    public static @Nullable Architecture of(String osArch) {
        return switch (osArch) {
            case "amd64", "x86_64" -> X86_64;
            case "aarch64", "arm64" -> AARCH64;
            default -> null;
        };
    }
}
