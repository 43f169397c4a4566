package malloc4j.internal.region;

import malloc4j.internal.os.MemoryCalls;

/// Memory from the program break, out of what the process has [claimed][BreakClaims] of it.
public final class BrkSource implements PageSource {
    private final MemoryCalls calls;
    private final BreakClaims claims;
    private final long claimBytes;

    /// @param claimBytes the least to claim at once, in bytes
    public BrkSource(Ground ground, long claimBytes) {
        this.calls = ground.calls();
        this.claims = ground.claims();
        this.claimBytes = claimBytes;
    }

    @Override
    public long acquire(long byteSize) {
        return claims.acquire(calls, byteSize, claimBytes);
    }

    @Override
    public long release(long address, long byteSize) {
        return claims.release(calls, address, byteSize);
    }

    @Override
    public long purge(long address, long byteSize) {
        return Discard.pages(calls, address, byteSize);
    }

    /// Whether `address` lies in a claim.
    boolean owns(long address) {
        return claims.contains(address);
    }
}
