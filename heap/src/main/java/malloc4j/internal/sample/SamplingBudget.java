package malloc4j.internal.sample;

/// Keeps what taking samples costs near a share of one processor's time, by a longer way between them: for a program
/// that allocates gigabytes a second takes more samples than anybody needs.
///
/// ```
///   credit    earns SHARE of the time that passes, pays for each sample; at most MAX_CREDIT_NANOS, at least 0
///
///   stretch   1 while the credit is above the half, 4,096 when there is none, by powers between
/// ```
///
/// So a program that seldom allocates, or for a short time, has all its samples, and one in a tight loop as many as the
/// share pays for.
///
/// Concurrency: under the lock of [Sampler].
final class SamplingBudget {
    private static final double MAX_CREDIT_NANOS = 20e6;
    private static final double SHARE =
            0.005; // half of it is not seen by the clock: caches and TLBs are colder afterwards
    private static final int MAX_STRETCH_LOG = 12;

    /// What took longer waited for something, or ran for the first time.
    private static final long MAX_COST_NANOS = 30_000;

    private double creditNanos = MAX_CREDIT_NANOS;
    private long last;

    SamplingBudget(long now) {
        last = now;
    }

    /// How many times as long the way between samples is to be.
    double stretch() {
        double missing = 1 - creditNanos / (MAX_CREDIT_NANOS / 2);
        return missing <= 0 ? 1 : Math.pow(2, missing * MAX_STRETCH_LOG);
    }

    /// Notes that a sample has taken from `begin` to `end`.
    void note(long begin, long end) {
        double earned = Math.max(0, end - last) * SHARE;
        double credit = creditNanos + earned - Math.min(end - begin, MAX_COST_NANOS);
        creditNanos = Math.clamp(credit, 0, MAX_CREDIT_NANOS);
        last = Math.max(last, end);
    }
}
