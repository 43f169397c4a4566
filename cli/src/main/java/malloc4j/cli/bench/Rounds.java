package malloc4j.cli.bench;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import malloc4j.cli.bench.BenchReport.Disturbance;
import malloc4j.cli.bench.BenchReport.Spread;
import org.jspecify.annotations.Nullable;

/// The timed rounds of one allocator at one workload.
final class Rounds {
    /// Rounds that differ by more are no good measurement, whatever the cause.
    static final double SPREAD_BOUND = 0.25;

    private final List<Double> nanosPerOperation = new ArrayList<>();
    private final List<Double> cpuNanosPerOperation = new ArrayList<>();
    private final List<MachineLoad> loads = new ArrayList<>();
    private long operations;

    /// @param answer of [BenchChild] to `round`: operations, nanoseconds, own processor time, others', steal
    void add(String answer) {
        String[] words = answer.split(" ", 5);
        long roundOperations = Long.parseLong(words[0]);
        long nanos = Long.parseLong(words[1]);
        add(
                roundOperations,
                nanos,
                new MachineLoad(nanos, Long.parseLong(words[2]), Long.parseLong(words[3]), Long.parseLong(words[4])));
    }

    void add(long roundOperations, long nanos, MachineLoad load) {
        operations += roundOperations;
        nanosPerOperation.add((double) nanos / roundOperations);
        cpuNanosPerOperation.add((double) load.ownNanos() / roundOperations);
        loads.add(load);
    }

    long operations() {
        return operations;
    }

    List<Double> nanosPerOperation() {
        return nanosPerOperation;
    }

    double medianNanos() {
        return spread(nanosPerOperation).median();
    }

    double medianCpuNanos() {
        return spread(cpuNanosPerOperation).median();
    }

    /// Round by round against the best; as many rounds each.
    Spread to(Rounds best) {
        List<Double> ratios = new ArrayList<>();
        for (int i = 0; i < nanosPerOperation.size(); i++) {
            ratios.add(nanosPerOperation.get(i) / best.nanosPerOperation.get(i));
        }
        return spread(ratios);
    }

    @Nullable
    Disturbance disturbance() {
        int disturbed = (int) loads.stream().filter(MachineLoad::isDisturbed).count();
        Spread nanos = spread(nanosPerOperation);
        double spread = (nanos.max() - nanos.min()) / nanos.median();
        if (disturbed == 0 && spread <= SPREAD_BOUND) {
            return null;
        }
        return new Disturbance(
                disturbed,
                Figures.rounded(
                        loads.stream()
                                .mapToDouble(MachineLoad::othersShare)
                                .max()
                                .orElse(0),
                        3),
                Figures.rounded(
                        loads.stream()
                                .mapToDouble(MachineLoad::stealShare)
                                .max()
                                .orElse(0),
                        3),
                Figures.rounded(spread, 3));
    }

    static Spread spread(List<Double> values) {
        double[] sorted = values.stream().mapToDouble(Double::doubleValue).toArray();
        Arrays.sort(sorted);
        int middle = sorted.length / 2;
        double median = sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
        return new Spread(
                Figures.rounded(sorted[0], 3),
                Figures.rounded(median, 3),
                Figures.rounded(sorted[sorted.length - 1], 3));
    }
}
