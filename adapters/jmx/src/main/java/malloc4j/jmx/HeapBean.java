package malloc4j.jmx;

import java.lang.ref.WeakReference;
import java.lang.reflect.Method;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import javax.management.AttributeList;
import javax.management.MBeanAttributeInfo;
import javax.management.MBeanFeatureInfo;
import javax.management.MBeanOperationInfo;
import javax.management.MBeanParameterInfo;
import javax.management.StandardMBean;
import malloc4j.Heap;
import malloc4j.observe.HeapStatistics;
import malloc4j.observe.SizeClassStatistics;

/// The MXBean of one heap, which it does not keep.
///
/// Concurrency: any thread, at any time.
final class HeapBean extends StandardMBean implements HeapMXBean {
    private static final ScopedValue<HeapStatistics> READING = ScopedValue.newInstance(); // of one request

    private final WeakReference<Heap> reference;
    private final String heapName;
    private final int heapId;
    private final Map<String, String> options;

    HeapBean(Heap heap) {
        super(HeapMXBean.class, true);
        reference = new WeakReference<>(heap);
        heapName = heap.options().name();
        heapId = heap.heapId();
        options = Map.copyOf(heap.options().properties());
    }

    private Heap heap() {
        Heap heap = reference.get();
        if (heap == null) {
            throw new IllegalStateException("heap '" + heapName + "' is gone");
        }
        return heap;
    }

    private HeapStatistics statistics() {
        return READING.isBound() ? READING.get() : heap().statistics();
    }

    /// All by one reading.
    @Override
    public AttributeList getAttributes(String[] names) {
        HeapStatistics reading;
        try {
            reading = heap().statistics();
        } catch (IllegalStateException closed) {
            return super.getAttributes(names); // those that a closed heap has
        }
        return ScopedValue.where(READING, reading).call(() -> super.getAttributes(names));
    }

    // ------------------------------------------------------------------------------------------------- descriptions

    private static Optional<Described> described(MBeanFeatureInfo feature) {
        for (Method method : HeapMXBean.class.getMethods()) {
            String name = method.getName();
            if (method.isAnnotationPresent(Described.class)
                    && (name.equals(feature.getName()) || name.equals("get" + feature.getName()))) {
                return Optional.of(method.getAnnotation(Described.class));
            }
        }
        return Optional.empty();
    }

    private static String text(MBeanFeatureInfo feature) {
        return described(feature)
                .map(each -> each.units().isEmpty() ? each.value() : each.value() + ", in " + each.units())
                .orElse(feature.getName());
    }

    @Override
    protected String getDescription(MBeanAttributeInfo attribute) {
        return text(attribute);
    }

    @Override
    protected String getDescription(MBeanOperationInfo operation) {
        return text(operation);
    }

    @Override
    protected String getParameterName(MBeanOperationInfo operation, MBeanParameterInfo parameter, int sequence) {
        return described(operation).map(Described::parameter).orElse(parameter.getName());
    }

    // --------------------------------------------------------------------------------------------------- attributes

    @Override
    public String getHeapName() {
        return heapName;
    }

    @Override
    public int getHeapId() {
        return heapId;
    }

    @Override
    public Map<String, String> getOptions() {
        return options;
    }

    @Override
    public long getHardLimitBytes() {
        return heap().hardLimitBytes();
    }

    @Override
    public void setHardLimitBytes(long byteSize) {
        heap().setHardLimitBytes(byteSize);
    }

    @Override
    public long getSoftLimitBytes() {
        return heap().softLimitBytes();
    }

    @Override
    public void setSoftLimitBytes(long byteSize) {
        heap().setSoftLimitBytes(byteSize);
    }

    @Override
    public long getLiveBlocks() {
        return statistics().liveBlocks();
    }

    @Override
    public long getLiveBytes() {
        return statistics().liveBytes();
    }

    @Override
    public long getAllocatedBlocks() {
        return statistics().allocatedBlocks();
    }

    @Override
    public long getAllocatedBytes() {
        return statistics().allocatedBytes();
    }

    @Override
    public long getFreedBlocks() {
        return statistics().freedBlocks();
    }

    @Override
    public long getFreedBytes() {
        return statistics().freedBytes();
    }

    @Override
    public long getRefusals() {
        return statistics().refusals();
    }

    @Override
    public long getSystemCalls() {
        return statistics().systemCalls();
    }

    @Override
    public List<SizeClassStatistics> getSizeClasses() {
        return statistics().sizeClasses();
    }

    @Override
    public long getLargeBlocks() {
        return statistics().largeBlocks();
    }

    @Override
    public long getLargeBytes() {
        return statistics().largeBytes();
    }

    @Override
    public long getHugeBlocks() {
        return statistics().hugeBlocks();
    }

    @Override
    public long getHugeBytes() {
        return statistics().hugeBytes();
    }

    @Override
    public long getSpanBytes() {
        return statistics().spanBytes();
    }

    @Override
    public long getDirtyBytes() {
        return statistics().dirtyBytes();
    }

    @Override
    public long getCommittedBytes() {
        return statistics().committedBytes();
    }

    @Override
    public long getReservedBytes() {
        return statistics().reservedBytes();
    }

    @Override
    public long getPurgedBytes() {
        return statistics().purgedBytes();
    }

    @Override
    public int getThreadCaches() {
        return statistics().threadCaches();
    }

    @Override
    public long getMagazineBytes() {
        return statistics().magazineBytes();
    }

    // --------------------------------------------------------------------------------------------------- operations

    @Override
    public boolean trim(long keepBytes) {
        return heap().trim(keepBytes);
    }

    @Override
    public void verify() {
        try {
            heap().verify();
        } catch (AssertionError broken) {
            throw new IllegalStateException("verify of heap '" + heapName + "': " + broken.getMessage(), broken);
        }
    }

    @Override
    public HeapParts snapshot() {
        return HeapParts.of(heap().snapshot());
    }

    @Override
    public long measureResidentBytes() {
        return heap().residentBytes();
    }

    @Override
    public void startProfile(long sampleBytes) {
        heap().startProfile(sampleBytes);
    }

    @Override
    public void stopProfile() {
        heap().stopProfile();
    }

    @Override
    public List<ProfiledSite> profile(int sites) {
        if (sites < 0) {
            throw new IllegalArgumentException("profile(sites=" + sites + "): must be 0 or more");
        }
        return heap().profile().sites().stream()
                .limit(sites)
                .map(ProfiledSite::of)
                .toList();
    }
}
