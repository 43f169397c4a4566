package malloc4j.internal.os;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PlatformTest {
    private static Platform linux(String osArch) {
        return new Platform("Linux", osArch, 64, true, Platform.Libc.MUSL, "");
    }

    @Test
    void linuxOnBothArchitecturesIsSupported() {
        assertThat(linux("amd64").unsupportedReason()).isNull();
        assertThat(linux("aarch64").unsupportedReason()).isNull();
        assertThat(linux("amd64").architecture()).isEqualTo(Architecture.X86_64);
        assertThat(linux("x86_64").architecture()).isEqualTo(Architecture.X86_64);
        assertThat(linux("aarch64").architecture()).isEqualTo(Architecture.AARCH64);
    }

    @Test
    void otherSystemsAreNamed() {
        assertThat(new Platform("Mac OS X", "aarch64", 64, true, Platform.Libc.OTHER, "").unsupportedReason())
                .isEqualTo("malloc4j runs on Linux only; this is Mac OS X aarch64, 64-bit little-endian, "
                        + "unknown C library");
        assertThat(new Platform("Linux", "riscv64", 64, true, Platform.Libc.GLIBC, "2.36").unsupportedReason())
                .isEqualTo("malloc4j runs on x86-64 and aarch64 only; this is Linux riscv64, 64-bit little-endian, "
                        + "glibc 2.36");
        assertThat(new Platform("Linux", "s390x", 64, false, Platform.Libc.GLIBC, "2.36").unsupportedReason())
                .startsWith("malloc4j runs on x86-64 and aarch64 only; this is Linux s390x, 64-bit big-endian");
        assertThat(new Platform("Linux", "amd64", 32, true, Platform.Libc.MUSL, "").unsupportedReason())
                .startsWith("malloc4j needs a 64-bit JVM; this is Linux amd64, 32-bit little-endian, musl");
        assertThat(new Platform("Linux", "aarch64", 64, false, Platform.Libc.GLIBC, "").unsupportedReason())
                .startsWith("malloc4j needs a little-endian machine; this is Linux aarch64, 64-bit big-endian, glibc");
    }

    @Test
    void glibcIsKnownByItsSymbolAndMuslByItsLoader(@TempDir Path lib) throws IOException {
        SymbolLookup nothing = name -> Optional.empty();
        SymbolLookup glibc = name -> Optional.of(MemorySegment.ofAddress(1));
        assertThat(Platform.detectLibc(glibc, lib)).isEqualTo(Platform.Libc.GLIBC);
        assertThat(Platform.detectLibc(nothing, lib)).isEqualTo(Platform.Libc.OTHER);
        Files.createFile(lib.resolve("ld-musl-aarch64.so.1"));
        assertThat(Platform.detectLibc(nothing, lib)).isEqualTo(Platform.Libc.MUSL);
    }

    @Test
    void thisMachineIsSupported() {
        Platform current = Platform.current();
        assertThat(current.unsupportedReason()).isNull();
        if (current.libc() == Platform.Libc.GLIBC) {
            assertThat(current.libcVersion()).matches("2\\.\\d+");
        }
    }
}
