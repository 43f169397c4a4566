package malloc4j.cli.workload;

import java.util.Arrays;
import java.util.Objects;

/// Makes a workload from its name.
final class Workloads {
    /// Followed by a colon and a number of blocks: what [ReturnProbe]s are made with.
    static final String RETURN = "return";

    private Workloads() {}

    /// The workload of this name.
    ///
    /// @param name of a [WorkloadName], or of a point of a [ScaleDimension]: its name, a colon, a number; or
    ///     [#RETURN] likewise
    /// @param threads that were asked for, of a workload that takes a number
    static Workload of(String name, int threads) {
        int colon = name.indexOf(':');
        if (colon < 0) {
            return named(WorkloadName.values(), name).make(threads);
        }
        long point = Long.parseLong(name, colon + 1, name.length(), 10);
        if (name.substring(0, colon).equals(RETURN)) {
            return new ReturnWorkload((int) point);
        }
        return named(ScaleDimension.values(), name.substring(0, colon)).make(point);
    }

    private static <E> E named(E[] all, String name) {
        return Arrays.stream(all)
                .filter(one -> Objects.toString(one).equals(name))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("no workload is called " + name));
    }
}
