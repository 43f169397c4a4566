package malloc4j.internal.slab;

import java.util.Arrays;
import malloc4j.internal.region.Zone;

/// The block sizes that slabs are cut into, and the way from a request to the smallest class that holds it.
///
/// Up to 128 bytes a class every 16 bytes, up to 1 KiB eight classes a doubling, above that four a doubling, each
/// of those raised to what fills a slab: `64 KiB / n` rounded down to 16. So the worst waste inside a block, beyond
/// the first class, is 47 % at 17 bytes, a fifth from 65 bytes to 1 KiB, a quarter up to 21 KiB, and a third above;
/// the mean over all sizes is 5 % up to 1 KiB, 9 % up to 8 KiB, and 13 % above. Powers of two stay powers of two.
///
/// The table stands in docs/size-classes.md, which a test regenerates.
public final class SizeClasses {
    /// Every block size is a multiple of this, and so is every address: C's `max_align_t`.
    public static final int QUANTUM_BYTES = 16;

    /// The largest request that a slab serves, 32 KiB; half a slab.
    public static final int MAX_SMALL_BYTES = Zone.CHUNK_BYTES / 2;

    private static final int QUANTUM_SHIFT = 4;
    private static final int MAX_LINEAR_BYTES = 128;
    private static final int MAX_EXACT_BYTES = 1024;
    private static final int[] BLOCK_BYTES = blockSizes();
    private static final byte[] CLASS_BY_QUANTA = classByQuanta();

    /// How many classes there are.
    public static final int COUNT = BLOCK_BYTES.length;

    private SizeClasses() {}

    /// The class for a request of `byteSize` bytes, 0 to [#MAX_SMALL_BYTES].
    public static int of(long byteSize) {
        return CLASS_BY_QUANTA[(int) (byteSize + QUANTUM_BYTES - 1) >>> QUANTUM_SHIFT];
    }

    /// The size of a class's blocks in bytes.
    public static int blockBytes(int sizeClass) {
        return BLOCK_BYTES[sizeClass];
    }

    /// How many blocks a slab of the class has.
    public static int capacity(int sizeClass) {
        return Zone.CHUNK_BYTES / BLOCK_BYTES[sizeClass];
    }

    /// The class for a request of `byteSize` bytes at an address that is a multiple of `byteAlignment`, or -1 when
    /// no slab serves it. A slab begins at a multiple of 64 KiB, so its blocks have the alignment that their size
    /// has.
    public static int ofAligned(long byteSize, long byteAlignment) {
        if (Long.compareUnsigned(byteSize, MAX_SMALL_BYTES) > 0 || byteAlignment > MAX_SMALL_BYTES) {
            return -1;
        }
        int sizeClass = of(byteSize);
        while (sizeClass < COUNT && (BLOCK_BYTES[sizeClass] & (byteAlignment - 1)) != 0) {
            sizeClass++;
        }
        return sizeClass < COUNT ? sizeClass : -1;
    }

    private static int[] blockSizes() {
        int[] sizes = new int[128];
        int count = 0;
        int target = QUANTUM_BYTES;
        while (target <= MAX_SMALL_BYTES) {
            int size = target <= MAX_EXACT_BYTES
                    ? target
                    : Zone.CHUNK_BYTES / (Zone.CHUNK_BYTES / target) & -QUANTUM_BYTES;
            if (count == 0 || size > sizes[count - 1]) {
                sizes[count++] = size;
            }
            target += step(target);
        }
        return Arrays.copyOf(sizes, count);
    }

    private static int step(int target) {
        if (target < MAX_LINEAR_BYTES) {
            return QUANTUM_BYTES;
        }
        return Integer.highestOneBit(target) / (target < MAX_EXACT_BYTES ? 8 : 4);
    }

    private static byte[] classByQuanta() {
        byte[] classes = new byte[MAX_SMALL_BYTES / QUANTUM_BYTES + 1];
        int sizeClass = 0;
        for (int quanta = 0; quanta < classes.length; quanta++) {
            if (quanta * QUANTUM_BYTES > BLOCK_BYTES[sizeClass]) {
                sizeClass++;
            }
            classes[quanta] = (byte) sizeClass;
        }
        return classes;
    }
}
