package malloc4j.cli.workload;

import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.function.DoubleUnaryOperator;

/// Tables of sizes, made before, so that drawing one is a load; the same in every run.
final class Sizes {
    private static final long SEED = 42;

    private Sizes() {}

    /// From `min` to `max`, all alike.
    static int[] uniform(int count, int min, int max) {
        return new SplittableRandom(SEED).ints(count, min, max + 1).toArray();
    }

    /// By the inverse of a cumulative distribution: from a number in [0, 1) to a size.
    static int[] of(int count, DoubleUnaryOperator inverse) {
        var random = new SplittableRandom(SEED);
        int[] sizes = new int[count];
        Arrays.setAll(sizes, ignored -> (int) inverse.applyAsDouble(random.nextDouble()));
        return sizes;
    }
}
