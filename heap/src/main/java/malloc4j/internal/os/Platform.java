package malloc4j.internal.os;

import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/// What this process runs on: operating system, architecture and C library, as far as they decide whether and how
/// [LinuxCalls] can work.
///
/// Nothing here is needed for a system call: [LinuxCalls#instance] asks only [#unsupportedReason] of three system
/// properties. The C library is looked for when a message or a report names it.
///
/// @param os the system property `os.name`, such as `"Linux"`
/// @param osArch the system property `os.arch`, such as `"amd64"`
/// @param addressBits width of an address in bits
/// @param littleEndian whether words are stored lowest byte first
/// @param libc which C library the process uses
/// @param libcVersion its version, such as `"2.36"`; empty when it does not tell
public record Platform(String os, String osArch, int addressBits, boolean littleEndian, Libc libc, String libcVersion) {

    /// A C library.
    public enum Libc {
        GLIBC("glibc"),
        MUSL("musl"),
        OTHER("unknown C library");

        private final String displayName;

        Libc(String displayName) {
            this.displayName = displayName;
        }

        @Override
        public String toString() {
            return displayName;
        }
    }

    /// The platform of this process. Looks for the C library: costs a few milliseconds the first time.
    public static Platform current() {
        String os = System.getProperty("os.name", "");
        if (!isLinux(os)) {
            return of(os, Libc.OTHER, "");
        }
        Libc libc = detectLibc(Linker.nativeLinker().defaultLookup(), Path.of("/lib"));
        boolean callable =
                Architecture.of(System.getProperty("os.arch", "")) != null; // what the JVM may call, it tells
        return of(os, libc, callable && libc == Libc.GLIBC ? LinuxCalls.glibcVersion() : "");
    }

    private static Platform of(String os, Libc libc, String libcVersion) {
        return new Platform(
                os,
                System.getProperty("os.arch", ""),
                (int) ValueLayout.ADDRESS.byteSize() * Byte.SIZE,
                ByteOrder.nativeOrder() == ByteOrder.LITTLE_ENDIAN,
                libc,
                libcVersion);
    }

    /// Which C library a process has, told by what glibc alone exports and by where musl puts its loader.
    ///
    /// @param symbols the C library's functions
    /// @param libraryDirectory `/lib`, or a stand-in
    static Libc detectLibc(SymbolLookup symbols, Path libraryDirectory) {
        if (symbols.find(LibraryFunction.GNU_GET_LIBC_VERSION.symbol()).isPresent()) {
            return Libc.GLIBC;
        }
        boolean muslLoader = Files.exists(libraryDirectory.resolve("ld-musl-x86_64.so.1"))
                || Files.exists(libraryDirectory.resolve("ld-musl-aarch64.so.1"));
        return muslLoader ? Libc.MUSL : Libc.OTHER;
    }

    /// The architecture whose system-call numbers apply, or null when we know none.
    public @Nullable Architecture architecture() {
        return Architecture.of(osArch);
    }

    /// Why this library cannot work here, or null when it can.
    public @Nullable String unsupportedReason() {
        String wrong = unsupportedReason(os, osArch, addressBits, littleEndian);
        return wrong == null ? null : wrong + "; this is " + this;
    }

    /// Why no system call can be made on a platform, or null when it is one of ours; of any C library, since only
    /// `syscall(2)` is needed.
    static @Nullable String unsupportedReason(String os, String osArch, int addressBits, boolean littleEndian) {
        if (!isLinux(os)) {
            return "malloc4j runs on Linux only";
        }
        if (Architecture.of(osArch) == null) {
            return "malloc4j runs on x86-64 and aarch64 only";
        }
        if (addressBits != Long.SIZE) {
            return "malloc4j needs a 64-bit JVM";
        }
        return littleEndian ? null : "malloc4j needs a little-endian machine";
    }

    private static boolean isLinux(String os) {
        return os.toLowerCase(Locale.ROOT).equals("linux");
    }

    /// One line for a person: `Linux amd64, 64-bit little-endian, glibc 2.36`.
    @Override
    public String toString() {
        return os + " " + osArch + ", " + addressBits + "-bit " + (littleEndian ? "little" : "big") + "-endian, " + libc
                + (libcVersion.isEmpty() ? "" : " " + libcVersion);
    }
}
