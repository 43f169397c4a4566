package malloc4j;

import java.util.concurrent.atomic.AtomicInteger;
import malloc4j.internal.cache.CacheRegistry;
import malloc4j.internal.cache.Purger;
import malloc4j.internal.cache.Reclaimer;
import malloc4j.internal.os.CountedCalls;
import malloc4j.internal.os.MemoryCalls;
import malloc4j.internal.os.ProcessBarrier;
import malloc4j.internal.os.SystemCalls;
import malloc4j.internal.region.BrkSource;
import malloc4j.internal.region.Budget;
import malloc4j.internal.region.ChunkMap;
import malloc4j.internal.region.FileSource;
import malloc4j.internal.region.FirstOf;
import malloc4j.internal.region.Ground;
import malloc4j.internal.region.HeapEvents;
import malloc4j.internal.region.HeapRecord;
import malloc4j.internal.region.HugeBlocks;
import malloc4j.internal.region.MmapSource;
import malloc4j.internal.region.OwnMemory;
import malloc4j.internal.region.PageSource;
import malloc4j.internal.region.Zone;
import malloc4j.internal.sample.Sampler;
import malloc4j.internal.slab.Slabs;
import malloc4j.internal.span.Spans;
import malloc4j.linux.SystemCallException;
import malloc4j.observe.Probe;

/// The wiring of a heap: which part is built on which, from the ground up.
///
/// ```
///   Heap -> Reclaimer -> CacheRegistry -> Slabs -> Spans -> PageSource -> Ground
///     \-----------------------/--- large --------/                        /
///      \-------------- huge: HugeBlocks --------------------------------/
///
///   upward, by an interface given here: CacheRegistry asks the Reclaimer for room
///   Sampler: asked by CacheRegistry's caches which block is to be looked at
///   Budget: charged by Spans and HugeBlocks
/// ```
record HeapAssembly(
        int heapId,
        Ground ground,
        CountedCalls calls,
        Budget budget,
        Spans spans,
        HugeBlocks huge,
        CacheRegistry caches,
        Reclaimer reclaimer,
        Sampler sampler,
        String guardFileRefusal,
        Runnable stopPurging) {
    private static final AtomicInteger NEXT_HEAP_ID = new AtomicInteger(1);

    /// @param all what the heap stands on; its calls are counted for it
    /// @param files opens the file of a heap that has one
    static HeapAssembly assemble(Ground all, SystemCalls files, HeapOptions options, boolean common) {
        Zone unused = ChunkMap.main(); // reserved before the first heap can need it: later there may be no room
        CountedCalls calls = new CountedCalls(all.calls());
        Ground ground = all.with(calls);
        int heapId = NEXT_HEAP_ID.getAndIncrement();
        HeapOptions.Limits limits = options.limits();
        Heap parent = limits.parent();
        Budget budget =
                new Budget(parent == null ? null : parent.budget(), limits.softLimitBytes(), limits.hardLimitBytes());
        PageSource source = source(ground, files, options);
        try {
            return assemble(ground, files, calls, options, common, heapId, budget, source);
        } catch (Throwable failed) {
            source.close(); // it may have a file
            throw failed;
        }
    }

    private static HeapAssembly assemble(
            Ground ground,
            SystemCalls files,
            CountedCalls calls,
            HeapOptions options,
            boolean common,
            int heapId,
            Budget budget,
            PageSource source) {
        Probe found = FoundProbes.ofProcess();
        HeapEvents events = options.probe() == null
                ? new HeapEvents(options.name(), heapId, found, null, ground)
                : new HeapEvents(options.name(), heapId, options.probe(), found, ground);
        Spans spans = new Spans(source, budget, heapId, events);
        Slabs slabs = new Slabs(spans, heapId);
        CacheRegistry caches = new CacheRegistry(slabs, spans, new ProcessBarrier(calls), common);
        boolean guardsAll = options.observing().guardsAll();
        Sampler sampler = new Sampler(ground, budget, ground.nanoTime() ^ heapId, guardsAll, events.calls());
        caches.setSampling(sampler);
        Reclaimer reclaimer = new Reclaimer(spans, slabs, source, caches);
        HugeBlocks huge = new HugeBlocks(ground, budget, options.memory().source() == MemorySource.HUGE, events);
        reclaimer.keep(options.purging().trimThresholdBytes());
        HeapRecord record = ground.memory()
                .addHeap(new OwnMemory.HeapMemory(heapId, options.name(), spans::forEachExtent, huge::forEachBlock));
        events.tell(record);
        sampler.tell(record);
        Runnable stopPurging = null;
        try {
            if (guardsAll) {
                sampler.openGuards();
            } else if (options.observing().hasGuards()) {
                sampler.guard(options.observing().guardEvery());
            }
            String guardFileRefusal = GuardFiles.keep(files, ground, options, heapId, sampler);
            stopPurging = Purger.start(reclaimer, options.purging().purgeDelayNanos());
            return new HeapAssembly(
                    heapId,
                    ground,
                    calls,
                    budget,
                    spans,
                    huge,
                    caches,
                    reclaimer,
                    sampler,
                    guardFileRefusal,
                    stopPurging);
        } catch (Throwable failed) {
            if (stopPurging != null) {
                stopPurging.run();
            }
            long unused = sampler.close();
            ground.memory().removeHeap(heapId);
            throw failed;
        }
    }

    /// Takes back what was begun for a heap that could not be made after all.
    void discard() {
        stopPurging.run();
        long unused = sampler.close();
        unused = reclaimer.close();
        ground.memory().removeHeap(heapId);
    }

    private static PageSource source(Ground ground, SystemCalls files, HeapOptions options) {
        return switch (options.memory().source()) {
            case MMAP -> new MmapSource(ground, MmapSource.Pages.DEFAULT);
            case BRK ->
                new FirstOf(
                        new BrkSource(ground, options.memory().brkClaimBytes()),
                        new MmapSource(ground, MmapSource.Pages.DEFAULT));
            case HUGE -> new MmapSource(ground, MmapSource.Pages.TRANSPARENT_HUGE);
            case HUGETLB -> new MmapSource(ground, MmapSource.Pages.POOL_HUGE);
            case SHARED_MEMORY -> fileSource(ground, memoryFile(ground.calls(), "malloc4j-" + options.name()));
            case FILE ->
                fileSource(
                        ground,
                        HeapFile.open(files, String.valueOf(options.memory().file())));
        };
    }

    private static FileSource fileSource(Ground ground, int fd) {
        try {
            return new FileSource(ground, fd);
        } catch (OutOfMemoryError full) {
            long unused = FileSource.closeFile(ground.calls(), fd);
            throw full;
        }
    }

    private static int memoryFile(MemoryCalls calls, String name) {
        long fd = FileSource.openMemory(calls, name);
        if (fd < 0) {
            throw new SystemCallException(
                    "memfd_create(name=" + name + ", MFD_CLOEXEC)",
                    fd,
                    "check the length of the name, and how many files are open (ulimit -n)");
        }
        return (int) fd;
    }
}
