package malloc4j.internal.sample;

/// A block that was looked at when it was allocated. Under the lock of [Sampler], but for what never changes.
public final class Sample {
    final Site site;
    final String thread;
    final long allocatedNanos;
    final double weight;
    long address; // 0 until the block is taken
    long byteSize;

    Sample(Site site, String thread, long allocatedNanos, double weight) {
        this.site = site;
        this.thread = thread;
        this.allocatedNanos = allocatedNanos;
        this.weight = weight;
    }

    /// How many bytes of the block may be used. By whoever has [taken it out][Sampler#remove].
    public long byteSize() {
        return byteSize;
    }
}
