package malloc4j.internal.region;

import malloc4j.internal.os.Errno;

/// Asks one source, and another where the first gives nothing.
public final class FirstOf implements PageSource {
    private final BrkSource first;
    private final PageSource second;

    public FirstOf(BrkSource first, PageSource second) {
        this.first = first;
        this.second = second;
    }

    @Override
    public long acquire(long byteSize) {
        long address = first.acquire(byteSize);
        return Errno.isError(address) ? second.acquire(byteSize) : address;
    }

    @Override
    public long release(long address, long byteSize) {
        return owner(address).release(address, byteSize);
    }

    @Override
    public long purge(long address, long byteSize) {
        return owner(address).purge(address, byteSize);
    }

    private PageSource owner(long address) {
        return first.owns(address) ? first : second;
    }
}
