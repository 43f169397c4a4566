package malloc4j.linux;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import malloc4j.internal.memory.RawMemory;

/// Hands addresses to `write(2)` and `read(2)`, which answer `EFAULT` where touching them would raise a signal.
record Transfer(FileChannel file) implements AutoCloseable {
    static Transfer of(Path path) throws IOException {
        return new Transfer(FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE));
    }

    /// Has the kernel read memory.
    long write(long address, long byteSize) throws IOException {
        return file.write(RawMemory.segment(address, byteSize).asByteBuffer(), 0);
    }

    /// Has the kernel write memory.
    long read(long address, long byteSize) throws IOException {
        return file.read(RawMemory.segment(address, byteSize).asByteBuffer(), 0);
    }

    @Override
    public void close() throws IOException {
        file.close();
    }
}
