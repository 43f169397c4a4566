package malloc4j.internal.region;

/// Mapped memory: hands each call on, for tests that change one of them.
public class ForwardingSource implements PageSource {
    private final PageSource target = new MmapSource(Ground.process(), MmapSource.Pages.DEFAULT);

    @Override
    public long acquire(long byteSize) {
        return target.acquire(byteSize);
    }

    @Override
    public long release(long address, long byteSize) {
        return target.release(address, byteSize);
    }

    @Override
    public long purge(long address, long byteSize) {
        return target.purge(address, byteSize);
    }

    @Override
    public long close() {
        return target.close();
    }
}
