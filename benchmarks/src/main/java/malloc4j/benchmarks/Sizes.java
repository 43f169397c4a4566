package malloc4j.benchmarks;

import java.util.Random;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

/// Sizes of 1 to 1,024 bytes, uniform, the same in every run; made before, so that drawing one is a load.
@State(Scope.Thread)
public class Sizes {
    private static final int COUNT = 1 << 14; // too many for a branch predictor to learn
    private static final int MAX_BYTES = 1024;
    private static final long SEED = 20_260_101;

    private final int[] sizes = new Random(SEED).ints(COUNT, 1, MAX_BYTES + 1).toArray();
    private int next;

    long next() {
        int[] all = sizes;
        return all[next++ & (all.length - 1)];
    }
}
