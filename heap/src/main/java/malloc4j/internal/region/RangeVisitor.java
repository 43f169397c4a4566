package malloc4j.internal.region;

/// Is shown one range after the other.
@FunctionalInterface
public interface RangeVisitor {
    void visit(long address, long byteSize);
}
