package malloc4j.internal.slab;

import static org.assertj.core.api.Assertions.assertThat;

import malloc4j.internal.region.Zone;
import org.junit.jupiter.api.Test;

/// The claims of [SizeClasses], for every size there is.
class SizeClassesTest {
    @Test
    void everySizeMapsToTheSmallestClassThatHoldsIt() {
        for (int byteSize = 0; byteSize <= SizeClasses.MAX_SMALL_BYTES; byteSize++) {
            int sizeClass = SizeClasses.of(byteSize);
            assertThat(SizeClasses.blockBytes(sizeClass)).isGreaterThanOrEqualTo(byteSize);
            if (sizeClass > 0) {
                assertThat(SizeClasses.blockBytes(sizeClass - 1)).isLessThan(byteSize);
            }
        }
    }

    @Test
    void classesAscendInMultiplesOfTheQuantumAndFillTheirSlab() {
        int before = 0;
        for (int sizeClass = 0; sizeClass < SizeClasses.COUNT; sizeClass++) {
            int blockBytes = SizeClasses.blockBytes(sizeClass);
            int capacity = SizeClasses.capacity(sizeClass);
            assertThat(blockBytes).isGreaterThan(before);
            assertThat(blockBytes % SizeClasses.QUANTUM_BYTES).isZero();
            assertThat(capacity * blockBytes).isLessThanOrEqualTo(Zone.CHUNK_BYTES);
            assertThat((capacity + 1) * blockBytes).isGreaterThan(Zone.CHUNK_BYTES);
            assertThat(capacity).isBetween(2, 4096);
            before = blockBytes;
        }
        assertThat(before).isEqualTo(SizeClasses.MAX_SMALL_BYTES);
    }

    @Test
    void everyPowerOfTwoIsAClass() {
        for (int bytes = SizeClasses.QUANTUM_BYTES; bytes <= SizeClasses.MAX_SMALL_BYTES; bytes *= 2) {
            assertThat(SizeClasses.blockBytes(SizeClasses.of(bytes))).isEqualTo(bytes);
        }
    }

    @Test
    void everyAlignmentIsServedByTheSmallestClassThatHasIt() {
        for (int byteAlignment = 1; byteAlignment <= SizeClasses.MAX_SMALL_BYTES; byteAlignment *= 2) {
            for (int byteSize = 0; byteSize <= SizeClasses.MAX_SMALL_BYTES; byteSize += 7) {
                int sizeClass = SizeClasses.ofAligned(byteSize, byteAlignment);
                assertThat(SizeClasses.blockBytes(sizeClass) % byteAlignment).isZero();
                for (int smaller = SizeClasses.of(byteSize); smaller < sizeClass; smaller++) {
                    assertThat(SizeClasses.blockBytes(smaller) % byteAlignment).isNotZero();
                }
            }
        }
    }

    @Test
    void noSlabServesWhatIsLargerOrMoreAlignedThanHalfOfIt() {
        assertThat(SizeClasses.ofAligned(SizeClasses.MAX_SMALL_BYTES + 1L, 16)).isNegative();
        assertThat(SizeClasses.ofAligned(16, 2L * SizeClasses.MAX_SMALL_BYTES)).isNegative();
        assertThat(SizeClasses.ofAligned(-1, 16)).isNegative();
        assertThat(SizeClasses.ofAligned(Long.MAX_VALUE, 16)).isNegative();
    }

    @Test
    void theWorstWasteIsAsTheDescriptionSays() {
        assertThat(worstWaste(SizeClasses.of(17))).isBetween(0.46, 0.47);
        for (int sizeClass = SizeClasses.of(33); sizeClass < SizeClasses.COUNT; sizeClass++) {
            int blockBytes = SizeClasses.blockBytes(sizeClass);
            double bound = blockBytes <= 64 ? 0.32 : blockBytes <= 1024 ? 0.19 : blockBytes <= 21_840 ? 0.26 : 0.334;
            assertThat(worstWaste(sizeClass)).as("%d-byte blocks", blockBytes).isLessThan(bound);
        }
    }

    @Test
    void theMeanWasteIsAsTheDescriptionSays() {
        assertThat(meanWaste(65, 1024)).isBetween(0.04, 0.06);
        assertThat(meanWaste(1025, 8192)).isBetween(0.08, 0.10);
        assertThat(meanWaste(8193, SizeClasses.MAX_SMALL_BYTES)).isBetween(0.12, 0.14);
    }

    private static double meanWaste(int from, int to) {
        double sum = 0;
        for (int byteSize = from; byteSize <= to; byteSize++) {
            sum += 1 - byteSize / (double) SizeClasses.blockBytes(SizeClasses.of(byteSize));
        }
        return sum / (to - from + 1);
    }

    private static double worstWaste(int sizeClass) {
        int smallest = sizeClass == 0 ? 1 : SizeClasses.blockBytes(sizeClass - 1) + 1;
        return 1 - smallest / (double) SizeClasses.blockBytes(sizeClass);
    }
}
