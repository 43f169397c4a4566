package malloc4j.peers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;

import java.util.BitSet;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// What measuring relies on holds of every allocator that is installed here.
class PeersTest {
    private static final int BLOCKS = 100;

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "NONE")
    void blocksAreAlignedZeroedApartAndKeepTheirContents(AllocatorName name) {
        Allocator allocator = installed(name);
        var crossing = new BitSet();
        crossing.set(0, BLOCKS / 2);
        allocator.prepare(BLOCKS, crossing);
        soil(allocator);
        assertThat(allocator.version()).isNotBlank().doesNotContain("unknown");
        long[] addresses = new long[BLOCKS];
        long[] byteSizes = new long[BLOCKS];
        for (int id = 0; id < BLOCKS; id++) {
            long byteSize = byteSize(id);
            addresses[id] = switch (id % 3) {
                case 0 -> allocator.malloc(id, byteSize);
                case 1 -> allocator.calloc(id, byteSize);
                default -> allocator.memalign(id, 64, byteSize);
            };
            if (id % 3 == 1) {
                for (long offset = 0; offset < byteSize; offset++) {
                    assertThat(Memory.getByte(addresses[id] + offset)).isZero();
                }
            } else if (id % 3 == 2) {
                assertThat(addresses[id] % 64).isZero();
            }
            Memory.fill(addresses[id], byteSize, (byte) id);
            byteSizes[id] = byteSize;
        }
        for (int id = 0; id < BLOCKS; id += 5) {
            addresses[id] = allocator.realloc(id, addresses[id], 2 * byteSizes[id]);
        }
        for (int id = 0; id < BLOCKS; id++) {
            for (long offset = 0; offset < byteSizes[id]; offset++) {
                assertThat(Memory.getByte(addresses[id] + offset)).isEqualTo((byte) id);
            }
            allocator.free(id, addresses[id]);
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"MALLOC4J", "MALLOC4J_SEGMENT", "GLIBC", "JEMALLOC", "MIMALLOC", "TCMALLOC", "UNSAFE"})
    void hasACallThatGivesMemoryBack(AllocatorName name) {
        Allocator allocator = installed(name);
        allocator.prepare(1, new BitSet());
        allocator.free(0, allocator.malloc(0, 100));

        assertThat(allocator.trim()).isTrue();
    }

    /// Leaves free memory behind that does not read zero, for blocks of the sizes that the test allocates.
    private static void soil(Allocator allocator) {
        long[] addresses = new long[BLOCKS];
        for (int id = 0; id < BLOCKS; id++) {
            addresses[id] = allocator.malloc(id, byteSize(id));
            Memory.fill(addresses[id], byteSize(id), (byte) -1);
        }
        for (int id = 0; id < BLOCKS; id++) {
            allocator.free(id, addresses[id]);
        }
    }

    private static long byteSize(int id) {
        return 8 + id * 37L;
    }

    private static Allocator installed(AllocatorName name) {
        try {
            return Peers.of(name);
        } catch (AllocatorAbsent absent) {
            return abort(String.valueOf(absent.getMessage()));
        }
    }
}
