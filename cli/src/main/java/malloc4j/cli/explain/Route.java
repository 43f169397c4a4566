package malloc4j.cli.explain;

import io.avaje.jsonb.Json;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import malloc4j.BlockMisuseException;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.MemorySource;
import malloc4j.cli.CliException;
import malloc4j.cli.Page;
import malloc4j.cli.picture.RoutePicture;
import malloc4j.observe.ExtentSnapshot;
import malloc4j.observe.HeapSnapshot;
import malloc4j.observe.HeapStatistics;

/// The way of a request through a new heap, found by making one: where its block lies, how much larger that is than
/// what was asked for, and what the first, the second and the frees cost in system calls.
///
/// @param usableBytes of the block
/// @param place where the block lies
/// @param pageBytes of a page
/// @param extentBytes mapped for the first block, all of them; 0 for a mapping of its own
/// @param firstCalls system calls of the first malloc
/// @param secondCalls system calls of the next one
/// @param freeCalls system calls of both frees
/// @param trimCalls system calls of a trim after those
/// @param source where the heap's extents come from
/// @param mmapThresholdBytes from where on a block is a mapping of its own
record Route(
        long requestedBytes,
        long usableBytes,
        Place place,
        int pageBytes,
        long extentBytes,
        long firstCalls,
        long secondCalls,
        long freeCalls,
        long trimCalls,
        MemorySource source,
        long mmapThresholdBytes)
        implements Explained {
    private static final int CHUNK_BYTES = 64 << 10;

    /// Where a block lies.
    enum Place {
        SLAB,
        LARGE,
        HUGE
    }

    /// What `explain SIZE --json` prints. The field names are a contract.
    ///
    /// @param place `slab`, `large` (a run of pages) or `huge` (a mapping of its own)
    /// @param blocksPerSlab 0 where it is in no slab
    /// @param tailBytes at the end of a slab, for no block
    @Json
    record Report(
            long requestedBytes,
            long usableBytes,
            long wasteBytes,
            String place,
            int blocksPerSlab,
            int tailBytes,
            long extentBytes,
            String source,
            long mmapThresholdBytes,
            long firstSystemCalls,
            long secondSystemCalls,
            long freeSystemCalls,
            long trimSystemCalls,
            String verdict) {}

    /// Sends requests of that size through a new heap.
    ///
    /// @throws CliException if the heap refuses them, or its options
    static Route of(long byteSize, HeapOptions options) {
        if (byteSize > Heap.MAX_BYTE_SIZE) {
            throw CliException.problem(byteSize + " bytes: no block is larger than " + Heap.MAX_BYTE_SIZE + " bytes");
        }
        try (Heap heap = Heap.create(options)) {
            return of(heap, byteSize);
        } catch (OutOfMemoryError | IllegalStateException refused) {
            throw CliException.problem(String.valueOf(refused.getMessage()));
        }
    }

    private static Route of(Heap heap, long byteSize) {
        long begin = heap.statistics().systemCalls();
        long first = heap.malloc(byteSize);
        HeapStatistics after = heap.statistics();
        HeapSnapshot snapshot = heap.snapshot();
        long second = heap.malloc(byteSize);
        long both = heap.statistics().systemCalls();
        long usable = heap.usableSize(first);
        free(heap, first);
        free(heap, second);
        long freed = heap.statistics().systemCalls();
        boolean unused = heap.trim(0);
        return new Route(
                byteSize,
                usable,
                place(snapshot, first),
                pageBytes(snapshot),
                snapshot.extents().stream().mapToLong(ExtentSnapshot::byteSize).sum(),
                after.systemCalls() - begin,
                both - after.systemCalls(),
                freed - both,
                heap.statistics().systemCalls() - freed,
                heap.options().memory().source(),
                heap.options().memory().mmapThresholdBytes());
    }

    private static void free(Heap heap, long address) {
        try {
            heap.free(address);
        } catch (BlockMisuseException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    private static int pageBytes(HeapSnapshot snapshot) {
        return snapshot.extents().isEmpty() ? 0 : snapshot.extents().getFirst().pageBytes();
    }

    private static Place place(HeapSnapshot snapshot, long address) {
        if (snapshot.hugeBlocks().stream().anyMatch(block -> block.address() == address)) {
            return Place.HUGE;
        }
        boolean isInSlab = snapshot.extents().stream()
                .flatMap(extent -> extent.slabs().stream())
                .anyMatch(slab -> address - slab.address() >= 0 && address - slab.address() < CHUNK_BYTES);
        return isInSlab ? Place.SLAB : Place.LARGE;
    }

    /// By how much the block is larger.
    long wasteBytes() {
        return usableBytes - requestedBytes;
    }

    int blocksPerSlab() {
        return place == Place.SLAB ? (int) (CHUNK_BYTES / usableBytes) : 0;
    }

    int tailBytes() {
        return place == Place.SLAB ? (int) (CHUNK_BYTES % usableBytes) : 0;
    }

    @Override
    public Object document() {
        return new Report(
                requestedBytes,
                usableBytes,
                wasteBytes(),
                place.toString().toLowerCase(Locale.ROOT),
                blocksPerSlab(),
                tailBytes(),
                extentBytes,
                source.toString().toLowerCase(Locale.ROOT),
                mmapThresholdBytes,
                firstCalls,
                secondCalls,
                freeCalls,
                trimCalls,
                sentences().getFirst());
    }

    @Override
    public void render(Page page) {
        sentences().forEach(page::line);
    }

    private List<String> sentences() {
        List<String> sentences = new ArrayList<>();
        sentences.add(RoutePicture.block(requestedBytes, usableBytes)
                + switch (place) {
                    case SLAB -> " in a slab: up to 32 KiB, blocks of one size share 64 KiB.";
                    case LARGE ->
                        ": " + usableBytes / pageBytes + " pages of its own in an extent, as it is above 32 KiB.";
                    case HUGE -> ": a mapping of its own, as it is not below mmapThresholdBytes.";
                });
        if (place == Place.SLAB) {
            sentences.add(RoutePicture.slab(blocksPerSlab(), tailBytes()));
        }
        sentences.add(RoutePicture.calls(firstCalls, secondCalls, freeCalls, trimCalls));
        sentences.add(RoutePicture.source(
                place == Place.HUGE, extentBytes, source.toString().toLowerCase(Locale.ROOT), mmapThresholdBytes));
        return sentences;
    }
}
