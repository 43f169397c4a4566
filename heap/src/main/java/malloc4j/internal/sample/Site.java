package malloc4j.internal.sample;

import java.util.List;

/// A Java stack that has allocated samples, and what they add up to. Under the lock of [Sampler].
final class Site {
    /// Innermost first; empty for all that had no place.
    final List<StackTraceElement> stack;

    double totalBytes;
    double totalBlocks;
    double totalVariance; // of totalBytes
    long totalSamples;
    double freedBlocks;
    double freedNanos; // lifetimes of those, added up

    Site(StackTraceElement[] stack) {
        this.stack = List.of(stack);
    }

    void noteAllocated(double weight, long byteSize) {
        totalBytes += weight * byteSize;
        totalBlocks += weight;
        totalVariance += variance(weight, (double) byteSize);
        totalSamples++;
    }

    /// What a sample adds to the variance of a sum of bytes: by the chance `p = 1 / weight` of being one, `(1 - p) / p`
    /// times the square of its bytes stands for each of `weight` blocks.
    static double variance(double weight, double byteSize) {
        return weight * (weight - 1) * byteSize * byteSize;
    }

    void noteFreed(double weight, long lifetimeNanos) {
        freedBlocks += weight;
        freedNanos += weight * lifetimeNanos;
    }
}
