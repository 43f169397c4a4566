package malloc4j.internal.proc;

import java.io.EOFException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;

/// Reads the memory of a process by address: of a living one through `/proc/PID/mem`, also when it is stopped or hangs,
/// and of a dead one from its [CoreImage]. Of this process too, because an address that is not mapped is an exception
/// here and the end of the JVM elsewhere.
///
/// A page is read once and kept, the last [#KEPT_PAGES] of them: what is read together was so at about one moment,
/// and following a list costs a look-up, not a system call. The process runs on meanwhile; whoever follows pointers
/// checks what it finds. A page that was never touched becomes a mapping of the zero page when it is read, which no
/// figure counts; [#isPresent] and [#next] ask first.
///
/// A living process needs the right to trace the process (`PTRACE_MODE_ATTACH`): the same user, and no
/// `yama.ptrace_scope` against it.
///
/// @source [proc_pid_mem(5)](https://man7.org/linux/man-pages/man5/proc_pid_mem.5.html)
final class ProcessMemory implements AutoCloseable {
    private static final int PAGE_BYTES = 4096; // ours, not the kernel's: only what is read at once
    private static final int KEPT_PAGES = 4096;
    private static final int MAX_STRING_BYTES = 512;

    private final Source source;
    private final Map<Long, ByteBuffer> pages = new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Long, ByteBuffer> eldest) {
            return size() > KEPT_PAGES;
        }
    };

    /// Where memory is read from.
    interface Source extends AutoCloseable {
        /// Fills the first `length` bytes from an address on, and returns how many there were.
        int read(long address, byte[] bytes, int length) throws IOException;

        /// The first address from `address` on, at most `limit`, where the next page has been touched, or has not.
        long next(long address, long limit, boolean isTouched);

        /// Whether the page at an address has been touched, as far as that is told.
        boolean isPresent(long address);

        @Override
        void close() throws IOException;
    }

    private ProcessMemory(Source source) {
        this.source = source;
    }

    /// @param directory of the process, such as `/proc/4711`
    /// @throws IOException if this process may not read it
    static ProcessMemory open(SystemFiles files, String directory, PageStates states) throws IOException {
        return new ProcessMemory(new Living(files.openAnywhere(directory + "/mem"), states));
    }

    static ProcessMemory of(CoreImage core) {
        return new ProcessMemory(core);
    }

    private record Living(RandomAccessFile memory, PageStates states) implements Source {
        @Override
        public int read(long address, byte[] bytes, int length) throws IOException {
            return address < 0 ? 0 : SystemFiles.readAt(memory, address, bytes, length);
        }

        @Override
        public long next(long address, long limit, boolean isTouched) {
            return states.next(address, limit, isTouched);
        }

        @Override
        public boolean isPresent(long address) {
            return states.isPresent(address);
        }

        @Override
        public void close() throws IOException {
            memory.close();
        }
    }

    long word(long address) throws IOException {
        if ((address & (PAGE_BYTES - 1)) <= PAGE_BYTES - Long.BYTES) {
            return page(address).getLong((int) (address & (PAGE_BYTES - 1)));
        }
        long word = 0;
        for (int index = Long.BYTES - 1; index >= 0; index--) {
            word = (word << 8) | unsignedByte(address + index);
        }
        return word;
    }

    int number(long address) throws IOException {
        if ((address & (PAGE_BYTES - 1)) <= PAGE_BYTES - Integer.BYTES) {
            return page(address).getInt((int) (address & (PAGE_BYTES - 1)));
        }
        return unsignedShort(address) | unsignedShort(address + Short.BYTES) << 16;
    }

    int unsignedByte(long address) throws IOException {
        return page(address).get((int) (address & (PAGE_BYTES - 1))) & 0xff;
    }

    int unsignedShort(long address) throws IOException {
        return unsignedByte(address) | unsignedByte(address + 1) << 8;
    }

    /// A string that ends with a zero byte, of at most 512 bytes.
    String string(long address) throws IOException {
        byte[] text = new byte[MAX_STRING_BYTES];
        for (int length = 0; length < MAX_STRING_BYTES; length++) {
            text[length] = (byte) unsignedByte(address + length);
            if (text[length] == 0) {
                return new String(text, 0, length, StandardCharsets.UTF_8);
            }
        }
        throw new EOFException("no string at 0x" + Long.toHexString(address));
    }

    /// Fills the first `length` bytes from an address on, in one reading, of what is in memory at this moment.
    ///
    /// @throws EOFException if a part of it cannot be read
    void read(long address, byte[] bytes, int length) throws IOException {
        if (source.read(address, bytes, length) < length) {
            throw new EOFException("nothing can be read at 0x" + Long.toHexString(address));
        }
    }

    /// The first address from `address` on, at most `limit`, where the next page has been touched, or has not: what was
    /// never touched is zero. Where nothing tells, all has been touched.
    long next(long address, long limit, boolean isTouched) {
        return source.next(address, limit, isTouched);
    }

    /// Whether the page at `address` has been touched, so that reading it changes nothing; false where nothing
    /// tells.
    boolean isPresent(long address) {
        return source.isPresent(address);
    }

    private ByteBuffer page(long address) throws IOException {
        long start = address & -PAGE_BYTES;
        ByteBuffer page = pages.get(start);
        if (page == null) {
            page = ByteBuffer.allocate(PAGE_BYTES).order(ByteOrder.nativeOrder());
            read(start, page.array(), PAGE_BYTES);
            pages.put(start, page);
        }
        return page;
    }

    @Override
    public void close() throws IOException {
        source.close();
    }
}
