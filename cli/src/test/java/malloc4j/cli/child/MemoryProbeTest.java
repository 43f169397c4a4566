package malloc4j.cli.child;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.lang.foreign.Arena;
import org.junit.jupiter.api.Test;

/// The probe inside the test's own JVM, which is a noisier one than a replay's child.
class MemoryProbeTest {
    private static final long MIB = 1 << 20;
    private static final long NOISE = 16 * MIB; // the JIT compiles this JVM's tests with memory from libc's malloc

    @Test
    void seesNativeMemoryComeAndGoAndRemembersThePeak() throws IOException {
        MemoryProbe probe = MemoryProbe.atBase();
        try (Arena arena = Arena.ofConfined()) {
            arena.allocate(128 * MIB); // zeroed, so every page is touched; above glibc's threshold, so its own mapping
            assertThat(probe.growthBytes()).isCloseTo(128 * MIB, within(NOISE));
        }
        assertThat(probe.growthBytes()).isLessThan(NOISE);
        assertThat(probe.peakGrowthBytes()).isCloseTo(128 * MIB, within(NOISE));
    }

    @Test
    void doesNotSeeTheJavaHeap() throws IOException {
        MemoryProbe probe = MemoryProbe.atBase();
        byte[][] garbage = new byte[100][];
        for (int i = 0; i < garbage.length; i++) {
            garbage[i] = new byte[(int) MIB];
        }
        assertThat(garbage.length).isEqualTo(100);
        assertThat(probe.growthBytes()).isLessThan(NOISE);
        assertThat(probe.peakGrowthBytes()).isLessThan(NOISE);
    }
}
