package malloc4j.jmx;

import java.util.List;
import java.util.Map;
import malloc4j.observe.SizeClassStatistics;

/// One heap, as JMX shows it. `JMX.newMXBeanProxy(connection, name, HeapMXBean.class)` is one in another process.
///
/// Attributes are counts that the heap keeps anyway: several read by one request are of the same moment, and cost one
/// reading, some microseconds. Whatever has to walk the heap, or asks the kernel, is an operation. All but the name,
/// the number and the options throw [IllegalStateException] once the heap is closed.
///
/// @since 0.1.0
public interface HeapMXBean {
    /// The name of the heap.
    @Described("Name of the heap")
    String getHeapName();

    /// The number of the heap in its process.
    @Described("Number of the heap in its process, by which heaps of one name differ")
    int getHeapId();

    /// What the heap was made with.
    @Described("Options that the heap was made with, as system properties would give them")
    Map<String, String> getOptions();

    /// As [malloc4j.Heap#hardLimitBytes].
    @Described(value = "Hard limit of committedBytes, here and below; the largest number for none", units = "bytes")
    long getHardLimitBytes();

    /// As [malloc4j.Heap#setHardLimitBytes].
    void setHardLimitBytes(long byteSize);

    /// As [malloc4j.Heap#softLimitBytes].
    @Described(value = "Soft limit of committedBytes, here and below; the largest number for none", units = "bytes")
    long getSoftLimitBytes();

    /// As [malloc4j.Heap#setSoftLimitBytes].
    void setSoftLimitBytes(long byteSize);

    // ------------------------------------------------------------------------------------ HeapStatistics, in its order

    /// As [malloc4j.observe.HeapStatistics#liveBlocks].
    @Described(value = "Blocks that are allocated and not freed", units = "blocks")
    long getLiveBlocks();

    /// As [malloc4j.observe.HeapStatistics#liveBytes].
    @Described(value = "Usable sizes of the blocks that are allocated and not freed", units = "bytes")
    long getLiveBytes();

    /// As [malloc4j.observe.HeapStatistics#allocatedBlocks].
    @Described(value = "Blocks that were allocated since the heap was made", units = "blocks")
    long getAllocatedBlocks();

    /// As [malloc4j.observe.HeapStatistics#allocatedBytes].
    @Described(value = "Usable sizes of what was allocated since the heap was made", units = "bytes")
    long getAllocatedBytes();

    /// As [malloc4j.observe.HeapStatistics#freedBlocks].
    @Described(value = "Blocks that were freed since the heap was made", units = "blocks")
    long getFreedBlocks();

    /// As [malloc4j.observe.HeapStatistics#freedBytes].
    @Described(value = "Usable sizes of what was freed since the heap was made", units = "bytes")
    long getFreedBytes();

    /// As [malloc4j.observe.HeapStatistics#refusals].
    @Described(value = "Requests that were refused for want of memory, or for their size", units = "requests")
    long getRefusals();

    /// As [malloc4j.observe.HeapStatistics#systemCalls].
    @Described(value = "System calls made for the heap since it was made", units = "calls")
    long getSystemCalls();

    /// As [malloc4j.observe.HeapStatistics#sizeClasses].
    @Described("What the slabs of each size of block hold, and what they have done, smallest first")
    List<SizeClassStatistics> getSizeClasses();

    /// As [malloc4j.observe.HeapStatistics#largeBlocks].
    @Described(value = "Live blocks that are runs of pages", units = "blocks")
    long getLargeBlocks();

    /// As [malloc4j.observe.HeapStatistics#largeBytes].
    @Described(value = "Sizes of the live blocks that are runs of pages", units = "bytes")
    long getLargeBytes();

    /// As [malloc4j.observe.HeapStatistics#hugeBlocks].
    @Described(value = "Live blocks that are mappings of their own", units = "blocks")
    long getHugeBlocks();

    /// As [malloc4j.observe.HeapStatistics#hugeBytes].
    @Described(value = "Sizes of the live blocks that are mappings of their own", units = "bytes")
    long getHugeBytes();

    /// As [malloc4j.observe.HeapStatistics#spanBytes].
    @Described(value = "Pages that slabs and large blocks have", units = "bytes")
    long getSpanBytes();

    /// As [malloc4j.observe.HeapStatistics#dirtyBytes].
    @Described(value = "Free pages kept for reuse, not yet given back to the kernel", units = "bytes")
    long getDirtyBytes();

    /// As [malloc4j.observe.HeapStatistics#committedBytes].
    @Described(value = "What the limits of the heap count", units = "bytes")
    long getCommittedBytes();

    /// As [malloc4j.observe.HeapStatistics#reservedBytes].
    @Described(value = "Mapped for the heap, in use or not", units = "bytes")
    long getReservedBytes();

    /// As [malloc4j.observe.HeapStatistics#purgedBytes].
    @Described(value = "Pages given back to the kernel since the heap was made", units = "bytes")
    long getPurgedBytes();

    /// As [malloc4j.observe.HeapStatistics#threadCaches].
    @Described(
            value = "Caches: one for each thread that ran at the same time, and those that virtual threads share",
            units = "caches")
    int getThreadCaches();

    /// As [malloc4j.observe.HeapStatistics#magazineBytes].
    @Described(value = "What the caches may use outside of what is reserved", units = "bytes")
    long getMagazineBytes();

    // ---------------------------------------------------------------------------------------------------- operations

    /// As [malloc4j.Heap#trim].
    @Described(
            value = "Gives free pages back to the kernel now, but for so many bytes; returns whether any went back",
            parameter = "keepBytes")
    boolean trim(long keepBytes);

    /// As [malloc4j.Heap#verify].
    ///
    /// @throws IllegalStateException naming the first invariant that does not hold
    @Described("Checks every invariant of the heap, while no thread of the program uses it; fails with the first that"
            + " does not hold")
    void verify();

    /// As [malloc4j.Heap#snapshot], without single blocks and pages.
    @Described("What the memory of the heap is, by a walk over its records: some milliseconds a GiB")
    HeapParts snapshot();

    /// As [malloc4j.Heap#residentBytes].
    @Described(
            value = "What of the heap the kernel holds in memory, which looks at each page: some milliseconds a GiB",
            units = "bytes")
    long measureResidentBytes();

    /// As [malloc4j.Heap#startProfile].
    @Described(
            value =
                    "Samples what is allocated from now on, with so many bytes between two samples; 524288 suits programs"
                            + " in use",
            parameter = "sampleBytes")
    void startProfile(long sampleBytes);

    /// As [malloc4j.Heap#stopProfile].
    @Described("Takes no samples from now on, and forgets what they have told")
    void stopProfile();

    /// The first sites of [malloc4j.Heap#profile].
    @Described(
            value = "By which stacks the most is live, as the samples since startProfile estimate it: so many of them",
            parameter = "sites")
    List<ProfiledSite> profile(int sites);
}
