package malloc4j.internal.sample;

/// A Java stack that has allocated samples, and what they add up to. Under the lock of [Sampler].
final class Site {
    /// Innermost first; empty for all that had no place.
    final StackTraceElement[] stack;

    double totalBytes;
    double totalBlocks;
    long totalSamples;
    double freedBlocks;
    double freedNanos; // lifetimes of those, added up

    Site(StackTraceElement[] stack) {
        this.stack = stack;
    }

    void noteAllocated(double weight, long byteSize) {
        totalBytes += weight * byteSize;
        totalBlocks += weight;
        totalSamples++;
    }

    void noteFreed(double weight, long lifetimeNanos) {
        freedBlocks += weight;
        freedNanos += weight * lifetimeNanos;
    }
}
