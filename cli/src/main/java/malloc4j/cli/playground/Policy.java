package malloc4j.cli.playground;

import malloc4j.HeapOptions;
import malloc4j.MemorySource;

/// Where blocks come from.
enum Policy {
    /// As C libraries do: small blocks from the program break, large ones as mappings.
    BY_SIZE("playground", MemorySource.BRK, 128 << 10),
    /// All from the program break.
    BREAK("playground-break", MemorySource.BRK, 1L << 46),
    /// None from the program break.
    MAPPING("playground-mappings", MemorySource.MMAP, 128 << 10);

    private static final long CLAIM_BYTES = 2 << 20;

    private final String heapName;
    private final MemorySource source;
    private final long mmapThresholdBytes;

    Policy(String heapName, MemorySource source, long mmapThresholdBytes) {
        this.heapName = heapName;
        this.source = source;
        this.mmapThresholdBytes = mmapThresholdBytes;
    }

    /// From which size a block is a mapping of its own.
    long mmapThresholdBytes() {
        return mmapThresholdBytes;
    }

    /// Those of a heap that gives back nothing by itself, so that it is seen when it does, and knows who has each
    /// block.
    HeapOptions options() {
        return HeapOptions.builder()
                .name(heapName)
                .source(source)
                .mmapThresholdBytes(mmapThresholdBytes)
                .brkClaimBytes(CLAIM_BYTES)
                .option("purgeDelayMillis", "-1")
                .profileBytes(1)
                .build();
    }
}
